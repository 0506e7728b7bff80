// One string that lets a stranger in: which mesh, and where somebody of it listens. It holds no secret and no
// manifest; the manifest is fetched by the mesh id, so an invitation cannot lie about it.
import assert from 'node:assert/strict';
import { sha256 } from '@noble/hashes/sha2.js';
import { ByteReader, ByteWriter, bytesEqual } from '../bytes.ts';
import type { Hash } from '../ports.ts';

const PREFIX = 'meldmesh1:';
const VERSION = 1;
const CHECKSUM_BYTES = 4;
/** More addresses than one host has; the string stays short enough for a chat message. */
export const INVITATION_ADDRESSES_MAX = 16;
export const INVITATION_ADDRESS_BYTES_MAX = 256;
const TEXT_LENGTH_MAX = 8_192;

export interface Invitation {
  readonly meshId: Hash;
  /** Multiaddrs, at most 16 of at most 256 bytes. */
  readonly addresses: readonly string[];
}

export interface InvitationProblem {
  readonly error:
    | 'MELDMESH_INVITATION_FORM'
    | 'MELDMESH_INVITATION_VERSION'
    | 'MELDMESH_INVITATION_CUT'
    | 'MELDMESH_INVITATION_CONTENT';
  readonly message: string;
}

/** `meldmesh1:` and base64url of version, mesh id, addresses and the first four bytes of their SHA-256. */
export function encodeInvitation(invitation: Invitation): string {
  assert(invitation.addresses.length <= INVITATION_ADDRESSES_MAX);
  const writer = new ByteWriter().u8(VERSION).hash(invitation.meshId).varint(invitation.addresses.length);
  for (const address of invitation.addresses) {
    assert(isAddress(address), `not an address for an invitation: ${address}`);
    writer.text(address);
  }
  const content = writer.finish();
  return PREFIX + toBase64Url(new ByteWriter().fixed(content).fixed(checksum(content)).finish());
}

/** Never throws. White space around the text and line breaks within it (mail, chat) do no harm. */
export function decodeInvitation(text: string): Invitation | InvitationProblem {
  const compact = text.length <= 2 * TEXT_LENGTH_MAX ? text.replace(/\s+/g, '') : text;
  const version = /^meldmesh(\d{1,3}):/.exec(compact)?.[1];
  if (version === undefined || compact.length > TEXT_LENGTH_MAX) {
    return problem('MELDMESH_INVITATION_FORM', 'This is no invitation: one begins with "meldmesh1:".');
  }
  if (version !== String(VERSION)) {
    return problem(
      'MELDMESH_INVITATION_VERSION',
      `This invitation is of version ${version}, we read version 1.`,
    );
  }
  const bytes = fromBase64Url(compact.slice(PREFIX.length));
  const contentLength = (bytes?.length ?? 0) - CHECKSUM_BYTES;
  const content = bytes?.subarray(0, Math.max(0, contentLength)) ?? new Uint8Array(0);
  if (bytes === undefined || !bytesEqual(bytes.subarray(content.length), checksum(content))) {
    return problem(
      'MELDMESH_INVITATION_CUT',
      'The invitation was cut short or mistyped: copy it again, whole.',
    );
  }
  return decodeContent(content) ?? problem('MELDMESH_INVITATION_CONTENT', 'The invitation is badly made.');
}

function decodeContent(content: Uint8Array): Invitation | undefined {
  const reader = new ByteReader(content);
  const version = reader.u8();
  const meshId = reader.hash();
  const count = reader.varint();
  if (version !== VERSION || count > INVITATION_ADDRESSES_MAX) return undefined;
  const addresses: string[] = [];
  while (addresses.length < count && !reader.failed)
    addresses.push(reader.text(INVITATION_ADDRESS_BYTES_MAX));
  return reader.complete && addresses.every(isAddress) ? { meshId, addresses } : undefined;
}

/** Printable ASCII that begins with a slash: what a multiaddr looks like; dialling shows whether it is one. */
function isAddress(text: string): boolean {
  return text.length <= INVITATION_ADDRESS_BYTES_MAX && /^\/[\x21-\x7e]+$/.test(text);
}

function problem(error: InvitationProblem['error'], message: string): InvitationProblem {
  return { error, message };
}

function checksum(content: Uint8Array): Uint8Array {
  return sha256(content).subarray(0, CHECKSUM_BYTES);
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

/** `undefined` for anything but the one form that `toBase64Url` gives. */
function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return toBase64Url(bytes) === text ? bytes : undefined;
}
