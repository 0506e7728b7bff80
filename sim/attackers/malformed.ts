// Sends bytes that are no messages, or not quite.
import type { AttackContext, AttackerKind } from './attacker.ts';
import { hasBegun, takingPublications } from './publications.ts';

/** Ways to spoil one message. */
const WAYS = 4;

export const malformed: AttackerKind = {
  name: 'malformed',
  about:
    'sends beside each record strength (default 3) spoilt ones: cut short, a bit flipped, bytes added, plain noise; and answers half of all exchanges with noise. Withstood: rejected at the door, and the sender is soon refused',
  ports: (ports, context) =>
    takingPublications(ports, context, ({ bytes, publish }) => {
      for (const peer of ports.network.peers()) {
        for (let i = 0; i < (context.strength ?? 3); i++) context.whisper(peer, spoilt(bytes, context));
      }
      publish(bytes);
    }),
  endpoint: (endpoint, context) => ({
    id: endpoint.id,
    receive: (from, bytes) => endpoint.receive(from, bytes),
    handle: (event) => endpoint.handle(event),
    serve: (from, call, bytes, respond) =>
      endpoint.serve(from, call, bytes, (response) =>
        respond(
          hasBegun(context) && response !== undefined && call === 'sync' && context.random.below(2) === 0
            ? spoilt(response, context)
            : response,
        ),
      ),
  }),
};

function spoilt(bytes: Uint8Array, { random }: AttackContext): Uint8Array {
  const copy = bytes.slice();
  switch (random.below(WAYS)) {
    case 0:
      return copy.subarray(0, random.below(copy.length));
    case 1:
      copy[random.below(copy.length)] ^= 1 << random.below(8);
      return copy;
    case 2:
      return Uint8Array.of(...copy, ...Array.from({ length: 8 }, () => random.below(256)));
    default:
      return copy.map(() => random.below(256));
  }
}
