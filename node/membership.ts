// Which mesh a store folder belongs to, and how a newcomer comes to its manifest: the invitation names the
// manifest by its hash, any member has it, and nothing else with that hash exists.
import {
  canonicalBytes,
  chunkKey,
  decodeInvitation,
  decodeManifest,
  type Hash,
  hashOfText,
  type Invitation,
  type Manifest,
  meshIdOf,
} from '../protocols/index.ts';
import type { NodeOptions } from './api.ts';
import { MeldError } from './errors.ts';
import { hashOf } from './hash.ts';
import type { NodeStore } from './store/level-store.ts';

/** The mesh id that this store folder is bound to. The manifest itself is a chunk named by that hash. */
const MESH_KEY = 'mesh';

export interface Membership {
  readonly meshId: Hash;
  /** Absent: known by its hash only, to be fetched from a member. */
  readonly manifest: Manifest | undefined;
  /** Addresses of the invitation. */
  readonly addresses: readonly string[];
}

/** @throws MeldError MELDMESH_INVITATION_… */
export function readInvitation(text: string): Invitation {
  const decoded = decodeInvitation(text);
  if (!('error' in decoded)) return decoded;
  throw new MeldError(decoded.error, decoded.message.replace(/[.:].*$/, ''));
}

/**
 * What the options and the store say together.
 * @throws MeldError MELDMESH_STORE_MESH when they speak of different meshes, MELDMESH_MANIFEST_MISSING when
 *   neither speaks of any
 */
export async function findMembership(options: NodeOptions, store: NodeStore): Promise<Membership> {
  const invitation = options.invitation === undefined ? undefined : readInvitation(options.invitation);
  const stored = await store.get(MESH_KEY);
  const storedId = stored === undefined ? undefined : hashOfText(Buffer.from(stored).toString('latin1'));
  const givenId = options.manifest === undefined ? invitation?.meshId : meshIdOf(options.manifest, hashOf);
  const meshId = givenId ?? storedId;
  if (meshId === undefined) {
    throw new MeldError('MELDMESH_MANIFEST_MISSING', `The store ${store.folder} belongs to no mesh yet`);
  }
  if (storedId !== undefined && storedId !== meshId) {
    throw new MeldError(
      'MELDMESH_STORE_MESH',
      `The store ${store.folder} belongs to mesh ${storedId.slice(0, 16)}`,
    );
  }
  const bytes = options.manifest === undefined ? await store.get(chunkKey(meshId)) : undefined;
  return {
    meshId,
    manifest: options.manifest ?? (bytes === undefined ? undefined : readManifest(bytes, meshId)),
    addresses: invitation?.addresses ?? [],
  };
}

/** @throws MeldError MELDMESH_MANIFEST_INVALID */
export function readManifest(bytes: Uint8Array, meshId: Hash): Manifest {
  const decoded = decodeManifest(bytes);
  if (decoded.manifest === undefined) {
    throw new MeldError(
      'MELDMESH_MANIFEST_INVALID',
      `The manifest of the mesh is not valid (${decoded.error})`,
    );
  }
  if (hashOf(bytes) !== meshId) {
    throw new MeldError('MELDMESH_MANIFEST_INVALID', 'The manifest does not have the hash that names it');
  }
  return decoded.manifest;
}

/** Binds the folder to the mesh, and keeps the manifest where members can pull it. */
export async function keepMembership(store: NodeStore, meshId: Hash, manifest: Manifest): Promise<void> {
  await store.batch(
    [
      { key: chunkKey(meshId), value: canonicalBytes(manifest) },
      { key: MESH_KEY, value: Buffer.from(meshId, 'latin1') },
    ],
    true,
  );
}
