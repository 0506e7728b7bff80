// The history that a store holds, read while no node runs on it: who contributed what, and the model recomputed
// from it. It uses the protocol's own set and arithmetic, so that it judges by the same rules as a node.
import {
  applyGeneration,
  type Codec,
  codecNamed,
  generationRule,
  initialWeights,
  layoutOf,
  type ModelLayout,
} from '../fusion/index.ts';
import {
  type DeltaRecord,
  decodeDelta,
  decodeFloor,
  decodeHeadRow,
  decodeSnapshotRow,
  FLOOR_KEY,
  type Hash,
  HEAD_KEY,
  type HeadRow,
  initialSeedOf,
  type Manifest,
  RECORD_PREFIX,
  RecordSet,
  recordSetOptionsOf,
  SNAPSHOT_PREFIX,
  type SnapshotRow,
  stateBytes,
} from '../protocols/index.ts';
import { MeldError } from './errors.ts';
import { hashOf } from './hash.ts';
import { findMembership } from './membership.ts';
import { createVerifier } from './signer.ts';
import type { NodeStore } from './store/level-store.ts';
import { readBlob } from './store/stored-blobs.ts';

export interface MeshHistory {
  readonly meshId: Hash;
  readonly manifest: Manifest;
  readonly layout: ModelLayout;
  readonly codec: Codec;
  /** Every sound record, ascending by generation and id. */
  readonly records: readonly DeltaRecord[];
  /** Rows that cannot be read or are not signed by their author, as sentences. */
  readonly damaged: readonly string[];
  /** What the node last said that its model was. */
  readonly head: HeadRow | undefined;
  /** Copies of S and m, ascending by generation. */
  readonly snapshots: readonly SnapshotRow[];
  /** A state was copied from elsewhere at this generation: the history begins above it. 0: it is whole. */
  readonly floor: number;
}

/** The model after one generation. `model` and `momentum` are overwritten by the next one. */
export interface ReplayedGeneration {
  readonly generation: number;
  readonly model: Float32Array;
  readonly momentum: Float32Array;
  /** SHA-256 of the model, and of model and momentum. */
  readonly digest: Hash;
  readonly state: Hash;
  /** What counted in it. */
  readonly records: readonly DeltaRecord[];
}

/**
 * Everything but the payloads.
 * @throws MeldError MELDMESH_MANIFEST_MISSING, MELDMESH_MANIFEST_INVALID, MELDMESH_STORE_…
 */
export async function readHistory(store: NodeStore): Promise<MeshHistory> {
  const { meshId, manifest } = await findMembership({ store: store.folder }, store);
  const codec = manifest && codecNamed(manifest.codec);
  if (manifest === undefined || codec === undefined) {
    throw new MeldError(
      'MELDMESH_MANIFEST_MISSING',
      `The store ${store.folder} has not got its mesh's manifest yet`,
    );
  }
  const [head, floor] = await store.getMany([HEAD_KEY, FLOOR_KEY]);
  const { records, damaged } = await readRecords(store, meshId);
  return {
    meshId,
    manifest,
    layout: layoutOf(manifest.model),
    codec,
    records,
    damaged,
    head: head === undefined ? undefined : decodeHeadRow(head),
    snapshots: await readSnapshots(store),
    floor: (floor === undefined ? undefined : decodeFloor(floor)) ?? 0,
  };
}

async function readRecords(
  store: NodeStore,
  meshId: Hash,
): Promise<{ readonly records: readonly DeltaRecord[]; readonly damaged: readonly string[] }> {
  const verify = createVerifier();
  const records: DeltaRecord[] = [];
  const damaged: string[] = [];
  for await (const [key, value] of store.iterate(RECORD_PREFIX)) {
    const record = decodeDelta(value, hashOf)?.record;
    if (record === undefined || !key.endsWith(record.id)) damaged.push(`${key} is damaged`);
    else if (record.mesh !== meshId) damaged.push(`${key} belongs to another mesh`);
    else if (!verify(record.author, record.header, record.signature)) {
      damaged.push(`${key} is not signed by ${record.author}`);
    } else records.push(record);
  }
  return { records, damaged };
}

async function readSnapshots(store: NodeStore): Promise<readonly SnapshotRow[]> {
  const rows: SnapshotRow[] = [];
  for await (const [, value] of store.iterate(SNAPSHOT_PREFIX)) {
    const row = decodeSnapshotRow(value);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

/** The set that a node makes of these records, perhaps of all but one author's. */
export function recordSetOf(history: MeshHistory, without?: string): RecordSet {
  const set = new RecordSet(recordSetOptionsOf(history.manifest, history.meshId, hashOf));
  set.seal(history.floor);
  for (const record of history.records) if (record.author !== without) set.add(record);
  return set;
}

/**
 * Recomputes the model generation by generation, from the initial weights or, where the history does not reach
 * back so far, from the oldest copy; that one comes first. `without` leaves an author out.
 * @throws MeldError MELDMESH_CHECKPOINT_BROKEN when the copy or a payload is missing or damaged
 */
export async function* replay(
  store: NodeStore,
  history: MeshHistory,
  options: { readonly upTo: number; readonly without?: string },
): AsyncIterable<ReplayedGeneration> {
  const { manifest, layout, codec } = history;
  const { outerMomentum, outerLearningRate } = manifest.aggregation;
  const rule = generationRule(manifest.aggregation.rule);
  const set = recordSetOf(history, options.without);
  const base = await baseOf(store, history);
  const { model: S, momentum: m } = base;
  const scratch = new Float64Array(layout.size);
  yield described(base.generation, S, m, []);
  for (let generation = base.generation + 1; generation <= options.upTo; generation++) {
    const records = set.counted(generation);
    const parts = [];
    for (const record of records) {
      parts.push({
        payload: await payloadOf(store, history, record),
        samples: record.samples,
        codec: codecNamed(record.codec),
      });
    }
    if (parts.length > 0) {
      const by = { rule: rule(generation), codec, layout, outerMomentum, outerLearningRate };
      applyGeneration({ S, m, scratch, parts, ...by });
    }
    yield described(generation, S, m, records);
  }
}

interface Base {
  readonly generation: number;
  readonly model: Float32Array;
  readonly momentum: Float32Array;
}

async function baseOf(store: NodeStore, history: MeshHistory): Promise<Base> {
  const { layout, manifest, meshId, floor } = history;
  if (floor === 0) {
    const model = initialWeights(manifest.model, initialSeedOf(meshId));
    return { generation: 0, model, momentum: new Float32Array(layout.size) };
  }
  const row = history.snapshots.find(({ generation }) => generation >= floor);
  const bytes = row === undefined ? undefined : await readBlob(store, row.blob);
  if (row === undefined || bytes?.length !== 8 * layout.size || hashOf(bytes) !== row.state) {
    const what = `The copy of generation ${row?.generation ?? floor}, with which this history begins,`;
    throw new MeldError('MELDMESH_CHECKPOINT_BROKEN', `${what} is missing or damaged`);
  }
  return { generation: row.generation, ...splitState(bytes, layout.size) };
}

/** S and m from the bytes of a state. */
export function splitState(
  bytes: Uint8Array,
  size: number,
): { readonly model: Float32Array; readonly momentum: Float32Array } {
  const state = new Float32Array(bytes.slice().buffer);
  return { model: state.subarray(0, size), momentum: state.subarray(size) };
}

async function payloadOf(store: NodeStore, history: MeshHistory, record: DeltaRecord): Promise<Uint8Array> {
  const payload = await readBlob(store, record.payload);
  const codec = codecNamed(record.codec);
  if (payload !== undefined && codec?.check(payload, history.layout) === undefined) return payload;
  const what = `The payload of the delta of ${record.author} in generation ${record.generation}`;
  throw new MeldError('MELDMESH_CHECKPOINT_BROKEN', `${what} is missing or damaged`);
}

function described(
  generation: number,
  model: Float32Array,
  momentum: Float32Array,
  records: readonly DeltaRecord[],
): ReplayedGeneration {
  const bytes = new Uint8Array(model.buffer, model.byteOffset, model.byteLength);
  const digest = hashOf(bytes);
  return { generation, model, momentum, digest, state: hashOf(stateBytes(model, momentum)), records };
}
