// Sends more than a message may hold.
import { encodeDelta, GOSSIP_BYTES_MAX } from '../../protocols/index.ts';
import type { AttackerKind } from './attacker.ts';
import { forgedRecord, takingPublications } from './publications.ts';

export const oversized: AttackerKind = {
  name: 'oversized',
  about:
    'sends beside each record one above the limit of gossip, and one whose payload is larger than its codec can give, signed. Withstood: rejected by size alone, and the sender is soon refused',
  ports: (ports, context) =>
    takingPublications(ports, context, ({ record, bytes, publish }) => {
      const payload = new Uint8Array(Math.round(context.strength ?? 200_000));
      const fields = { payloadBytes: payload.length, payload: ports.blobs.hashOf(payload) };
      const large = encodeDelta(forgedRecord(record, fields, ports.signer), payload);
      for (const peer of ports.network.peers()) {
        context.whisper(peer, new Uint8Array(GOSSIP_BYTES_MAX + 1));
        context.whisper(peer, large);
      }
      publish(bytes);
    }),
};
