// From the flags of `mesh` to everything that its nodes need on disk: manifest, shards, keys, and mesh.json, from
// which the same folder goes on another day. It starts nothing.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { loadIdentity, MeldError } from '../../node/index.ts';
import { canonicalBytes, decodeManifest, type Manifest, parseManifestConfig } from '../../protocols/index.ts';
import { CliError } from '../errors.ts';
import { freshMeshStore, MANIFEST_FILE, MESH_FILE, nodeStoreOf } from '../stores.ts';
import type { MeshOptions } from './options.ts';
import { drawShards, encodeIndices } from './shards.ts';

const LISTEN_DEFAULT = '/ip4/127.0.0.1/tcp/0';
const PORT_MIN = 20_000;
/** Linux hands out ports from 32,768 on, other systems from 49,152. */
const PORT_MAX = 32_000;
const PORT_ATTEMPTS = 50;

export const INDICES_FILE = 'indices.json';

const meshFileSchema = z.strictObject({
  version: z.literal(1),
  seed: z.string(),
  peers: z.number().int().positive(),
  observers: z.number().int().min(0),
  partition: z.string(),
  samples: z.array(z.number().int()),
  /** Where node 0 listens. */
  listen: z.array(z.string()),
  /** The address of node 0 that the others know. */
  bootstrap: z.string(),
});
type MeshFile = z.infer<typeof meshFileSchema>;

export interface PlannedNode {
  readonly index: number;
  readonly store: string;
  readonly peerId: string;
  readonly samples: number;
  /** Absent: an observer. */
  readonly indicesFile: string | undefined;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly bootstrap: string | undefined;
  readonly seed: string;
}

export interface Plan {
  readonly seed: string;
  readonly store: string;
  /** Whether the folder held this mesh already. */
  readonly resumed: boolean;
  readonly manifest: Manifest;
  readonly manifestFile: string;
  readonly nodes: readonly PlannedNode[];
}

/**
 * Writes the folder of a mesh, or reads the one that is there. `given` names the flags that the user typed:
 * a flag that would change an existing mesh is refused.
 * @throws CliError MELDMESH_USAGE, MELDMESH_STORE_OTHER_MESH, MELDMESH_MANIFEST_INVALID; DataError for a bad partition
 */
export async function planMesh(options: MeshOptions, given: readonly string[]): Promise<Plan> {
  if (options.trainer !== undefined && options.trainerNodes > options.peers) {
    throw new CliError('MELDMESH_USAGE', `There are ${options.peers} nodes, not ${options.trainerNodes}`, {
      hint: 'Give a smaller --trainer-nodes, or more --peers',
    });
  }
  const store = resolve(options.store ?? freshMeshStore(new Date()));
  const known = readMeshFile(store);
  const seed = known?.seed ?? options.seed ?? randomBytes(6).toString('hex');
  const manifestFile = join(store, MANIFEST_FILE);
  const manifest = known === undefined ? manifestOf(options, seed) : readManifest(manifestFile);
  if (known !== undefined) refuseChanges({ options, given, known, manifest, store });
  const file = known ?? (await writeMesh(options, { store, seed, manifest, manifestFile }));
  const nodes: PlannedNode[] = [];
  for (let index = 0; index < file.peers + file.observers; index += 1) {
    nodes.push(await planNode(index, { file, store, announce: options.announce ?? [] }));
  }
  return { seed, store, resumed: known !== undefined, manifest, manifestFile, nodes };
}

/**
 * The manifest that the flags describe.
 * @throws CliError MELDMESH_MANIFEST_INVALID
 */
export function manifestOf(options: MeshOptions, seed: string): Manifest {
  const parsed = parseManifestConfig({
    name: 'mnist',
    salt: `seed ${seed}`,
    model: options.model,
    data: { inputs: 784, classes: 10, scale: 255 },
    training: {
      learningRate: options.lr,
      momentum: options.momentum,
      batch: options.batch,
      localEpochs: options.localEpochs,
    },
    codec: options.codec,
    // The default of two would let a mesh of one wait for ever.
    ...(options.peers === 1 ? { pace: { contributorsMin: 1 } } : {}),
  });
  if (parsed.manifest !== undefined) return parsed.manifest;
  throw new CliError('MELDMESH_MANIFEST_INVALID', parsed.problems.join('; '), {
    hint: 'Correct the flag and try again',
  });
}

async function planNode(
  index: number,
  mesh: { readonly file: MeshFile; readonly store: string; readonly announce: readonly string[] },
): Promise<PlannedNode> {
  const { file } = mesh;
  const store = nodeStoreOf(mesh.store, index);
  const { peerId } = await loadIdentity({ folder: store, seed: identitySeed(file.seed, index) });
  const contributes = index < file.peers;
  return {
    index,
    store,
    peerId,
    samples: contributes ? file.samples[index] : 0,
    indicesFile: contributes ? join(store, INDICES_FILE) : undefined,
    listen: index === 0 ? file.listen : file.listen.map(withFreePort),
    announce: index === 0 ? mesh.announce : [],
    bootstrap: index === 0 ? undefined : file.bootstrap,
    seed: `${file.seed} ${index}`,
  };
}

async function writeMesh(
  options: MeshOptions,
  mesh: {
    readonly store: string;
    readonly seed: string;
    readonly manifest: Manifest;
    readonly manifestFile: string;
  },
): Promise<MeshFile> {
  const { seed, store } = mesh;
  const { peers, partition, samples, batch } = options;
  const shards = drawShards({ partition, peers, samples, batch, seed });
  const listen = await Promise.all((options.listen ?? [LISTEN_DEFAULT]).map(withChosenPort));
  for (const [index, indices] of shards.entries()) {
    mkdirSync(nodeStoreOf(store, index), { recursive: true });
    writeFileSync(join(nodeStoreOf(store, index), INDICES_FILE), encodeIndices(indices));
  }
  writeFileSync(mesh.manifestFile, canonicalBytes(mesh.manifest));
  const first = await loadIdentity({ folder: nodeStoreOf(store, 0), seed: identitySeed(seed, 0) });
  const file: MeshFile = {
    version: 1,
    seed,
    peers,
    observers: options.observe ? 1 : 0,
    partition,
    samples: shards.map((shard) => shard.length),
    listen,
    bootstrap: `${dialable(listen[0])}/p2p/${first.peerId}`,
  };
  // Last, so that a folder with this file is whole.
  writeFileSync(join(store, MESH_FILE), `${JSON.stringify(file, undefined, 2)}\n`);
  return file;
}

function readMeshFile(store: string): MeshFile | undefined {
  const path = join(store, MESH_FILE);
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new CliError('MELDMESH_STORE_FILE', `${path} is not JSON`, {
      cause,
      hint: 'Choose another --store',
    });
  }
  const parsed = meshFileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CliError('MELDMESH_STORE_FILE', `${path} is not of this version`, {
    hint: 'Choose another --store',
  });
}

function readManifest(path: string): Manifest {
  const decoded = decodeManifest(readFileSync(path));
  if (decoded.manifest !== undefined) return decoded.manifest;
  throw new CliError('MELDMESH_STORE_FILE', `${path} is damaged: ${decoded.error}`, {
    hint: 'Choose another --store',
  });
}

/** What the mesh in the folder is, a flag cannot change: it would be another mesh. */
function refuseChanges(mesh: {
  readonly options: MeshOptions;
  readonly given: readonly string[];
  readonly known: MeshFile;
  readonly manifest: Manifest;
  readonly store: string;
}): void {
  const { options, given, known, manifest, store } = mesh;
  const wanted: Readonly<Record<string, readonly [unknown, unknown]>> = {
    peers: [options.peers, known.peers],
    seed: [options.seed, known.seed],
    partition: [options.partition, known.partition],
    samples: [options.samples, known.samples.reduce((sum, count) => sum + count, 0)],
    codec: [options.codec, manifest.codec],
    localEpochs: [options.localEpochs, manifest.training.localEpochs],
    batch: [options.batch, manifest.training.batch],
    lr: [options.lr, manifest.training.learningRate],
    momentum: [options.momentum, manifest.training.momentum],
    observe: [options.observe ? 1 : 0, known.observers],
    model: [JSON.stringify(manifestOf(options, known.seed).model), JSON.stringify(manifest.model)],
  };
  const changed = given.find((name) => wanted[name] !== undefined && wanted[name][0] !== wanted[name][1]);
  if (changed === undefined) return;
  throw new CliError('MELDMESH_STORE_OTHER_MESH', `${store} holds a mesh with another --${kebab(changed)}`, {
    hint: 'Leave that flag out to go on with it, or choose another --store',
  });
}

/**
 * Node 0 must be known before it runs, so a port that is left to chance is drawn here. It lies below the ranges from
 * which systems give ports to outgoing connections: one of those might go to a neighbour that starts first.
 */
async function withChosenPort(address: string): Promise<string> {
  if (!/\/tcp\/0(\/|$)/.test(address)) return address;
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    if (await isFree(port)) return address.replace(/\/tcp\/0(?=\/|$)/, `/tcp/${port}`);
  }
  throw new MeldError('MELDMESH_LISTEN_BUSY', `No free port was found from ${PORT_MIN} to ${PORT_MAX}`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function withFreePort(address: string): string {
  return address.replace(/\/tcp\/\d+/, '/tcp/0');
}

/** An address to listen on everywhere is dialled on loopback by the neighbours on this machine. */
function dialable(address: string): string {
  return address.replace(/^\/ip4\/0\.0\.0\.0\//, '/ip4/127.0.0.1/').replace(/^\/ip6\/::\//, '/ip6/::1/');
}

function identitySeed(seed: string, index: number): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`meldmesh identity ${seed} ${index}`).digest());
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
