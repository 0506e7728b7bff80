// What the command line does with a store while no node runs on it, on histories that were written by hand.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyGeneration, codecNamed, createRandom, initialWeights, layoutOf } from '../../fusion/index.ts';
import { openCheckpoints } from '../../node/checkpoints.ts';
import type { MeldError } from '../../node/errors.ts';
import { identityFromSeed } from '../../node/identity.ts';
import { createSigner, hashOf } from '../../node/index.ts';
import { keepMembership } from '../../node/membership.ts';
import { type NodeStore, openStore } from '../../node/store/level-store.ts';
import { blobWrites } from '../../node/store/stored-blobs.ts';
import {
  chunkKey,
  encodeDelta,
  encodeHeadRow,
  encodeSnapshotRow,
  type Hash,
  HEAD_KEY,
  initialSeedOf,
  meshIdOf,
  parseManifestConfig,
  recordKey,
  type Signer,
  signRecord,
  snapshotKey,
  stateBytes,
} from '../../protocols/index.ts';

const { manifest } = parseManifestConfig({
  model: 'mlp:300',
  data: { inputs: 400, classes: 3 },
  codec: 'top3:8',
  history: { horizon: 16, correctionWindow: 2 },
});
assert(manifest !== undefined);
const meshId = meshIdOf(manifest, hashOf);
const layout = layoutOf(manifest.model);
const codec = codecNamed(manifest.codec);
assert(codec !== undefined);
const { outerMomentum, outerLearningRate } = manifest.aggregation;
const bytesOf = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
const GENERATIONS = 22;
/** The copies that a node would have made. */
const COPIES = [4, 6];

describe('the checkpoints of a store', () => {
  let folder: string;
  let authors: readonly Signer[];
  /** Digest of the model after each generation, as computed here by hand. */
  let digests: readonly Hash[];
  /** The newest one had the last author never been there. */
  let digestWithoutLast: Hash;
  let template: string;
  const random = createRandom('checkpoints');

  before(async () => {
    const seeds = [1, 2, 3].map((value) => new Uint8Array(32).fill(value));
    authors = await Promise.all(seeds.map(async (seed) => createSigner(await identityFromSeed(seed))));
    template = await mkdtemp(join(tmpdir(), 'meldmesh-checkpoints-'));
    const store = await openStore({ folder: template });
    await writeHistory(store);
    await store.close();
  });
  after(() => rm(template, { recursive: true }));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meldmesh-checkpoints-'));
    await cp(template, folder, { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function inStore<T>(work: (store: NodeStore) => Promise<T>): Promise<T> {
    const store = await openStore({ folder });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  /** Every author contributes to every generation; knows all; nothing is late. */
  async function writeHistory(store: NodeStore): Promise<void> {
    assert(manifest !== undefined && codec !== undefined);
    await keepMembership(store, meshId, manifest);
    const S = initialWeights(manifest.model, initialSeedOf(meshId));
    const m = new Float32Array(layout.size);
    const scratch = new Float64Array(layout.size);
    const without = { S: S.slice(), m: m.slice() };
    const step = { scratch, codec, layout, outerMomentum, outerLearningRate };
    const found = [hashOf(bytesOf(S))];
    const known: Hash[][] = [[]];
    for (let generation = 1; generation <= GENERATIONS; generation++) {
      const made = authors.map((signer, index) => {
        const delta = Float32Array.from({ length: layout.size }, () => random.float() - 0.5);
        const payload = codec.encode(delta, layout, random.fork(`${generation} ${index}`));
        const record = signRecord(
          {
            mesh: meshId,
            author: signer.self,
            generation,
            baseGeneration: generation - 1,
            base: hashOf(stateBytes(S, m)),
            samples: 100 * (index + 1),
            codec: codec.name,
            payload: blobWrites(payload).blob,
            payloadBytes: payload.length,
            votes: (known[generation - 2] ?? []).map((id) => id.slice(0, 32)),
          },
          signer,
        );
        return { record, payload };
      });
      made.sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
      for (const { record, payload } of made) {
        const row = { key: recordKey(generation, record.id), value: encodeDelta(record, undefined) };
        await store.batch([...blobWrites(payload).batch, row], false);
      }
      const parts = made.map(({ record, payload }) => ({ payload, samples: record.samples }));
      applyGeneration({ S, m, parts, ...step });
      applyGeneration({ ...without, parts: parts.filter(({ samples }) => samples < 300), ...step });
      known.push(made.map(({ record }) => record.id));
      found.push(hashOf(bytesOf(S)));
      if (COPIES.includes(generation)) await writeCopy(store, generation, stateBytes(S, m));
    }
    const head = { generation: GENERATIONS, model: found[GENERATIONS], sealed: 0 };
    await store.batch([{ key: HEAD_KEY, value: encodeHeadRow(head) }], true);
    digests = found;
    digestWithoutLast = hashOf(bytesOf(without.S));
  }

  async function writeCopy(store: NodeStore, generation: number, bytes: Uint8Array): Promise<void> {
    const { blob, batch } = blobWrites(bytes);
    const row = { generation, state: hashOf(bytes), blob, weight: 600 * generation };
    await store.batch([...batch, { key: snapshotKey(generation), value: encodeSnapshotRow(row) }], true);
  }

  async function opened<T>(
    work: (checkpoints: Awaited<ReturnType<typeof openCheckpoints>>) => Promise<T>,
  ): Promise<T> {
    const checkpoints = await openCheckpoints({ store: folder });
    try {
      return await work(checkpoints);
    } finally {
      await checkpoints.close();
    }
  }

  const fails = (code: string) => (error: MeldError) => {
    assert.equal(error.code, code);
    return true;
  };

  it('are listed with what they hold', async () => {
    const list = await opened((checkpoints) => checkpoints.list());
    assert.deepEqual(list.head, { generation: GENERATIONS, digest: digests[GENERATIONS] });
    assert.deepEqual(
      [list.meshId, list.floor, list.deltas, list.contributors],
      [meshId, 0, 3 * GENERATIONS, 3],
    );
    assert.deepEqual(
      list.copies.map(({ generation, samples, bytes }) => [generation, samples, bytes]),
      COPIES.map((generation) => [generation, 600 * generation, 8 * layout.size]),
    );
    assert(list.storeBytes > 0);
  });

  it('are verified by recomputing the model from mesh id and deltas', async () => {
    const seen: number[] = [];
    const report = await opened((checkpoints) => checkpoints.verify((generation) => seen.push(generation)));
    assert.deepEqual(report.problems, []);
    assert.equal(report.ok, true);
    assert.equal(report.digest, digests[GENERATIONS]);
    assert.deepEqual([report.from, report.generation], [0, GENERATIONS]);
    assert.deepEqual(
      report.copies,
      COPIES.map((generation) => ({ generation, ok: true })),
    );
    assert.deepEqual(
      seen,
      Array.from({ length: GENERATIONS + 1 }, (_, index) => index),
    );
  });

  it('do not verify when one bit of a payload, a record or a copy has changed', async () => {
    for (const prefix of ['chunk/', 'record/', 'blob/', 'snapshot/']) {
      const [key, value] = await inStore(async (store) => {
        for await (const entry of store.iterate(prefix)) {
          // The manifest is needed to know the mesh at all.
          if (entry[0] !== chunkKey(meshId)) return entry;
        }
        return assert.fail(`nothing under ${prefix}`);
      });
      const changed = value.slice();
      // Within the hash of a row, within the payload of a chunk.
      changed[Math.min(changed.length - 1, 20)] ^= 1;
      await inStore((store) => store.put(key, changed));
      const report = await opened((checkpoints) => checkpoints.verify());
      assert.equal(report.ok, false, key);
      assert(report.problems.length > 0);
      await inStore((store) => store.put(key, value));
    }
    assert.equal((await opened((checkpoints) => checkpoints.verify())).ok, true);
  });

  it('say that a newer delta is not in the head yet, without calling it damage', async () => {
    await inStore((store) =>
      store.put(
        HEAD_KEY,
        encodeHeadRow({ generation: GENERATIONS, model: digests[GENERATIONS - 1], sealed: 0 }),
      ),
    );
    const report = await opened((checkpoints) => checkpoints.verify());
    assert.equal(report.ok, false);
    assert.match(report.problems.join(), /killed while a late delta arrived/);
  });

  it('give the model of any generation, and one without a member', async () => {
    await opened(async (checkpoints) => {
      const newest = await checkpoints.model();
      assert.equal(newest.digest, digests[GENERATIONS]);
      assert.equal(hashOf(bytesOf(newest.model)), newest.digest);
      assert.equal(newest.samples, 600 * GENERATIONS);
      assert.equal((await checkpoints.model({ generation: 3 })).digest, digests[3]);
      assert.equal((await checkpoints.model({ generation: 0 })).digest, digests[0]);
      const without = await checkpoints.model({ without: authors[2].self });
      assert.equal(without.samples, 300 * GENERATIONS);
      assert.equal(without.digest, digestWithoutLast);
      assert.notEqual(without.digest, newest.digest);
      await assert.rejects(
        checkpoints.model({ generation: GENERATIONS + 1 }),
        fails('MELDMESH_CHECKPOINT_MISSING'),
      );
    });
  });

  it('list every delta with its author and whether it counts', async () => {
    const list = await opened((checkpoints) => checkpoints.contributions());
    assert.equal(list.length, 3 * GENERATIONS);
    assert(list.every(({ counts }) => counts));
    assert.deepEqual(
      [...new Set(list.map(({ author }) => author))].sort(),
      authors.map(({ self }) => self).sort(),
    );
  });

  it('are pruned of what nothing refers to, and still verify', async () => {
    const orphan = blobWrites(new Uint8Array(3_000_000).fill(1));
    await inStore((store) => store.batch(orphan.batch, true));
    await inStore((store) => store.put(chunkKey(hashOf(Buffer.from('lost'))), Buffer.from('half a fetch')));
    const pruned = await opened((checkpoints) => checkpoints.prune({ history: false }));
    assert.deepEqual([pruned.deltas, pruned.blobs], [0, 1]);
    assert(pruned.chunks >= 2);
    assert(pruned.bytesAfter < pruned.bytesBefore);
    assert.equal((await opened((checkpoints) => checkpoints.verify())).ok, true);
    assert.equal((await opened((checkpoints) => checkpoints.prune({ history: false }))).chunks, 0);
  });

  it('are pruned of sealed history down to a copy, from which they verify', async () => {
    const pruned = await opened((checkpoints) => checkpoints.prune({ history: true }));
    // Horizon 4: generations up to 6 are sealed, and there is a copy of 6.
    assert.equal(pruned.deltas, 18);
    const report = await opened((checkpoints) => checkpoints.verify());
    assert.deepEqual([report.ok, report.from, report.generation], [true, 6, GENERATIONS]);
    assert.equal(report.digest, digests[GENERATIONS]);
    const model = await opened((checkpoints) => checkpoints.model());
    assert.equal(model.samples, 600 * GENERATIONS);
  });

  it('are carried to another store, which begins where this one ended', async () => {
    const newest = await opened((checkpoints) => checkpoints.model());
    const other = join(folder, 'other');
    const empty = await openCheckpoints({ store: other, manifest });
    const digest = await empty.importState(newest);
    assert.equal(digest, newest.digest);
    const report = await empty.verify();
    assert.deepEqual([report.ok, report.from, report.digest], [true, GENERATIONS, digest]);
    assert.deepEqual((await empty.model()).momentum, newest.momentum);
    await assert.rejects(empty.importState(newest), fails('MELDMESH_CHECKPOINT_EXISTS'));
    await empty.close();
  });

  it('refuse a state of another shape or with numbers that are none', async () => {
    const empty = await openCheckpoints({ store: join(folder, 'other'), manifest });
    const model = new Float32Array(layout.size);
    const short = { generation: 1, samples: 1, model: model.subarray(1) };
    await assert.rejects(empty.importState(short), fails('MELDMESH_CHECKPOINT_FORMAT'));
    const broken = {
      generation: 1,
      samples: 1,
      model: model.map((_, index) => (index === 7 ? Number.NaN : 0)),
    };
    await assert.rejects(empty.importState(broken), fails('MELDMESH_CHECKPOINT_FORMAT'));
    assert.equal((await empty.list()).head, undefined);
    await empty.close();
  });

  it('are not made in a folder that has none, and not touched while a node runs', async () => {
    await assert.rejects(
      openCheckpoints({ store: join(folder, 'nowhere') }),
      fails('MELDMESH_CHECKPOINT_MISSING'),
    );
    assert.deepEqual(await readdir(folder), ['db']);
    await inStore(async () => {
      await assert.rejects(openCheckpoints({ store: folder }), fails('MELDMESH_STORE_LOCKED'));
    });
  });
});
