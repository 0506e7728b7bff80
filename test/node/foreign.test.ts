// Members that bring a model from elsewhere into meshes of real nodes: what each mesh does with it, what all can see of that,
// and what the store remembers.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, encodeSafetensors, initialWeights, layoutOf } from '../../fusion/index.ts';
import { type Dataset, openTrainer, subset } from '../../learning/index.ts';
import {
  createNode,
  type ForeignStory,
  loadMnist,
  type MeldNode,
  type NodeOptions,
  openCheckpoints,
  openStore,
} from '../../node/index.ts';
import { readBlob } from '../../node/store/stored-blobs.ts';
import { FOREIGN_CODEC, type Hash, type Lineage, type Manifest } from '../../protocols/index.ts';
import { contentsOf, manifestOf, writeManifest } from './support/meshes.ts';
import { cleanUp, journalOf, LISTEN, run, temporaryFolder, until } from './support/processes.ts';

const { train: digits } = loadMnist({ samples: 2_000, testSamples: 1 });
const share = (first: number, count: number): Dataset =>
  subset(
    digits,
    Array.from({ length: count }, (_, i) => first + i),
  );
const meshOf = (lineage: Lineage | undefined): Manifest =>
  manifestOf({
    name: `foreign ${lineage}`,
    model: 'mlp:16',
    codec: 'top10:8',
    lineage,
    training: { localEpochs: 5 },
  });
const spec = meshOf('align').model;
const layout = layoutOf(spec);
const SAMPLES = 1_500;

/** By generation, the digest that a node was at last. */
type Seen = Map<number, string>;

describe('a model from elsewhere', function () {
  this.timeout(120_000);
  const nodes: MeldNode[] = [];
  let good: Float32Array;
  const garbage = initialWeights(spec, 'nobody has trained it');

  before(async () => {
    const trainer = await openTrainer({ spec, scale: 255, backend: 'wasm' });
    good = trainer.train({
      weights: initialWeights(spec, 'elsewhere'),
      velocity: new Float32Array(layout.size),
      data: share(400, SAMPLES),
      settings: { learningRate: 0.05, momentum: 0.9, batch: 32, localEpochs: 8 },
      random: createRandom('elsewhere'),
    }).weights;
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await cleanUp();
  });

  async function open(options: Partial<NodeOptions> & { readonly store: string }) {
    const node = await createNode({ listen: [LISTEN], mdns: false, seed: options.store, ...options });
    nodes.push(node);
    const seen: Seen = new Map();
    const stories: ForeignStory[] = [];
    node.on('generation', ({ generation, digest }) => seen.set(generation, digest));
    node.on('foreign', (story) => stories.push(story));
    return { node, seen, stories };
  }

  /** Two founders with forty digits each that have come to generation 8. */
  async function founders(manifest: Manifest) {
    const folder = temporaryFolder();
    const first = await open({ store: join(folder, 'a'), manifest, data: share(0, 40) });
    await first.node.start();
    const { addresses } = first.node.status();
    const second = await open({
      store: join(folder, 'b'),
      manifest,
      data: share(40, 40),
      bootstrap: addresses,
    });
    await second.node.start();
    await until(() => [first, second].every(({ seen }) => seen.has(8)), 'two founders learn together');
    return { folder, members: [first, second], invitation: first.node.invitation() };
  }

  const newcomer = (
    store: string,
    invitation: string,
    weights: Float32Array,
    name = 'x/digits.safetensors',
  ) =>
    open({
      store,
      invitation,
      data: share(80, 160),
      from: { name, read: () => ({ weights, samples: SAMPLES }) },
    });

  /** All three have been at one digest at a generation not below this one. */
  const agreedFrom = (members: readonly { readonly seen: Seen }[], generation: number): Promise<true> =>
    until(() => {
      const [one, ...others] = members;
      return [...one.seen].some(
        ([at, digest]) => at >= generation && others.every(({ seen }) => seen.get(at) === digest),
      );
    }, 'all members hold one model');

  for (const lineage of ['align', 'naive', 'adopt'] as const) {
    it(`is ${lineage === 'adopt' ? 'dropped' : 'in one delta'} where the lineage is ${lineage}, and all hold one model`, async () => {
      const { folder, members, invitation } = await founders(meshOf(lineage));
      const guest = await newcomer(join(folder, 'c'), invitation, good);
      await guest.node.start();
      const expected = lineage === 'adopt' ? 'dropped' : 'accepted';
      const story = await until(() => guest.stories.at(-1), 'it is decided');
      assert.equal(story.outcome, expected, story.reason);
      assert.deepEqual([story.name, story.samples, story.lineage], ['digits.safetensors', SAMPLES, lineage]);
      assert.deepEqual(guest.node.status().foreign, story);
      const { generation } = await new Promise<{ generation: number }>((resolve) =>
        guest.node.on('trained', resolve),
      );
      await agreedFrom([...members, guest], generation + 1);
      await Promise.all(nodes.splice(0).map((node) => node.stop()));
      for (const name of ['a', 'b', 'c']) {
        const { records } = await contentsOf(join(folder, name));
        const dense = records.filter(({ codec }) => codec === FOREIGN_CODEC);
        assert.deepEqual(
          dense.map(({ author, samples }) => [author, samples]),
          lineage === 'adopt' ? [] : [[guest.node.peerId, SAMPLES]],
        );
        const told = journalOf(join(folder, name)).filter(({ code }) => code === 'FOREIGN_MODEL');
        assert.equal(told.length, lineage === 'adopt' || name === 'c' ? 0 : 1);
        const checkpoints = await openCheckpoints({ store: join(folder, name) });
        const { ok, problems } = await checkpoints.verify();
        await checkpoints.close();
        assert.deepEqual([ok, problems], [true, []]);
      }
    });
  }

  it('is told with its numbers where it was aligned', async () => {
    const { folder, invitation } = await founders(meshOf('align'));
    const guest = await newcomer(join(folder, 'c'), invitation, good);
    await guest.node.start();
    const { decision } = await until(() => guest.stories.at(-1), 'it is decided');
    assert(decision?.chosen !== undefined && decision.shared !== undefined && decision.foreign !== undefined);
    assert.deepEqual([decision.holdOut, decision.probes, decision.candidates.length], [80, 80, 14]);
    assert(decision.foreign.accuracy > decision.shared.accuracy);
    assert(decision.matchings.every(({ objective }) => objective.after > objective.before));
  });

  it('that is refused stays in the store, and its member contributes as if it had none', async () => {
    const { folder, members, invitation } = await founders(meshOf('align'));
    const store = join(folder, 'c');
    const guest = await newcomer(store, invitation, garbage);
    await guest.node.start();
    const story = await until(() => guest.stories.at(-1), 'it is decided');
    assert.equal(story.outcome, 'refused', story.reason);
    await until(() => guest.seen.size > 2, 'it contributes');
    await agreedFrom([...members, guest], story.decision?.generation ?? 1);
    await guest.node.stop();
    const checkpoints = await openCheckpoints({ store });
    await checkpoints.prune({ history: false });
    await checkpoints.close();
    const kept = await openStore({ folder: store });
    const bytes = await readBlob(kept, (story.kept ?? '') as Hash);
    await kept.close();
    assert.deepEqual(new Float32Array((bytes ?? assert.fail('it is kept')).slice().buffer), garbage);

    const again = await newcomer(store, invitation, garbage);
    await again.node.start();
    assert.deepEqual([again.stories, again.node.status().foreign], [[], story]);
    await again.node.stop();
    const other = await newcomer(store, invitation, good, 'another.json');
    await other.node.start();
    assert.equal(other.stories[0]?.outcome, 'late');
    assert.match(other.stories[0].reason, /has brought digits\.safetensors already, and that was refused/);
  });

  it('is turned away before anything is sent where all weights come from one start', async () => {
    for (const lineage of [undefined, 'shared'] as const) {
      const { folder, invitation } = await founders(meshOf(lineage));
      const guest = await newcomer(join(folder, 'c'), invitation, good);
      await assert.rejects(guest.node.start(), {
        code: 'MELDMESH_LINEAGE_SHARED',
        message: /join without --from/,
      });
      assert.deepEqual(guest.stories, []);
    }
  });

  it('comes too late for a member that has contributed without one, and needs a member that contributes', async () => {
    const { folder } = await founders(meshOf('align'));
    const from = { name: 'late.json', read: () => assert.fail('nobody looks into it') };
    const store = join(folder, 'a');
    await nodes[0].stop();
    const late = await open({ store, data: share(0, 40), from });
    await late.node.start();
    assert.deepEqual(
      late.stories.map(({ outcome, name }) => [outcome, name]),
      [['late', 'late.json']],
    );
    assert.match(late.node.status().foreign?.reason ?? '', /has contributed already/);
    const invitation = late.node.invitation();
    const watcher = await open({ store: join(folder, 'd'), invitation, from });
    await assert.rejects(watcher.node.start(), { code: 'MELDMESH_OPTIONS', message: /observer/ });
  });

  it('of another shape, or not finite, ends the start with the tensor’s name', async () => {
    const { folder, invitation } = await founders(meshOf('align'));
    const code = 'MELDMESH_LEARNING_FOREIGN';
    const short = await newcomer(join(folder, 'c'), invitation, good.subarray(1));
    await assert.rejects(short.node.start(), { code });
    const broken = await newcomer(join(folder, 'd'), invitation, good.with(3, Number.NaN));
    await assert.rejects(broken.node.start(), { code, message: /dense_0\/kernel holds NaN/ });
  });

  it('comes by the command line as a file, and its refusals have a code and a way out', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'digits.safetensors');
    const named = layout.tensors.map(({ name, shape, offset, size }) => ({
      name,
      shape,
      data: good.subarray(offset, offset + size),
    }));
    writeFileSync(file, encodeSafetensors(named, { samples: String(SAMPLES) }));
    const indices = join(folder, 'indices.json');
    writeFileSync(indices, JSON.stringify(Array.from({ length: 200 }, (_, i) => i)));
    const joined = (lineage: Lineage, from: string) => {
      const own = join(folder, lineage);
      mkdirSync(own, { recursive: true });
      const manifest = manifestOf({ model: 'mlp:16', lineage, pace: { contributorsMin: 1 } });
      const how = ['--manifest', writeManifest(own, manifest), '--store', join(own, 'node'), '--no-mdns'];
      const data = ['--data', 'mnist', '--indices', indices, '--generations', '2', '--listen', LISTEN];
      return run(['join', ...how, ...data, '--from', from]);
    };
    const shared = await joined('shared', file);
    assert.notEqual(shared.status, 0);
    assert.match(shared.errors, /MELDMESH_LINEAGE_SHARED: .*join without --from/);
    const bent = join(folder, 'bent.safetensors');
    writeFileSync(bent, encodeSafetensors(named.with(3, { ...named[3], shape: [2, 5] })));
    const refused = await joined('align', bent);
    assert.notEqual(refused.status, 0);
    assert.match(refused.errors, /MELDMESH_MODEL_FILE: .*dense_1\/bias has the shape \[2,5\], not \[10\]/);
  });
});
