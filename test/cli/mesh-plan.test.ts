// The folder that `mesh` writes before it starts anything.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeshOptions } from '../../cli/mesh/options.ts';
import { type Plan, planMesh } from '../../cli/mesh/plan.ts';
import { decodeIndices, drawShards, encodeIndices } from '../../cli/mesh/shards.ts';
import { joinArguments } from '../../cli/mesh/spawn.ts';
import { decodeManifest } from '../../protocols/index.ts';

const flags: MeshOptions = {
  peers: 3,
  generations: 20,
  partition: 'dirichlet:0.5',
  samples: 300,
  model: 'mlp:8',
  codec: 'top1:1',
  localEpochs: 1,
  batch: 32,
  lr: 0.05,
  momentum: 0.9,
  seed: 'a seed',
  store: undefined,
  out: undefined,
  threads: 1,
  backend: 'auto',
  trainer: undefined,
  trainerNodes: 1,
  trainerTimeout: undefined,
  listen: undefined,
  announce: undefined,
  observe: false,
  references: true,
  json: false,
  keepRunning: false,
};

function readShards(plan: Plan): readonly (readonly number[])[] {
  return plan.nodes.flatMap(({ indicesFile }) =>
    indicesFile === undefined ? [] : [decodeIndices(readFileSync(indicesFile, 'utf8'), indicesFile)],
  );
}

describe('the plan of a mesh', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-plan-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('shares every sample out once, with no empty shard', async () => {
    const plan = await planMesh({ ...flags, store: folder }, []);
    const shards = readShards(plan);
    assert.equal(shards.length, 3);
    const all = shards.flat().sort((a, b) => a - b);
    assert.deepEqual(
      all,
      Array.from({ length: 300 }, (_, index) => index),
    );
    assert.deepEqual(
      plan.nodes.map((node) => node.samples),
      shards.map((shard) => shard.length),
    );
    assert.ok(shards.every((shard) => shard.length > 0));
  });

  it('is the same mesh with the same keys for the same seed, another for another', async () => {
    const one = await planMesh({ ...flags, store: join(folder, 'one') }, []);
    const two = await planMesh({ ...flags, store: join(folder, 'two') }, []);
    const other = await planMesh({ ...flags, store: join(folder, 'three'), seed: 'another' }, []);
    const ids = (plan: Plan) => plan.nodes.map((node) => node.peerId);
    assert.deepEqual(ids(one), ids(two));
    assert.deepEqual(readShards(one), readShards(two));
    assert.deepEqual(one.manifest, two.manifest);
    assert.notDeepEqual(ids(one), ids(other));
    assert.notDeepEqual(readShards(one), readShards(other));
    assert.notDeepEqual(one.manifest, other.manifest);
  });

  it('draws a seed when none is given', async () => {
    const seeds = await Promise.all(
      ['a', 'b'].map(
        async (name) => (await planMesh({ ...flags, store: join(folder, name), seed: undefined }, [])).seed,
      ),
    );
    assert.notEqual(seeds[0], seeds[1]);
  });

  it('writes a canonical manifest of what the flags say', async () => {
    const plan = await planMesh({ ...flags, store: folder, lr: 0.1, codec: 'int8' }, []);
    const decoded = decodeManifest(readFileSync(plan.manifestFile));
    assert.deepEqual(decoded.manifest, plan.manifest);
    assert.equal(plan.manifest.training.learningRate, 0.1);
    assert.equal(plan.manifest.codec, 'int8');
    assert.deepEqual(plan.manifest.data, { inputs: 784, classes: 10, scale: 255 });
  });

  it('gives every node but the first one bootstrap address: the first one’s, with its port', async () => {
    const plan = await planMesh({ ...flags, store: folder, observe: true }, []);
    const [first, ...others] = plan.nodes;
    assert.equal(first.bootstrap, undefined);
    assert.match(first.listen[0], /^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*$/);
    for (const node of others) {
      assert.equal(node.bootstrap, `${first.listen[0]}/p2p/${first.peerId}`);
      assert.deepEqual(node.listen, ['/ip4/127.0.0.1/tcp/0']);
    }
    assert.equal(others.length, 3);
    const options = { generations: 20, threads: 1, backend: 'auto', trainer: undefined } as const;
    assert.ok(joinArguments(plan, others[2], options).includes('--observe'));
    const line = joinArguments(plan, others[0], options).join(' ');
    assert.match(
      line,
      /^join --manifest \S+ --store \S+node-1 --data mnist --indices \S+node-1.indices\.json /,
    );
    assert.match(line, /--generations 20 --wait-for-peers 2 --bootstrap /);
  });

  it('gives the program that trains to its last contributors and to nobody else', async () => {
    const plan = await planMesh({ ...flags, store: folder, observe: true }, []);
    const trainer = { command: 'python3 "my train.py"', nodes: 2, timeoutSeconds: 9 };
    const options = { generations: 20, threads: 1, backend: 'auto', trainer } as const;
    const lines = plan.nodes.map((node) => joinArguments(plan, node, options));
    const withTrainer = lines.flatMap((line, index) => (line.includes('--trainer') ? [index] : []));
    assert.deepEqual(withTrainer, [1, 2]);
    assert.equal(lines[1][lines[1].indexOf('--trainer') + 1], 'python3 "my train.py"');
    assert.equal(lines[1][lines[1].indexOf('--trainer-timeout') + 1], '9');
    await assert.rejects(planMesh({ ...flags, store: folder, trainer: 'x', trainerNodes: 4 }, []), {
      code: 'MELDMESH_USAGE',
    });
  });

  it('goes on in a folder that is there, with the mesh that is in it', async () => {
    const before = await planMesh({ ...flags, store: folder }, []);
    const after = await planMesh({ ...flags, store: folder, peers: 5, seed: 'other', generations: 40 }, [
      'store',
      'generations',
    ]);
    assert.equal(after.resumed, true);
    assert.deepEqual(after.nodes, before.nodes);
    assert.deepEqual(after.manifest, before.manifest);
  });

  it('refuses a flag that would make it another mesh', async () => {
    await planMesh({ ...flags, store: folder }, []);
    const changes: [string, Partial<MeshOptions>][] = [
      ['peers', { peers: 5 }],
      ['codec', { codec: 'int8' }],
      ['localEpochs', { localEpochs: 2 }],
      ['model', { model: 'mlp:16' }],
      ['samples', { samples: 200 }],
      ['observe', { observe: true }],
    ];
    for (const [name, change] of changes) {
      const plan = planMesh({ ...flags, store: folder, ...change }, [name]);
      await assert.rejects(plan, { code: 'MELDMESH_STORE_OTHER_MESH' }, name);
    }
    await planMesh({ ...flags, store: folder }, ['peers', 'samples', 'seed', 'model']);
  });

  it('refuses a model, a codec or a partition that does not exist, and leaves nothing behind', async () => {
    const store = join(folder, 'new');
    const plan = (change: Partial<MeshOptions>) => planMesh({ ...flags, store, ...change }, []);
    await assert.rejects(plan({ model: 'cnn:3' }), { code: 'MELDMESH_MANIFEST_INVALID' });
    await assert.rejects(plan({ codec: 'zip' }), { code: 'MELDMESH_MANIFEST_INVALID' });
    await assert.rejects(plan({ partition: 'dirichlet:x' }), { code: 'MELDMESH_DATA_PARTITION' });
    await assert.rejects(plan({ partition: 'file:/nowhere.json' }), { code: 'MELDMESH_DATA_FILE' });
    await assert.rejects(plan({ samples: 2 }), { code: 'MELDMESH_DATA_PARTITION' });
    assert.equal(existsSync(store), false);
  });

  it('says so when mesh.json is damaged', async () => {
    writeFileSync(join(folder, 'mesh.json'), '{"version":');
    await assert.rejects(planMesh({ ...flags, store: folder }, []), { code: 'MELDMESH_STORE_FILE' });
  });
});

describe('a partition file', () => {
  it('of the project fits ten peers and 8,000 samples', () => {
    const path = new URL('../../data/partition-dir0.5.json', import.meta.url).pathname;
    const options = { partition: `file:${path}`, peers: 10, batch: 32, seed: '' };
    const shards = drawShards({ ...options, samples: 8_000 });
    assert.equal(shards.flat().length, 8_000);
    assert.deepEqual(drawShards({ ...options, samples: undefined }), shards);
    assert.throws(() => drawShards({ ...options, samples: 7_999 }), { code: 'MELDMESH_DATA_PARTITION' });
    assert.throws(() => drawShards({ ...options, peers: 5, samples: 8_000 }), {
      code: 'MELDMESH_DATA_PARTITION',
    });
  });

  it('of one shard survives the trip, and anything else is refused with its place', () => {
    assert.deepEqual(decodeIndices(encodeIndices([3, 1, 2]), 'f'), [3, 1, 2]);
    assert.deepEqual(decodeIndices('[5]', 'f'), [5]);
    const wrong: [string, RegExp][] = [
      ['', /not JSON/],
      ['{}', /no index/],
      ['[]', /no index/],
      ['[0, -1]', /entry 2 is no index/],
      ['[0, 1.5]', /entry 2/],
      ['[0, "1"]', /entry 2/],
      ['[4, 0, 4]', /entry 3 repeats index 4/],
    ];
    for (const [text, message] of wrong) {
      assert.throws(() => decodeIndices(text, 'f'), { code: 'MELDMESH_STORE_FILE', message }, text);
    }
  });
});
