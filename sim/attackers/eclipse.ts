// Surrounds one honest member: for a while it is connected with attackers only, and they pass nothing on.
import type { AttackContext, AttackerKind } from './attacker.ts';
import { takingPublications } from './publications.ts';

const DURATION_MS = 20_000;
const BEGUN = 'eclipse begun';
const UNTIL_MS = 'eclipse until';

export const eclipse: AttackerKind = {
  name: 'eclipse',
  about:
    'all attackers together fill the connections of the first honest peer for strength (default 20,000) ms and pass nothing on. While it lasts the victim goes on with the attackers alone; afterwards it comes back to the digest of the others',
  ports: (ports, context) =>
    takingPublications(ports, context, ({ bytes, publish }) => {
      begin(context);
      publish(bytes);
    }),
  endpoint: (endpoint, context) => ({
    id: endpoint.id,
    handle: (event) => endpoint.handle(event),
    receive: (from, bytes) => {
      const verdict = endpoint.receive(from, bytes);
      // Only what is accepted is passed on.
      return isUnderWay(context) ? { act: 'ignore', reason: 'eclipse' } : verdict;
    },
    serve: (from, call, bytes, respond) => {
      if (isUnderWay(context) && from === context.victim) respond(undefined);
      else endpoint.serve(from, call, bytes, respond);
    },
  }),
};

function begin({ shared, nowMs, after, surround, victim, accomplices, strength }: AttackContext): void {
  if (shared.has(BEGUN)) return;
  const durationMs = strength ?? DURATION_MS;
  shared.set(BEGUN, true);
  shared.set(UNTIL_MS, nowMs() + durationMs);
  surround(victim, accomplices);
  after(durationMs, () => surround(victim, undefined));
}

function isUnderWay({ shared, nowMs }: AttackContext): boolean {
  const untilMs = shared.get(UNTIL_MS);
  return typeof untilMs === 'number' && nowMs() < untilMs;
}
