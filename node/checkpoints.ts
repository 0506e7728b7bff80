// What can be done with a store while no node runs on it: see what it holds, prove the model from the history,
// take a model out, begin with one from elsewhere, and throw away what is not needed.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../protocols/index.ts';
import {
  encodeFloor,
  encodeHeadRow,
  encodeSnapshotRow,
  FLOOR_KEY,
  type Hash,
  HEAD_KEY,
  type PeerId,
  recordKey,
  type SnapshotRow,
  snapshotKey,
  stateBytes,
} from '../protocols/index.ts';
import { MeldError } from './errors.ts';
import { hashOf } from './hash.ts';
import { findMembership, keepMembership } from './membership.ts';
import { type MeshHistory, readHistory, recordSetOf, replay } from './mesh-history.ts';
import { type NodeStore, openStore } from './store/level-store.ts';
import { blobWrites, readBlob } from './store/stored-blobs.ts';
import { deleteAll, type Swept, sweep } from './store/sweep.ts';

export interface CheckpointList {
  readonly meshId: Hash;
  readonly name: string;
  /** The newest model, recomputable from the history. */
  readonly head: { readonly generation: number; readonly digest: Hash } | undefined;
  /** The history begins after this generation; 0: it is whole. */
  readonly floor: number;
  readonly deltas: number;
  readonly contributors: number;
  /** Copies of model and momentum, ascending. */
  readonly copies: readonly {
    readonly generation: number;
    readonly state: Hash;
    readonly samples: number;
    readonly bytes: number;
  }[];
  /** Of the database on disk. */
  readonly storeBytes: number;
}

export interface Verification {
  readonly ok: boolean;
  /** Where the recomputation began and ended. */
  readonly from: number;
  readonly generation: number;
  /** SHA-256 of the model as recomputed, and as the node last said it. */
  readonly digest: Hash | undefined;
  readonly expected: Hash | undefined;
  readonly copies: readonly { readonly generation: number; readonly ok: boolean }[];
  /** Sentences; empty when all is well. */
  readonly problems: readonly string[];
}

export interface StoredModel {
  readonly manifest: Manifest;
  readonly meshId: Hash;
  readonly generation: number;
  readonly digest: Hash;
  /** Flat float32 in tensor order, S and m. */
  readonly model: Float32Array;
  readonly momentum: Float32Array;
  /** Samples counted up to this generation, as far as the history reaches back. */
  readonly samples: number;
}

export interface Contribution {
  readonly id: Hash;
  readonly author: PeerId;
  readonly generation: number;
  readonly samples: number;
  readonly payloadBytes: number;
  /** Whether it has weight in the model; a late, void or second delta has none. */
  readonly counts: boolean;
}

export interface ImportedState {
  /** At least 1; without a better idea 1. */
  readonly generation: number;
  readonly model: Float32Array;
  /** Zeros for a model that was not trained here. */
  readonly momentum?: Float32Array;
  /** Samples behind it: of two branches that meet, the one with more stays. */
  readonly samples: number;
}

export interface Pruned extends Swept {
  readonly deltas: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface Checkpoints {
  list(): Promise<CheckpointList>;
  /** Recomputes the newest model from mesh id and deltas, and every copy on the way. */
  verify(onGeneration?: (generation: number, of: number) => void): Promise<Verification>;
  /**
   * The model of a generation (default: the newest), perhaps without one member's deltas.
   * @throws MeldError MELDMESH_CHECKPOINT_MISSING, MELDMESH_CHECKPOINT_BROKEN
   */
  model(options?: { readonly generation?: number; readonly without?: string }): Promise<StoredModel>;
  /** Every delta held, ascending by generation and id. */
  contributions(): Promise<readonly Contribution[]>;
  /**
   * Makes an empty store begin with this state: a backup brought back, or a warm start of a new mesh.
   * @throws MeldError MELDMESH_CHECKPOINT_EXISTS when there is a history, MELDMESH_CHECKPOINT_FORMAT
   */
  importState(state: ImportedState): Promise<Hash>;
  /** Forgets what nothing refers to; with `history` also the deltas that are sealed under a copy. */
  prune(options: { readonly history: boolean }): Promise<Pruned>;
  close(): Promise<void>;
}

/**
 * Opens the store of a node that does not run. `manifest` binds a new folder to its mesh.
 * @throws MeldError MELDMESH_STORE_LOCKED while the node runs, MELDMESH_MANIFEST_MISSING, MELDMESH_STORE_MESH
 */
export async function openCheckpoints(options: {
  readonly store: string;
  readonly manifest?: Manifest;
}): Promise<Checkpoints> {
  if (options.manifest === undefined && !existsSync(join(options.store, 'db'))) {
    throw new MeldError('MELDMESH_CHECKPOINT_MISSING', `There is no store in ${options.store}`);
  }
  const store = await openStore({ folder: options.store });
  try {
    const { meshId, manifest } = await findMembership(options, store);
    if (options.manifest !== undefined && manifest !== undefined)
      await keepMembership(store, meshId, manifest);
    await readHistory(store);
  } catch (error) {
    await store.close();
    throw error;
  }
  return new StoreCheckpoints(store);
}

class StoreCheckpoints implements Checkpoints {
  readonly #store: NodeStore;

  constructor(store: NodeStore) {
    this.#store = store;
  }

  async list(): Promise<CheckpointList> {
    const history = await readHistory(this.#store);
    const bytes = 8 * history.layout.size;
    const { head } = history;
    return {
      meshId: history.meshId,
      name: history.manifest.name,
      head: head && { generation: head.generation, digest: head.model },
      floor: history.floor,
      deltas: history.records.length,
      contributors: new Set(history.records.map(({ author }) => author)).size,
      copies: history.snapshots.map(({ generation, state, weight }) => ({
        generation,
        state,
        samples: weight,
        bytes,
      })),
      storeBytes: await this.#store.sizeBytes(),
    };
  }

  async verify(onGeneration: (generation: number, of: number) => void = () => {}): Promise<Verification> {
    const history = await readHistory(this.#store);
    const problems = [...history.damaged];
    const upTo = history.head?.generation ?? 0;
    const copies: { generation: number; ok: boolean }[] = [];
    let from: number | undefined;
    let reached = 0;
    let digest: Hash | undefined;
    try {
      for await (const step of replay(this.#store, history, { upTo })) {
        from ??= step.generation;
        reached = step.generation;
        digest = step.digest;
        for (const row of history.snapshots.filter(({ generation }) => generation === step.generation)) {
          const ok = row.state === step.state && (await this.#holds(row));
          copies.push({ generation: row.generation, ok });
          if (!ok) problems.push(`The copy of generation ${row.generation} is not what the history gives`);
        }
        onGeneration(step.generation, upTo);
      }
    } catch (error) {
      if (!(error instanceof MeldError)) throw error;
      problems.push(error.message);
    }
    const expected = history.head?.model;
    if (reached === upTo && expected !== undefined && digest !== expected) {
      problems.push(
        `Generation ${upTo} comes out as ${digest?.slice(0, 16)}, the node last said ${expected.slice(0, 16)}: ` +
          'if it was killed while a late delta arrived, starting it once brings both in step',
      );
    }
    const ok = problems.length === 0;
    return { ok, from: from ?? 0, generation: reached, digest, expected, copies, problems };
  }

  async model(
    options: { readonly generation?: number; readonly without?: string } = {},
  ): Promise<StoredModel> {
    const history = await readHistory(this.#store);
    const newest = history.head?.generation ?? 0;
    const upTo = options.generation ?? newest;
    let samples: number | undefined;
    for await (const step of replay(this.#store, history, { upTo, without: options.without })) {
      samples ??= weightBelow(history, step.generation);
      for (const record of step.records) samples += record.samples;
      if (step.generation !== upTo || upTo > newest) continue;
      const { generation, digest, model, momentum } = step;
      const { manifest, meshId } = history;
      return { manifest, meshId, generation, digest, model, momentum, samples };
    }
    throw new MeldError(
      'MELDMESH_CHECKPOINT_MISSING',
      `Generation ${upTo} is not in the store ${this.#store.folder}, which reaches from ${history.floor} to ${newest}`,
    );
  }

  async contributions(): Promise<readonly Contribution[]> {
    const history = await readHistory(this.#store);
    const set = recordSetOf(history);
    return history.records.map((record) => {
      const { id, author, generation, samples, payloadBytes } = record;
      const counts = set.counted(generation).some((counted) => counted.id === id);
      return { id, author, generation, samples, payloadBytes, counts };
    });
  }

  async importState(state: ImportedState): Promise<Hash> {
    const history = await readHistory(this.#store);
    if (history.head !== undefined || history.records.length > 0) {
      throw new MeldError(
        'MELDMESH_CHECKPOINT_EXISTS',
        `The store ${this.#store.folder} has a history already`,
      );
    }
    const momentum = state.momentum ?? new Float32Array(state.model.length);
    const problem = problemOf(state.model, momentum, history.layout.size);
    if (problem !== undefined) throw new MeldError('MELDMESH_CHECKPOINT_FORMAT', problem);
    const generation = Math.max(1, state.generation);
    const bytes = stateBytes(state.model, momentum);
    const { blob, batch } = blobWrites(bytes);
    const row: SnapshotRow = { generation, state: hashOf(bytes), blob, weight: state.samples };
    const digest = hashOf(bytes.subarray(0, state.model.byteLength));
    await this.#store.batch(
      [
        ...batch,
        { key: snapshotKey(generation), value: encodeSnapshotRow(row) },
        { key: FLOOR_KEY, value: encodeFloor(generation) },
        { key: HEAD_KEY, value: encodeHeadRow({ generation, model: digest, sealed: generation }) },
      ],
      true,
    );
    return digest;
  }

  async prune(options: { readonly history: boolean }): Promise<Pruned> {
    const bytesBefore = await this.#store.sizeBytes();
    const deltas = options.history ? await this.#dropSealed(await readHistory(this.#store)) : 0;
    const swept = await sweep(this.#store, await readHistory(this.#store));
    await this.#store.compact();
    return { ...swept, deltas, bytesBefore, bytesAfter: await this.#store.sizeBytes() };
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Deltas under the newest sound copy that is past the horizon: no node looks at them any more. */
  async #dropSealed(history: MeshHistory): Promise<number> {
    const sealed = (history.head?.generation ?? 0) - history.manifest.history.horizon;
    const base = history.snapshots.findLast(({ generation }) => generation <= sealed);
    if (base === undefined || !(await this.#holds(base))) return 0;
    await this.#store.batch([{ key: FLOOR_KEY, value: encodeFloor(base.generation) }], true);
    const records = history.records.filter(({ generation }) => generation <= base.generation);
    const copies = history.snapshots.filter(({ generation }) => generation < base.generation);
    await deleteAll(this.#store, [
      ...records.map(({ generation, id }) => recordKey(generation, id)),
      ...copies.map(({ generation }) => snapshotKey(generation)),
    ]);
    return records.length;
  }

  async #holds(row: SnapshotRow): Promise<boolean> {
    const bytes = await readBlob(this.#store, row.blob);
    return bytes !== undefined && hashOf(bytes) === row.state;
  }
}

/** Samples behind the copy with which a history begins. */
function weightBelow(history: MeshHistory, base: number): number {
  return history.snapshots.find((row) => row.generation === base && base > 0)?.weight ?? 0;
}

function problemOf(model: Float32Array, momentum: Float32Array, size: number): string | undefined {
  if (model.length !== size) return `The model has ${model.length} numbers, this mesh's has ${size}`;
  if (momentum.length !== size) return `The momentum has ${momentum.length} numbers, this mesh's has ${size}`;
  const allFinite = model.every(Number.isFinite) && momentum.every(Number.isFinite);
  return allFinite ? undefined : 'The model holds numbers that are not finite';
}
