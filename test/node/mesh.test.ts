// `meldmesh mesh` as a user meets it: the object at the end, and what the death of the watcher, of a node or a
// Ctrl-C does to the rest.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectControl, type NodeStatus } from '../../node/index.ts';
import {
  cleanUp,
  isAlive,
  meldmesh,
  type Running,
  statusOf,
  temporaryFolder,
  until,
  within,
} from './support/processes.ts';

interface Mesh {
  readonly running: Running;
  readonly stores: readonly string[];
  readonly store: string;
}

/** What `--json` promises, by type; of each list the first element. */
const REPORT_SHAPE = {
  seed: 'string',
  backend: 'string',
  codec: 'string',
  seconds: 'number',
  generations: 'number',
  peers: [
    {
      id: 'string',
      samples: 'number',
      accuracy: 'number',
      loss: 'number',
      digest: 'string',
      bytesIn: { gossip: 'number', transfer: 'number', control: 'number' },
      bytesOut: { gossip: 'number', transfer: 'number', control: 'number' },
      rssPeakMiB: 'number',
      eventLoopDelayP99Ms: 'number',
    },
  ],
  history: [
    {
      generation: 'number',
      seconds: 'number',
      accuracy: ['number'],
      digest: ['string'],
      bytesIn: ['number'],
    },
  ],
};

describe('meldmesh mesh', function () {
  this.timeout(300_000);
  const nodes = new Set<number>();
  afterEach(async () => {
    // Nodes live in process groups of their own and would outlive a test that failed.
    for (const pid of nodes) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    nodes.clear();
    await cleanUp();
  });

  function start(peers: number, more: readonly string[]): Mesh {
    const store = join(temporaryFolder(), 'mesh');
    const args = ['mesh', '--peers', String(peers), '--model', 'mlp:32', '--seed', '1', '--store', store];
    const running = meldmesh([...args, '--no-references', '--json', ...more]);
    const stores = Array.from({ length: peers }, (_, index) => join(store, `node-${index}`));
    return { running, stores, store };
  }

  /** The process of each node, as the command prints them. */
  async function pidsOf({ running }: Mesh): Promise<readonly number[]> {
    const line = await until(
      () => /^processes: (.*)$/m.exec(running.output() + running.errors())?.[1],
      'the nodes are started',
    );
    const pids = [...line.matchAll(/node \d+ is (\d+)/g)].map(([, pid]) => Number(pid));
    for (const pid of pids) nodes.add(pid);
    return pids;
  }

  async function everybody(
    mesh: Mesh,
    text: string,
    is: (status: NodeStatus) => boolean,
  ): Promise<readonly NodeStatus[]> {
    return await until(async () => {
      const statuses = await Promise.all(mesh.stores.map(statusOf));
      const known = statuses.filter((status) => status !== undefined);
      return known.length === statuses.length && known.every(is) && known;
    }, text);
  }

  it('prints one JSON object as its last line, and all of its nodes hold one model', async () => {
    const mesh = start(3, ['--generations', '4', '--samples', '600']);
    await pidsOf(mesh);
    const { status } = await within(mesh.running.ended, 'the mesh ends');
    assert.equal(status, 0, mesh.running.errors());
    const lines = mesh.running.output().trimEnd().split('\n');
    const report = JSON.parse(lines[lines.length - 1]);
    assert.deepEqual(shapeOf(report), REPORT_SHAPE);
    assert.deepEqual([report.seed, report.codec, report.generations], ['1', 'top1:1', 4]);
    const { peers, history } = report;
    assert.equal(peers.length, 3);
    assert.equal(
      peers.reduce((sum: number, { samples }: { samples: number }) => sum + samples, 0),
      600,
    );
    assert.match(peers[0].digest, /^[0-9a-f]{64}$/);
    assert.deepEqual(new Set(peers.map(({ digest }: { digest: string }) => digest)).size, 1, 'one digest');
    assert(
      peers.every(({ accuracy }: { accuracy: number }) => accuracy > 0.1 && accuracy < 1),
      'a fraction',
    );
    assert(peers.every(({ bytesIn }: { bytesIn: { gossip: number } }) => bytesIn.gossip > 0));
    assert.deepEqual(
      history.map(({ generation }: { generation: number }) => generation),
      [1, 2, 3, 4],
    );
    const rows: readonly { readonly digest: readonly string[]; readonly accuracy: readonly number[] }[] =
      history;
    assert(rows.every(({ digest, accuracy }) => digest.length === 3 && accuracy.length === 3));
    const saved = JSON.parse(readFileSync(join(mesh.store, 'report.json'), 'utf8'));
    assert.equal(saved.peers[0].digest, peers[0].digest);
    assert(readFileSync(join(mesh.store, 'model.safetensors')).length > 4 * 25_450);
    for (const pid of await pidsOf(mesh)) assert.equal(isAlive(pid), false, 'no node is left');
  });

  it('may be killed: its nodes learn to the end and agree', async () => {
    const mesh = start(3, ['--generations', '40', '--samples', '900']);
    await pidsOf(mesh);
    const early = await everybody(mesh, 'all have learnt a little', ({ generation }) => generation >= 2);
    mesh.running.child.kill('SIGKILL');
    await mesh.running.ended;
    assert(
      early.some(({ generation }) => generation < 40),
      'it was killed before the end',
    );
    // Somebody who watches keeps the nodes there after the end.
    const watchers = await Promise.all(mesh.stores.map((store) => connectControl(store)));
    await Promise.all(watchers.map((watcher) => watcher.events(() => undefined)));
    const done = await everybody(
      mesh,
      'all are done',
      ({ phase, generation }) => phase === 'done' && generation === 40,
    );
    assert.deepEqual(new Set(done.map(({ digest }) => digest)).size, 1);
    await Promise.all(watchers.map((watcher) => watcher.stop()));
    await within(Promise.all(watchers.map(({ closed }) => closed)), 'they stop when they are told to');
  });

  it('loses one of five nodes and finishes with four that agree', async () => {
    const mesh = start(5, ['--generations', '30', '--samples', '1000']);
    const pids = await pidsOf(mesh);
    await until(
      async () => ((await statusOf(mesh.stores[3]))?.generation ?? 0) >= 5,
      'node 3 is at generation 5',
    );
    process.kill(pids[3], 'SIGKILL');
    const { status } = await within(mesh.running.ended, 'the mesh ends');
    assert.equal(status, 0, mesh.running.errors());
    const report = JSON.parse(mesh.running.output().trimEnd().split('\n').at(-1) ?? '');
    const isLost = ({ lost }: { lost?: boolean }) => lost === true;
    assert.deepEqual(report.peers.map(isLost), [false, false, false, true, false]);
    const living: readonly { readonly digest: string }[] = report.peers.filter(
      (peer: object) => !isLost(peer),
    );
    assert.equal(new Set(living.map(({ digest }) => digest)).size, 1, 'the four agree');
    assert.equal(report.history.at(-1).digest.filter((digest: unknown) => digest !== null).length, 4);
  });

  it('stops all of its nodes at Ctrl-C, leaves with 130', async () => {
    const mesh = start(3, ['--generations', '100000', '--samples', '600']);
    const pids = await pidsOf(mesh);
    await everybody(mesh, 'all have learnt a little', ({ generation }) => generation >= 2);
    mesh.running.child.kill('SIGINT');
    const { status, signal } = await within(mesh.running.ended, 'the command ends');
    assert.deepEqual([status, signal], [130, null]);
    for (const pid of pids) assert.equal(isAlive(pid), false, 'no node is left');
    for (const store of mesh.stores) assert.equal(await statusOf(store), undefined);
  });
});

/** Types in place of values; of a list only the first, after all were found to be alike. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    const shapes = value.map(shapeOf);
    for (const shape of shapes) assert.deepEqual(shape, shapes[0]);
    return shapes.slice(0, 1);
  }
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each)]));
}
