// Small meshes of `meldmesh join` processes: a manifest, a share of MNIST for everybody, and what their stores hold.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf } from '../../../node/index.ts';
import { openStore } from '../../../node/store/level-store.ts';
import {
  canonicalBytes,
  type DeltaRecord,
  decodeDelta,
  decodeHeadRow,
  decodeOwn,
  HEAD_KEY,
  type Manifest,
  OWN_KEY,
  parseManifestConfig,
  RECORD_PREFIX,
} from '../../../protocols/index.ts';
import { LISTEN, meldmesh, type ProcessOptions, type Running } from './processes.ts';

/** A manifest for MNIST with a small model; what the test does not name has its default. */
export function manifestOf(config: Readonly<Record<string, unknown>>): Manifest {
  const parsed = parseManifestConfig({
    name: 'test',
    model: 'mlp:32',
    data: { inputs: 784, classes: 10, scale: 255 },
    ...config,
  });
  assert(parsed.manifest !== undefined, parsed.problems?.join('; '));
  return parsed.manifest;
}

export function writeManifest(folder: string, manifest: Manifest): string {
  const file = join(folder, 'manifest.json');
  writeFileSync(file, canonicalBytes(manifest));
  return file;
}

export interface Member {
  readonly store: string;
  readonly running: Running;
}

export interface MemberOptions {
  readonly store: string;
  /** A manifest file's path after `--manifest`, or an invitation; neither for a store that knows its mesh. */
  readonly how?: readonly string[];
  /** Training digits from `first` on; absent: as the store remembers, or an observer by `more`. */
  readonly digits?: { readonly first: number; readonly count: number };
  readonly more?: readonly string[];
  /** Default: loopback, a free port. */
  readonly listen?: string;
  readonly process?: ProcessOptions;
}

/** Starts one `meldmesh join` on loopback. */
export function joinMesh(options: MemberOptions): Member {
  const { store, how = [], digits, more = [], listen = LISTEN } = options;
  mkdirSync(store, { recursive: true });
  const data: string[] = [];
  if (digits !== undefined) {
    const file = join(store, 'indices.json');
    const indices = Array.from({ length: digits.count }, (_, index) => digits.first + index);
    writeFileSync(file, JSON.stringify({ indices }));
    data.push('--data', 'mnist', '--indices', file);
  }
  const args = ['join', ...how, '--store', store, ...data, '--listen', listen, '--no-mdns', ...more];
  return { store, running: meldmesh(args, options.process) };
}

export interface StoreContents {
  readonly head: ReturnType<typeof decodeHeadRow>;
  readonly own: ReturnType<typeof decodeOwn>;
  readonly records: readonly DeltaRecord[];
}

/** What lies in the store of a node that does not run. */
export async function contentsOf(folder: string): Promise<StoreContents> {
  const store = await openStore({ folder });
  try {
    const [head, own] = await store.getMany([HEAD_KEY, OWN_KEY]);
    const records: DeltaRecord[] = [];
    for await (const [key, value] of store.iterate(RECORD_PREFIX)) {
      const record = decodeDelta(value, hashOf)?.record;
      assert(record !== undefined, `the record ${key} is whole`);
      records.push(record);
    }
    return { head: head && decodeHeadRow(head), own: own && decodeOwn(own), records };
  } finally {
    await store.close();
  }
}

/** Authors and generations for which there is more than one record. */
export function repeatedGenerations(records: readonly DeltaRecord[]): readonly string[] {
  const ids = new Map<string, string>();
  const repeated = new Set<string>();
  for (const { author, generation, id } of records) {
    const slot = `${author}/${generation}`;
    if ((ids.get(slot) ?? id) !== id) repeated.add(slot);
    ids.set(slot, id);
  }
  return [...repeated];
}
