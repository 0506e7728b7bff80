// Sends more of what it has learnt than it has learnt.
import type { AttackerKind } from './attacker.ts';
import { forgedPayload } from './forged-payload.ts';

export const scaled: AttackerKind = {
  name: 'scaled',
  about:
    'sends its delta times strength (default 10). The mean does not withstand it: the model goes where the attacker points, two of eight leave bowls with nine times the loss',
  work: (work, context) =>
    forgedPayload(work, context, (delta) => delta.map((value) => (context.strength ?? 10) * value)),
};
