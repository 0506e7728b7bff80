// Inner product manipulation (Xie et al., 2019): turns the mean against the gradient.
import type { AttackerKind } from './attacker.ts';
import { forgedPayload } from './forged-payload.ts';
import { heardDeltas, listeningPorts } from './heard-deltas.ts';

export const innerProduct: AttackerKind = {
  name: 'inner-product',
  about:
    'sends −strength (default 2) times the mean of the deltas it has heard (Xie et al. 2019). The mean does not withstand it: from (honest ÷ attackers) on it goes backwards',
  ports: (ports, context) => listeningPorts(ports, context),
  work: (work, context) =>
    forgedPayload(work, context, (delta) => {
      const heard = heardDeltas(context);
      return heard === undefined ? delta : delta.map((_, i) => -(context.strength ?? 2) * heard.mean[i]);
    }),
};
