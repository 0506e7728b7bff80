// Which folder a command means when nobody says: `.meldmesh/node` for a node of one's own, the newest
// `.meldmesh/mesh-…` for a mesh. It knows names of files, not what is in a store.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from './errors.ts';

export const HOME = '.meldmesh';
export const NODE_STORE = join(HOME, 'node');
/** What `mesh` writes down of itself, in its store folder. */
export const MESH_FILE = 'mesh.json';
export const MANIFEST_FILE = 'manifest.json';

/** Folder of one node of a mesh on this machine. */
export function nodeStoreOf(mesh: string, index: number): string {
  return join(mesh, `node-${index}`);
}

/** A fresh name that sorts by time: `.meldmesh/mesh-20260102-030405`. */
export function freshMeshStore(now: Date): string {
  const digits = now.toISOString().replace(/\D/g, '');
  const name = join(HOME, `mesh-${digits.slice(0, 8)}-${digits.slice(8, 14)}`);
  return existsSync(name) ? `${name}-${digits.slice(14, 17)}` : name;
}

/**
 * The node stores behind a --store flag: the folder itself, or the nodes of the mesh that it is.
 * @throws CliError MELDMESH_STORE_EMPTY when there is nothing
 */
export function nodeStores(given: string | undefined): readonly string[] {
  const store = given ?? defaultStore();
  if (store === undefined) {
    throw new CliError('MELDMESH_STORE_EMPTY', `There is no node in ${HOME}/`, {
      hint: 'Start one with `meldmesh join` or `meldmesh mesh`, or name its folder with --store',
    });
  }
  if (!existsSync(store) || !statSync(store).isDirectory()) {
    throw new CliError('MELDMESH_STORE_EMPTY', `There is no folder ${store}`, {
      hint: 'Check --store for typing errors, or start a node with it',
    });
  }
  if (!existsSync(join(store, MESH_FILE))) return [store];
  const nodes = readdirSync(store).filter((name) => /^node-\d+$/.test(name));
  nodes.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  return nodes.map((name) => join(store, name));
}

/** For commands about one node: a mesh's first one stands for it. */
export function nodeStore(given: string | undefined): string {
  return nodeStores(given)[0];
}

function defaultStore(): string | undefined {
  if (existsSync(NODE_STORE)) return NODE_STORE;
  if (!existsSync(HOME)) return undefined;
  const meshes = readdirSync(HOME).filter((name) => existsSync(join(HOME, name, MESH_FILE)));
  const newest = meshes.sort().at(-1);
  return newest === undefined ? undefined : join(HOME, newest);
}

/**
 * A text file of the user's.
 * @throws CliError with the code given when it cannot be read
 */
export function readTextFile(
  path: string,
  code: 'MELDMESH_MANIFEST_FILE' | 'MELDMESH_STORE_FILE' | 'MELDMESH_SIM_FILE',
): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(code, `${path} cannot be read (${reason})`, {
      cause,
      hint: 'Check the path and its permissions',
    });
  }
}
