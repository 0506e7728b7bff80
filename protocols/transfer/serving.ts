// The answering side of the transfer protocol: counts what is being read for whom, and nothing else. It gives
// any stored chunk to whoever knows its hash; a hash that was never told to anybody cannot be guessed.
import type { Hash, Journal, Network, PeerId, Signer, Store } from '../ports.ts';
import type { Tickets } from '../tickets.ts';
import { SERVING_MAX, SERVING_PER_PEER_MAX } from './constants.ts';
import { type BlobRequest, decodeList, decodeRequest, encodeFound, encodeMissing } from './messages.ts';
import { blobHashOf, chunkKey, listKey } from './rules.ts';

type Respond = (bytes: Uint8Array | undefined) => void;

export interface ServingPorts {
  readonly network: Network;
  readonly store: Store;
  readonly signer: Signer;
  readonly journal: Journal;
  readonly tickets: Tickets;
  /** The list of a blob that is still being pulled, so that its first chunks can already go on. */
  readonly listInHand: (blob: Hash) => Uint8Array | undefined;
}

export interface Serving {
  serve(from: PeerId, bytes: Uint8Array, respond: Respond): void;
  /** Refuses everything that waits for the store. */
  stop(): void;
}

export function createServing(ports: ServingPorts): Serving {
  const waiting = new Map<Respond, PeerId>();

  const hasRoomFor = (peer: PeerId): boolean => {
    let count = 0;
    for (const other of waiting.values()) if (other === peer) count++;
    return waiting.size < SERVING_MAX && count < SERVING_PER_PEER_MAX;
  };

  const answerOf = (request: BlobRequest, value: Uint8Array | undefined): Uint8Array => {
    if (value === undefined) return encodeMissing();
    if (isSound(request, value, ports.signer)) return encodeFound(value);
    ports.journal.event('blob-damaged', { hash: request.hash, kind: request.kind });
    return encodeMissing();
  };

  return {
    serve(from, bytes, respond) {
      const request = decodeRequest(bytes);
      if (request === undefined) ports.network.penalise(from, 'transfer-request');
      if (request === undefined || !hasRoomFor(from)) {
        respond(undefined);
        return;
      }
      const inHand = request.kind === 'list' ? ports.listInHand(request.hash) : undefined;
      if (inHand !== undefined) {
        respond(encodeFound(inHand));
        return;
      }
      waiting.set(respond, from);
      const ticket = ports.tickets.issue((event) => {
        waiting.delete(respond);
        if (event.kind !== 'read') return;
        respond(event.error === undefined ? answerOf(request, event.values[0]) : undefined);
      });
      const key = request.kind === 'list' ? listKey(request.hash) : chunkKey(request.hash);
      ports.store.read([key], ticket);
    },
    stop() {
      const refused = [...waiting.keys()];
      waiting.clear();
      for (const respond of refused) respond(undefined);
    },
  };
}

/** What a disk has damaged is not sent on: the asker would take us for a liar. */
function isSound(request: BlobRequest, value: Uint8Array, signer: Signer): boolean {
  if (request.kind === 'chunk') return signer.hash(value) === request.hash;
  const list = decodeList(value);
  return list !== undefined && blobHashOf(list, signer.hash) === request.hash;
}
