// Bad neighbours: real libp2p hosts that gossip, ask and answer what no honest member would. All of it is counted by
// reason, and the model, the history and the memory of the node stay as they were.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lpStream } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { createRandom } from '../../fusion/index.ts';
import { hashOf, type NodeStatus } from '../../node/index.ts';
import { networkNames } from '../../node/network/names.ts';
import {
  decodeRecords,
  encodeRecords,
  encodeSyncRequest,
  encodeWelcome,
} from '../../protocols/delta-set/messages.ts';
import { blobHashOf, encodeDelta, type Hash, listOf, type RecordFields } from '../../protocols/index.ts';
import { Attacker, emptyHead } from './support/attackers.ts';
import { contentsOf, joinMesh, type Member, manifestOf, writeManifest } from './support/meshes.ts';
import {
  cleanUp,
  digestsOf,
  journalOf,
  reached,
  statusOf,
  temporaryFolder,
  until,
  within,
} from './support/processes.ts';

const GENERATIONS = 3;
const PARAMETERS = 784 * 32 + 32 + 32 * 10 + 10;
const MEMORY_MIB = 40;
const MESSAGES = 5_000;

describe('a node among bad neighbours', function () {
  this.timeout(300_000);
  const random = createRandom('bad input');
  let folder: string;
  let victim: Member;
  let helper: Member;
  /** The victim as it was before all attacks. */
  let calm: NodeStatus;
  let mesh: Hash;
  let attackers: Attacker[] = [];

  before(async () => {
    folder = temporaryFolder();
    const manifest = manifestOf({
      codec: 'float32',
      pace: { quorum: 1, patienceMinMs: 100_000 },
      limits: { inlineBytes: 131_072 },
    });
    const more = ['--generations', String(GENERATIONS), '--keep-running', '--wait-for-peers', '1'];
    const how = ['--manifest', writeManifest(folder, manifest)];
    victim = joinMesh({ store: join(folder, 'victim'), how, digits: { first: 0, count: 100 }, more });
    const { invitation } = await reached(victim, 'it listens', ({ addresses }) => addresses.length > 0);
    const digits = { first: 100, count: 100 };
    helper = joinMesh({ store: join(folder, 'helper'), how: [invitation], digits, more });
    const isDone = ({ phase, generation }: NodeStatus) => phase === 'done' && generation === GENERATIONS;
    await reached(helper, 'the honest two are done', isDone);
    calm = await reached(victim, 'the honest two are done', isDone);
    mesh = calm.meshId as Hash;
  });
  afterEach(async () => {
    for (const attacker of attackers) await attacker.close();
    attackers = [];
  });
  after(cleanUp);

  async function attacker(name: string, serve?: Attacker['node']['serve']): Promise<Attacker> {
    const opened = await Attacker.open({ name, meshId: mesh, address: calm.addresses[0], serve });
    attackers.push(opened);
    return opened;
  }

  async function counted(reason: string, count = 1): Promise<void> {
    const wanted = (calm.refused[reason] ?? 0) + count;
    await reached(victim, `${reason} is counted`, ({ refused }) => (refused[reason] ?? 0) >= wanted);
  }

  async function assertUnharmed(): Promise<void> {
    const { generation, digest, deltasHeard, phase } = await reached(victim, 'it answers', () => true);
    const { digest: expected, deltasHeard: heard } = calm;
    assert.deepEqual([generation, digest, deltasHeard, phase], [GENERATIONS, expected, heard, 'done']);
    const reached3 = digestsOf(journalOf(victim.store)).get(GENERATIONS);
    assert.equal(reached3, expected, 'no correction was made');
  }

  /** A float32 payload in which one value is replaced. */
  function payload(options: { readonly parameters: number; readonly odd?: number }): Uint8Array {
    const values = new Float32Array(options.parameters).fill(0.001);
    values[random.below(values.length)] = options.odd ?? 0.002;
    return new Uint8Array(values.buffer);
  }

  function fieldsOf(bytes: Uint8Array): Partial<RecordFields> {
    return { payload: blobHashOf(listOf(bytes, hashOf), hashOf), payloadBytes: bytes.length };
  }

  function noise(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => random.below(256));
  }

  /** What is gossiped, and the reason under which it is counted. */
  const gossips: readonly (readonly [string, string, (from: Attacker) => Uint8Array])[] = [
    ['garbage', 'malformed', () => noise(500)],
    ['more than a message may hold', 'gossip-too-large', () => noise(400 * 1024)],
    ['a delta of another mesh', 'wrong-mesh', (from) => signed(from, { mesh: hashOf(noise(8)) })],
    ['a delta with a broken signature', 'bad-signature', (from) => broken(from)],
    ['a delta in the name of another', 'bad-signature', (from) => signed(from, { author: nameOf(calm) })],
    [
      'a payload with NaN in it',
      'payload',
      (from) => signed(from, {}, payload({ parameters: PARAMETERS, odd: Number.NaN })),
    ],
    [
      'a payload with infinity in it',
      'payload',
      (from) => signed(from, {}, payload({ parameters: PARAMETERS, odd: Number.POSITIVE_INFINITY })),
    ],
    [
      'a payload for a smaller model',
      'payload',
      (from) => signed(from, {}, payload({ parameters: PARAMETERS - 1 })),
    ],
    [
      'a payload for a larger model',
      'payload-size',
      (from) => signed(from, {}, payload({ parameters: PARAMETERS + 1 })),
    ],
    [
      'a payload that is not the one signed',
      'payload-hash',
      (from) => signed(from, { payload: hashOf(noise(8)) }),
    ],
    ['a claim of no samples', 'samples', (from) => signed(from, { samples: 0 })],
    ['a claim of too many samples', 'samples', (from) => signed(from, { samples: 4e9 })],
    ['a codec that is not the mesh’s', 'codec', (from) => signed(from, { codec: 'int8' })],
    ['votes of nobody', 'votes', (from) => signed(from, { votes: ['ab'.repeat(16)] })],
    ['a generation of the far future', 'too-far-ahead', (from) => signed(from, { generation: 1_000 })],
  ];

  function signed(
    from: Attacker,
    fields: Partial<RecordFields>,
    bytes = payload({ parameters: PARAMETERS }),
  ): Uint8Array {
    return encodeDelta(from.record(mesh, { ...fieldsOf(bytes), ...fields }), bytes);
  }

  function broken(from: Attacker): Uint8Array {
    const bytes = payload({ parameters: PARAMETERS });
    const record = from.record(mesh, fieldsOf(bytes));
    const signature = record.signature.slice();
    signature[5] ^= 1;
    return encodeDelta({ ...record, signature }, bytes);
  }

  for (const [index, [what, reason, bytes]] of gossips.entries()) {
    it(`counts ${what} as ${reason}`, async () => {
      const from = await attacker(`gossip ${index}`);
      const { refused } = calm;
      const earlier = (await statusOf(victim.store))?.refused[reason] ?? refused[reason] ?? 0;
      from.gossip(bytes(from));
      await reached(victim, 'it is counted', (status) => (status.refused[reason] ?? 0) > earlier);
      await assertUnharmed();
    });
  }

  it('counts garbage and too much on its streams', async () => {
    const from = await attacker('streams');
    assert.equal(await from.ask('sync', noise(300)), undefined);
    await counted('malformed');
    assert.equal(await from.ask('blob', noise(300)), undefined);
    await counted('transfer-request');
    const { sync } = networkNames(mesh).calls;
    const stream = await from.node.network.host.dialProtocol(multiaddr(calm.addresses[0]), sync);
    lpStream(stream)
      .write(new Uint8Array(1_000_000))
      .catch(() => undefined);
    await counted('request-broken');
    await assertUnharmed();
  });

  it('counts garbage in answers to its own questions', async () => {
    await attacker('answers', (_call, _bytes, respond) => respond(noise(300)));
    await counted('malformed-answer');
    await assertUnharmed();
  });

  it('takes a replayed delta for what it is, by gossip and in answers', async () => {
    const from = await attacker('reader');
    const { records } = await from.hello();
    assert.equal(records.length, 2 * GENERATIONS);
    const bytes = await from.ask('sync', encodeSyncRequest({ kind: 'want', records: records.slice(0, 2) }));
    const deltas = (bytes && decodeRecords(bytes)) ?? assert.fail('it gives its records');
    assert.equal(deltas.length, 2);
    for (const delta of deltas) from.gossip(delta);
    // Asked for two records that do not exist, it answers with two that the victim has.
    const wanted = [1, 2].map((generation) => ({ id: hashOf(noise(8)), generation }));
    await attacker('replayer', (_call, request, respond) => {
      const isHello = request[0] === 1;
      respond(isHello ? encodeWelcome({ head: emptyHead, records: wanted }) : encodeRecords(deltas));
    });
    await counted('duplicate', 2);
    await assertUnharmed();
  });

  it(`stays small and well while ${MESSAGES} messages come in`, async () => {
    // Three say what an honest member might say in another mesh's time, one talks nonsense until nobody listens.
    const early = await Promise.all([0, 1, 2].map((index) => attacker(`early ${index}`)));
    const noisy = await attacker('noisy');
    const pid = victim.running.child.pid ?? assert.fail();
    const rssMiB = (): number =>
      Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024;
    const small = payload({ parameters: 250 });
    const arrived = (status: NodeStatus | undefined): number =>
      ['too-far-ahead', 'malformed', 'payload'].reduce(
        (sum, reason) => sum + (status?.refused[reason] ?? 0),
        0,
      );
    const first = arrived(await statusOf(victim.store));
    const startMiB = rssMiB();
    for (let index = 0; index < MESSAGES; index++) {
      const from = early[index % early.length];
      if (index % 50 === 49) noisy.gossip(noise(10_000 + random.below(50_000)));
      else from.gossip(signed(from, { generation: 1_000 + index }, small));
      if (index % 20 === 19) await sleep(5);
    }
    await reached(victim, 'most have arrived', (status) => arrived(status) - first > 0.8 * MESSAGES);
    const grownMiB = rssMiB() - startMiB;
    console.log(
      `      ${arrived(await statusOf(victim.store)) - first} of ${MESSAGES} messages judged, memory ${grownMiB.toFixed(1)} MiB more`,
    );
    assert(grownMiB < MEMORY_MIB, `${grownMiB} MiB`);
    await assertUnharmed();
  });

  it('has kept nothing of it all', async () => {
    await until(
      async () => ((await statusOf(victim.store))?.peers.length ?? 9) <= 1,
      'the attackers have left',
    );
    victim.running.child.kill('SIGTERM');
    const { status } = await within(victim.running.ended, 'it stops in good order');
    assert.equal(status, 0);
    const { records } = await contentsOf(victim.store);
    const authors = new Set(records.map(({ author }) => author as string));
    assert.equal(records.length, 2 * GENERATIONS);
    assert(authors.has(calm.peerId) && authors.size === 2);
  });
});

function nameOf({ peerId }: NodeStatus): RecordFields['author'] {
  return peerId as RecordFields['author'];
}
