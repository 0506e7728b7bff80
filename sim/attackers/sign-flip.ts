// Sends the opposite of what it has learnt.
import type { AttackerKind } from './attacker.ts';
import { forgedPayload } from './forged-payload.ts';

export const signFlip: AttackerKind = {
  name: 'sign-flip',
  about:
    'sends its delta times −strength (default 1). The mean does not withstand it: two of eight leave bowls with four times the loss',
  work: (work, context) =>
    forgedPayload(work, context, (delta) => delta.map((value) => -(context.strength ?? 1) * value)),
};
