// Keeps its deltas back for some generations and then says them all at once, so that everybody has to correct.
import type { AttackContext, AttackerKind } from './attacker.ts';
import { takingPublications } from './publications.ts';

const GENERATIONS = 3;

/** What each attacker keeps back. */
const withheld = new WeakMap<AttackContext, Uint8Array[]>();

export const withhold: AttackerKind = {
  name: 'withhold',
  about:
    'keeps strength (default 3) generations back, serves nothing meanwhile, then publishes them at once, again and again. Withstood: what a third of the later records did not know has no weight, the rest is corrected; in bowls one of ten costs for a moment up to 4 % of the first loss, two 5 %, on digits either less than a point of accuracy, and nothing at the end',
  ports: (ports, context) =>
    takingPublications(ports, context, ({ bytes, publish }) => {
      const kept = withheld.get(context) ?? [];
      withheld.set(context, kept);
      kept.push(bytes);
      if (kept.length <= (context.strength ?? GENERATIONS)) return;
      for (const late of kept.splice(0)) publish(late);
    }),
  endpoint: (endpoint, context) => ({
    id: endpoint.id,
    receive: (from, bytes) => endpoint.receive(from, bytes),
    handle: (event) => endpoint.handle(event),
    serve: (from, call, bytes, respond) => {
      if ((withheld.get(context)?.length ?? 0) > 0) respond(undefined);
      else endpoint.serve(from, call, bytes, respond);
    },
  }),
};
