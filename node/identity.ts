// Who this node is: one Ed25519 key in a file that only its owner may read. It knows no mesh; the same key may
// be used in several, one store folder each.
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { PeerId } from '../protocols/index.ts';
import { codesOf, MeldError } from './errors.ts';

const FILE_NAME = 'identity.key';
const SEED_BYTES = 32;

export interface Identity {
  readonly peerId: PeerId;
  /** The 32 bytes from which the key is made. Secret. */
  readonly seed: Uint8Array;
  /** The same key as libp2p takes it. */
  readonly privateKey: Ed25519PrivateKey;
}

/**
 * The key of this store folder. Without a file one is made, from `seed` or drawn.
 * @throws MeldError MELDMESH_IDENTITY_DIFFERS when the file holds another key than `seed`,
 *   MELDMESH_IDENTITY_UNREADABLE when it holds none, MELDMESH_STORE_ACCESS when it cannot be written
 */
export async function loadIdentity(options: {
  readonly folder: string;
  readonly seed?: Uint8Array;
}): Promise<Identity> {
  const file = join(options.folder, FILE_NAME);
  const stored = await readSeed(file);
  if (stored === undefined) {
    await writeSeed(options.folder, options.seed ?? randomBytes(SEED_BYTES));
    // Read back: two processes that start at once must end with the same key.
    return loadIdentity(options);
  }
  if (options.seed !== undefined && !Buffer.from(options.seed).equals(stored)) {
    throw new MeldError('MELDMESH_IDENTITY_DIFFERS', `${file} holds another key than the seed gives`);
  }
  return identityFromSeed(stored);
}

/** The same 32 bytes always give the same peer id. */
export async function identityFromSeed(seed: Uint8Array): Promise<Identity> {
  if (seed.length !== SEED_BYTES) {
    throw new MeldError('MELDMESH_OPTIONS', `An identity seed has 32 bytes, this one has ${seed.length}`);
  }
  const privateKey = await generateKeyPairFromSeed('Ed25519', seed);
  return { peerId: peerIdFromPrivateKey(privateKey).toString() as PeerId, seed, privateKey };
}

async function readSeed(file: string): Promise<Uint8Array | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (codesOf(cause).includes('ENOENT')) return undefined;
    throw new MeldError('MELDMESH_IDENTITY_UNREADABLE', `${file} cannot be read`, cause);
  }
  if (!/^ed25519 [0-9a-f]{64}\n$/.test(text)) {
    throw new MeldError('MELDMESH_IDENTITY_UNREADABLE', `${file} holds no Ed25519 key`);
  }
  // A folder copied from elsewhere may have lost its modes; a disk that knows none cannot be helped.
  await chmod(file, 0o600).catch(() => undefined);
  return new Uint8Array(Buffer.from(text.slice('ed25519 '.length, -1), 'hex'));
}

/** On disk whole or not at all, and never over another key. */
async function writeSeed(folder: string, seed: Uint8Array): Promise<void> {
  if (seed.length !== SEED_BYTES) {
    throw new MeldError('MELDMESH_OPTIONS', `An identity seed has 32 bytes, this one has ${seed.length}`);
  }
  const file = join(folder, FILE_NAME);
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(`ed25519 ${Buffer.from(seed).toString('hex')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file);
  } catch (cause) {
    if (!codesOf(cause).includes('EEXIST')) {
      const full = codesOf(cause).includes('ENOSPC');
      const code = full ? 'MELDMESH_STORE_FULL' : 'MELDMESH_STORE_ACCESS';
      throw new MeldError(code, `${file} cannot be written`, cause);
    }
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}
