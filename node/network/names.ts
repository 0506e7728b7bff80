// The names under which a mesh is known on the wire, all made from its id. Knows nothing of what they carry.
import type { PeerId as LibraryPeerId } from '@libp2p/interface';
import type { Call, PeerId } from '../../protocols/index.ts';

export interface NetworkNames {
  /** gossipsub topic of all records and heads. */
  readonly topic: string;
  /** Stream protocols; strangers of another mesh do not speak them, so they are not served. */
  readonly calls: Readonly<Record<Call, string>>;
  readonly peers: string;
  /** DNS-SD service on the local network. */
  readonly service: string;
}

/** `meshId` is 64 hex digits; stream protocols carry its first 16, enough to keep meshes apart. */
export function networkNames(meshId: string): NetworkNames {
  const prefix = `/meldmesh/${meshId.slice(0, 16)}`;
  return {
    topic: `/meldmesh/1/${meshId}/deltas`,
    calls: { sync: `${prefix}/sync/1`, blob: `${prefix}/blob/1` },
    peers: `${prefix}/peers/1`,
    service: `_meld-${meshId.slice(0, 8)}._udp.local`,
  };
}

/** A libp2p peer id in the text that the protocols use. */
export function peerText(peer: LibraryPeerId): PeerId {
  return peer.toString() as PeerId;
}
