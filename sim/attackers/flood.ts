// Sends records without end: signed, well-formed, and of no use.
import { encodeDelta, type Hash, type Ports } from '../../protocols/index.ts';
import type { AttackContext, AttackerKind } from './attacker.ts';
import { forgedRecord, type Publication, takingPublications } from './publications.ts';

/** Generations around the present one of which records are made up. */
const AROUND = 12;
const BURST_MS = 100;
const DURATION_MS = 15_000;
const HASH_DIGITS = 64;

export const flood: AttackerKind = {
  name: 'flood',
  about:
    'makes up strength (default 40) signed records a second for 15 s, of past and coming generations, each for one neighbour. Withstood: two an author and generation are kept and make one another void; the others cost a signature check each and are not punished, since an honest member may send a surplus too',
  ports: (ports, context) => {
    let newest: Publication | undefined;
    let untilMs = 0;
    const burst = (): void => {
      if (newest === undefined || context.nowMs() > untilMs) return;
      pour(newest, ports, context);
      context.after(BURST_MS, burst);
    };
    return takingPublications(ports, context, (publication) => {
      const isFirst = newest === undefined;
      newest = publication;
      if (isFirst) untilMs = context.nowMs() + DURATION_MS;
      if (isFirst) burst();
      publication.publish(publication.bytes);
    });
  },
};

function pour({ record, payload }: Publication, ports: Ports, context: AttackContext): void {
  const { random, strength = 40, whisper } = context;
  const peers = ports.network.peers();
  if (peers.length === 0) return;
  for (let i = 0; i < Math.ceil((strength * BURST_MS) / 1_000); i++) {
    const generation = Math.max(1, record.generation + random.below(2 * AROUND) - AROUND);
    const base = Array.from({ length: HASH_DIGITS }, () => random.below(16).toString(16)).join('') as Hash;
    const fields = { generation, baseGeneration: generation - 1, base, votes: [] };
    const forged = forgedRecord(record, fields, ports.signer);
    whisper(peers[random.below(peers.length)], encodeDelta(forged, payload));
  }
}
