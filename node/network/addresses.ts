// Reads addresses that strangers tell us. Accepts only what we could dial: one host, one TCP port, perhaps
// websockets, perhaps a peer id. Never throws.
import { peerIdFromString } from '@libp2p/peer-id';
import type { Multiaddr } from '@multiformats/multiaddr';
import { multiaddr } from '@multiformats/multiaddr';
import type { PeerId } from '../../protocols/index.ts';
import { ADDRESS_CHARS_MAX } from './constants.ts';
import { peerText } from './names.ts';

export interface ReadAddress {
  /** With its peer id at the end where it has one. */
  readonly text: string;
  readonly peer: PeerId | undefined;
}

const shape = /^(ip4|ip6|dns|dns4|dns6) tcp( ws| wss| tls ws)?( p2p)?$/;

/** `undefined` for anything that is no dialable address. */
export function readAddress(text: string): ReadAddress | undefined {
  if (text.length > ADDRESS_CHARS_MAX) return undefined;
  try {
    const address = multiaddr(text);
    const parts = address.getComponents();
    if (!shape.test(parts.map((part) => part.name).join(' '))) return undefined;
    const last = parts.at(-1);
    const peer = last?.name === 'p2p' ? peerText(peerIdFromString(last.value ?? '')) : undefined;
    return { text: address.toString(), peer };
  } catch {
    return undefined;
  }
}

/** An address with the peer id that it must lead to. */
export function addressOf(address: Multiaddr | string, peer: string): string {
  const text = address.toString();
  return text.includes('/p2p/') ? text : `${text}/p2p/${peer}`;
}

export function needsWebsockets(addresses: readonly string[]): boolean {
  return addresses.some((address) => /\/wss?(\/|$)/.test(address));
}
