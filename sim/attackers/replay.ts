// Says old things again: an old payload under a new record, and old records once gossip has forgotten them.
import type { RoundWork, TrainedWork } from '../learners/work.ts';
import type { AttackContext, AttackerKind } from './attacker.ts';
import { withTrained } from './forged-payload.ts';
import { takingPublications } from './publications.ts';

/** gossipsub takes the same bytes for new after two minutes. */
const FORGOTTEN_MS = 121_000;

export const replay: AttackerKind = {
  name: 'replay',
  about:
    'signs the payload of strength (default 3) generations ago as its new delta, and gossips every record again after two minutes. Old records are known and ignored; an old payload is a stale delta, which the mean takes in',
  work: (work, context) => staleWork(work, context),
  ports: (ports, context) =>
    takingPublications(ports, context, ({ bytes, publish }) => {
      publish(bytes);
      context.after(FORGOTTEN_MS, () => publish(bytes));
    }),
};

function staleWork(work: RoundWork, { strength = 3, fromGeneration }: AttackContext): RoundWork {
  const past: Uint8Array[] = [];
  const stale = (trained: TrainedWork, generation: number): TrainedWork => {
    past.push(trained.payload);
    if (past.length > strength + 1) past.shift();
    return generation < fromGeneration ? trained : { ...trained, payload: past[0] };
  };
  return withTrained(work, stale);
}
