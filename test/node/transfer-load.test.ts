// What a large model does to a node: deltas of ten megabytes travel as blobs, while the thread of libp2p stays free.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { joinMesh, type Member, manifestOf, writeManifest } from './support/meshes.ts';
import {
  cleanUp,
  digestsOf,
  journalOf,
  reached,
  statusOf,
  temporaryFolder,
  until,
} from './support/processes.ts';

describe('deltas that are too large for gossip', function () {
  this.timeout(300_000);
  afterEach(cleanUp);

  interface MeshOptions {
    readonly members: number;
    readonly digits: number;
    readonly config: Readonly<Record<string, unknown>>;
    readonly more: readonly string[];
  }

  async function openMesh(options: MeshOptions): Promise<readonly Member[]> {
    const { members, digits: count, config, more } = options;
    const folder = temporaryFolder();
    // A busy machine takes its time: nobody goes on without the others.
    const pace = { contributorsMin: members, quorum: 1, patienceMinMs: 100_000 };
    const member = (index: number, how: readonly string[]): Member =>
      joinMesh({
        store: join(folder, `member-${index}`),
        how,
        digits: { first: index * count, count },
        more: [
          '--seed',
          `member ${index}`,
          '--wait-for-peers',
          String(members - 1),
          '--keep-running',
          ...more,
        ],
      });
    const founder = member(0, ['--manifest', writeManifest(folder, manifestOf({ ...config, pace }))]);
    const { invitation } = await reached(
      founder,
      'the founder listens',
      ({ addresses }) => addresses.length > 0,
    );
    const others = Array.from({ length: members - 1 }, (_, index) => member(index + 1, [invitation]));
    return [founder, ...others];
  }

  it('travel as blobs, and all members agree', async () => {
    const GENERATIONS = 4;
    const mesh = await openMesh({
      members: 3,
      digits: 100,
      config: { codec: 'float32', limits: { inlineBytes: 1_024 } },
      more: ['--generations', String(GENERATIONS)],
    });
    const payloadBytes = 4 * (784 * 32 + 32 + 32 * 10 + 10);
    for (const member of mesh) {
      await reached(
        member,
        'it is done',
        ({ phase, generation }) => phase === 'done' && generation === GENERATIONS,
      );
    }
    await until(() => {
      const digests = mesh.map(({ store }) => digestsOf(journalOf(store)).get(GENERATIONS));
      return new Set(digests).size === 1 && digests[0] !== undefined;
    }, 'all have one digest');
    for (const { store } of mesh) {
      const { bytesIn, refused } = (await statusOf(store)) ?? assert.fail('it answers');
      assert(bytesIn.transfer > 2 * GENERATIONS * payloadBytes, 'the deltas of both others were pulled');
      assert(bytesIn.gossip < payloadBytes, 'gossip carried none of them');
      assert.deepEqual(
        Object.keys(refused).filter((reason) => /payload/.test(reason)),
        [],
      );
    }
  });

  it('of ten megabytes are pulled while the node trains and evaluates', async () => {
    const GENERATIONS = 2;
    const mesh = await openMesh({
      members: 2,
      digits: 64,
      config: { model: 'mlp:3200', codec: 'float32' },
      more: ['--generations', String(GENERATIONS), '--test', 'mnist'],
    });
    const delaysMs: number[] = [];
    for (const member of mesh) {
      const { bytesIn, eventLoopDelayP99Ms } = await reached(
        member,
        'it has trained, pulled and evaluated',
        ({ generation, accuracy }) => generation === GENERATIONS && accuracy !== undefined,
      );
      // Pixels that are never inked give chunks of zeros, which are equal and so are pulled once.
      assert(bytesIn.transfer > GENERATIONS * 9_000_000, `${bytesIn.transfer} bytes were pulled`);
      delaysMs.push(eventLoopDelayP99Ms);
    }
    // A figure to read, not a bar to fail at: a machine that is busy with something else is late too.
    console.log(
      `      event-loop delay of the libp2p thread, 99th percentile, while training, evaluating 10,000 digits and ` +
        `pulling 10 MB a generation: ${delaysMs.map((delay) => `${delay.toFixed(1)} ms`).join(' and ')}`,
    );
  });
});
