// The same bits in both worlds: real nodes over loopback and simulated peers with the same keys, manifest, digits and seeds
// come to the same models, generation by generation. Nobody goes on without everybody, so that time decides nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import { type Dataset, openTrainer, subset } from '../../learning/index.ts';
import {
  createNode,
  createSigner,
  identityFromSeed,
  loadMnist,
  type MeldNode,
  type NodeOptions,
  openStore,
} from '../../node/index.ts';
import { parseScenario, ReplayWork, recordingOf, Simulation, TrainedRounds } from '../../sim/index.ts';
import { LISTEN, until } from './support/processes.ts';

const PEERS = 6;
const GENERATIONS = 6;
const parsed = parseScenario({
  name: 'both worlds',
  peers: PEERS,
  learner: { kind: 'train' },
  manifest: {
    model: 'mlp:16',
    data: { inputs: 784, classes: 10, scale: 255 },
    codec: 'top10:8',
    pace: { quorum: 1, contributorsMin: PEERS, patience: 100, patienceMinMs: 120_000 },
  },
  end: { generations: GENERATIONS },
});
assert('scenario' in parsed);
const { scenario } = parsed;
const digits = loadMnist({ samples: 1_000 * PEERS }).train;

/** Different numbers of digits, so that the weights of the members differ. */
function shardOf(peer: number): Dataset {
  const count = 160 + 40 * peer;
  return subset(
    digits,
    Array.from({ length: count }, (_, i) => 1_000 * peer + i),
  );
}

const identitySeedOf = (peer: number): Uint8Array => new Uint8Array(32).fill(peer + 1);
const learnerSeedOf = (peer: number): string => `both worlds ${peer}`;

/** Digests by peer and generation; a generation that was corrected later would come twice. */
type Digests = ReadonlyMap<string, readonly string[]>;

async function inSimulation(): Promise<{ readonly simulation: Simulation; readonly digests: Digests }> {
  const identities = await Promise.all(
    Array.from({ length: PEERS }, (_, peer) => identityFromSeed(identitySeedOf(peer))),
  );
  const shards = Array.from({ length: PEERS }, (_, peer) => shardOf(peer));
  const simulation: Simulation = new Simulation(scenario, {
    signer: (peer) => createSigner(identities[peer]),
    work: (peer, { manifest }) =>
      new TrainedRounds({
        spec: manifest.model,
        codec: manifest.codec,
        settings: manifest.training,
        data: shards[peer],
        test: undefined,
        seed: learnerSeedOf(peer),
        trainer,
      }),
  });
  const { model: spec, data } = simulation.manifest;
  const trainer = await openTrainer({ spec, scale: data.scale, backend: 'wasm' });
  const result = await simulation.run();
  assert(result.agreed && result.violation === undefined, result.violation?.text);
  assert(!result.lanes.some(({ kind }) => kind === 'corrected'));
  const digests = new Map<string, string[]>();
  for (const { peer, generation, digest } of result.history) {
    const id = simulation.peers[peer].id;
    digests.set(`${id} ${generation}`, [digest]);
  }
  return { simulation, digests };
}

describe('both worlds', function () {
  this.timeout(180_000);
  const folder = mkdtempSync(join(tmpdir(), 'meldmesh-both-worlds-'));
  const nodes: MeldNode[] = [];
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts a node that writes down its digests. */
  async function startNode(
    peer: number,
    how: Pick<NodeOptions, 'manifest' | 'invitation'>,
    digests: Map<string, string[]>,
  ): Promise<MeldNode> {
    const node = await createNode({
      store: join(folder, `node-${peer}`),
      identitySeed: identitySeedOf(peer),
      data: shardOf(peer),
      seed: learnerSeedOf(peer),
      backend: 'wasm',
      listen: [LISTEN],
      mdns: false,
      generations: GENERATIONS,
      waitForPeers: PEERS - 1,
      ...how,
    });
    nodes.push(node);
    node.on('generation', ({ generation, digest }) => {
      const key = `${node.peerId} ${generation}`;
      digests.set(key, [...(digests.get(key) ?? []), digest]);
    });
    await node.start();
    return node;
  }

  it('come to the same model in every generation, on every member', async () => {
    const { simulation, digests: simulated } = await inSimulation();
    const { manifest, meshId } = simulation;
    const real = new Map<string, string[]>();
    const founder = await startNode(0, { manifest }, real);
    assert.equal(founder.status().meshId, meshId);
    const invitation = founder.invitation();
    await Promise.all(Array.from({ length: PEERS - 1 }, (_, i) => startNode(i + 1, { invitation }, real)));
    await until(
      () => nodes.every((node) => node.status().generation >= GENERATIONS),
      'all nodes have learnt to the end',
      120_000,
    );
    assert.equal(simulated.size, PEERS * GENERATIONS);
    const sorted = (digests: Digests) => [...digests].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(sorted(real), sorted(simulated));
    const models = new Set([...simulated.values()].flat());
    assert.equal(models.size, GENERATIONS, 'every generation is another model, the same for everybody');
    const last = simulation.peers[0].fusion?.model();
    assert.deepEqual(founder.model(), Float32Array.from(last ?? []));
  });

  it('share what they have learnt: the store of a real node, played back in a simulation', async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    const store = await openStore({ folder: join(folder, 'node-0') });
    const entries = new Map<string, Uint8Array>();
    for (const prefix of ['record/', 'blob/', 'chunk/'])
      for await (const [key, value] of store.iterate(prefix)) entries.set(key, value);
    await store.close();
    const recording = recordingOf(entries);
    const order = recording.members.map(({ id }) => id);
    const identities = await Promise.all(
      Array.from({ length: PEERS }, (_, peer) => identityFromSeed(identitySeedOf(peer))),
    );
    const simulation: Simulation = new Simulation(scenario, {
      signer: (peer) => createSigner(identities[peer]),
      work: (peer, { manifest }) =>
        new ReplayWork({
          recording,
          member: order.indexOf(simulation.peers[peer].id),
          codec: codecNamed(manifest.codec) ?? assert.fail('no such codec'),
          layout: layoutOf(manifest.model),
        }),
    });
    assert((await simulation.run()).agreed);
    assert.equal(simulation.peers[0].digest, nodes[0].status().digest);
  });
});
