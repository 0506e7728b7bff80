// Signs two records for one generation and tells each to one half of its neighbours.
import { encodeDelta } from '../../protocols/index.ts';
import type { AttackerKind } from './attacker.ts';
import { forgedRecord, takingPublications } from './publications.ts';

export const equivocation: AttackerKind = {
  name: 'equivocation',
  about:
    'signs two records a generation, one for each half of its neighbours. Withstood: both come to everybody, and neither counts. Until the second has come the first does, and work that is never taken piles up in the liar, so a model may be far off for a moment before it is corrected',
  ports: (ports, context) =>
    takingPublications(ports, context, ({ record, payload, bytes }) => {
      const other = forgedRecord(record, { samples: record.samples + 1 }, ports.signer);
      const otherBytes = encodeDelta(other, payload);
      for (const [i, peer] of ports.network.peers().entries())
        context.whisper(peer, i % 2 === 0 ? bytes : otherBytes);
    }),
};
