// Sends its delta under noise.
import type { AttackerKind } from './attacker.ts';
import { forgedPayload } from './forged-payload.ts';
import { normal, rootMeanSquare } from './normal.ts';

export const gaussian: AttackerKind = {
  name: 'gaussian',
  about:
    'adds Gaussian noise of strength times (default 10) the size of its delta. The mean only divides it by the number of members: with two of eight, bowls never settle (150 times the loss)',
  work: (work, context) =>
    forgedPayload(work, context, (delta, generation) => {
      const random = context.random.fork(`noise ${generation}`);
      const stdDev = (context.strength ?? 10) * rootMeanSquare(delta);
      return delta.map((value) => value + stdDev * normal(random));
    }),
};
