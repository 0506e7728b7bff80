// Answers every request just before its asker would give up.
import type { AttackerKind } from './attacker.ts';
import { hasBegun, takingPublications } from './publications.ts';

/** Shares of a request's deadline: 5 s for a list of chunks and for an exchange, 10 s for a chunk. */
const LATE_MS = 4_500;
const CHUNK_LATE_MS = 9_500;
const KIND_CHUNK = 2;

export const slowLoris: AttackerKind = {
  name: 'slow-loris',
  about:
    'answers exchanges after 4.5 s and chunks after 9.5 s, times strength (default 1), which is just in time. Where payloads travel inline it only delays exchanges. Where they are pulled, its own come late, and others ask it last',
  ports: (ports, context) => takingPublications(ports, context, ({ bytes, publish }) => publish(bytes)),
  endpoint: (endpoint, context) => ({
    id: endpoint.id,
    receive: (from, bytes) => endpoint.receive(from, bytes),
    handle: (event) => endpoint.handle(event),
    serve: (from, call, bytes, respond) => {
      const isChunk = call === 'blob' && bytes[0] === KIND_CHUNK;
      const lateMs = (context.strength ?? 1) * (isChunk ? CHUNK_LATE_MS : LATE_MS);
      endpoint.serve(from, call, bytes, (response) => {
        if (hasBegun(context)) context.after(lateMs, () => respond(response));
        else respond(response);
      });
    },
  }),
};
