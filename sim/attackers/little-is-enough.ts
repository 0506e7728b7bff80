// A little is enough (Baruch et al., 2019): hides within the spread of the honest deltas.
import type { AttackerKind } from './attacker.ts';
import { forgedPayload } from './forged-payload.ts';
import { heardDeltas, listeningPorts } from './heard-deltas.ts';

export const littleIsEnough: AttackerKind = {
  name: 'little-is-enough',
  about:
    'sends the mean of the deltas it has heard less strength (default 1.5) standard deviations in every entry (Baruch et al. 2019). Made against robust rules, and the mean does not withstand it either: two of eight leave bowls with 18 times the loss',
  ports: (ports, context) => listeningPorts(ports, context),
  work: (work, context) =>
    forgedPayload(work, context, (delta) => {
      const heard = heardDeltas(context);
      if (heard === undefined) return delta;
      return delta.map((_, i) => heard.mean[i] - (context.strength ?? 1.5) * heard.stdDev[i]);
    }),
};
