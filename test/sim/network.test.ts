// What a simulated network does to messages: whom they reach, when, and at what cost.
import assert from 'node:assert/strict';
import { createRandom } from '../../fusion/index.ts';
import { type PeerId, REFUSAL_MS } from '../../protocols/index.ts';
import type { ByteCounts } from '../../sim/network/endpoint.ts';
import { drawLatencyMs } from '../../sim/network/latency.ts';
import type { NetworkOptions } from '../../sim/network/options.ts';
import { parseScenario, type ScenarioInput } from '../../sim/scenario.ts';
import { hasHeard, type Listener, Listeners, messageOf } from './listener.ts';

const sum = ({ gossip, transfer, control }: ByteCounts): number => gossip + transfer + control;

/** Every member publishes once, spread over this time. */
async function publishAll({ world, members }: Listeners, spreadMs: number): Promise<void> {
  for (const [i, { port }] of members.entries())
    world.after((spreadMs * i) / members.length, () => port.publish(messageOf(i)));
  await world.runUntil(world.nowMs + spreadMs);
}

function gossipDegrees({ network, members }: Listeners): number[] {
  const links = network.links().filter(({ isGossip }) => isGossip);
  return members.map(({ id }) => links.filter(({ a, b }) => a === id || b === id).length);
}

const halfOf = (id: PeerId): number => Number(id.split(' ')[1]) % 2;

describe('a simulated network', () => {
  it('brings every message to every peer where nothing is lost', async () => {
    const net = new Listeners(40);
    await net.pass(3_000);
    await publishAll(net, 4_000);
    await net.pass(6_000);
    for (const [i, author] of net.members.entries())
      assert(net.isHeardByAll(messageOf(i), author), `message ${i}`);
    for (const { heard } of net.members) assert.equal(heard.length, 39, 'each once');
  });

  it('keeps the number of gossip neighbours within its bounds', async () => {
    for (const degree of [
      [2, 3],
      [4, 6],
    ] as const) {
      const net = new Listeners(60, { degree });
      await net.pass(20_000);
      const degrees = gossipDegrees(net);
      // Who dialled oneself is taken above the bound until the next heartbeat, and who is refused by full ones waits.
      assert(
        degrees.every((count) => count >= 1 && count <= degree[1] + 1),
        degrees.join(' '),
      );
      const within = degrees.filter((count) => count >= degree[0] && count <= degree[1]);
      assert(within.length >= 0.9 * degrees.length, degrees.join(' '));
    }
  });

  it('keeps messages on their side of a cut, and joins both when it heals, though each had enough connections', async () => {
    const net = new Listeners(20);
    await net.pass(3_000);
    net.network.cut(halfOf);
    await net.pass(3_000);
    const [author] = net.members;
    author.port.publish(messageOf(1));
    await net.pass(5_000);
    const reached = (side: number): boolean[] =>
      net.members
        .filter(({ id }) => id !== author.id && halfOf(id) === side)
        .map((member) => hasHeard(member, messageOf(1)));
    assert(reached(0).every((heard) => heard));
    assert(!reached(1).some((heard) => heard));
    net.network.cut(() => 0);
    await net.pass(40_000);
    author.port.publish(messageOf(2));
    await net.pass(5_000);
    assert(net.isHeardByAll(messageOf(2), author));
  });

  it('loses the share of messages that was asked for', async () => {
    const net = new Listeners(2, { loss: 0.2, latencyMs: [1, 1] });
    await net.pass(200);
    const [asker, other] = net.members;
    let served = 0;
    other.answer((_call, _bytes, respond) => {
      served += 1;
      respond(new Uint8Array());
    });
    for (let ticket = 0; ticket < 1_000; ticket++)
      net.world.after(200 * ticket, () =>
        asker.port.request(other.id, 'sync', new Uint8Array(), 100, ticket),
      );
    await net.pass(200 * 1_000 + 200);
    const answered = asker.events.filter((event) => event.kind === 'response' && event.bytes !== undefined);
    assert(Math.abs(served / 1_000 - 0.8) < 0.04, `${served} arrived`);
    assert(Math.abs(answered.length / 1_000 - 0.64) < 0.05, `${answered.length} were answered`);
  });

  it('finds most of the lost messages again by telling what there is', async () => {
    const hearings = async (loss: number): Promise<number> => {
      const net = new Listeners(30, { loss });
      await net.pass(4_000);
      await publishAll(net, 5_000);
      await net.pass(10_000);
      return net.members.reduce((all, { heard }) => all + heard.length, 0) / (30 * 29);
    };
    const share = await hearings(0.3);
    assert(share > 0.97, `${share}`);
  });

  it('lets late messages be overtaken by those sent after them', async () => {
    const net = new Listeners(2, { latencyMs: [10, 10], late: 0.3, lateMs: [400, 800] });
    await net.pass(3_000);
    const [author, other] = net.members;
    for (let i = 0; i < 100; i++) net.world.after(50 * i, () => author.port.publish(messageOf(i, 100)));
    await net.pass(7_000);
    const order = other.heard.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
    assert.equal(new Set(order).size, 100);
    const sent = Array.from({ length: 100 }, (_, i) => Buffer.from(messageOf(i, 100)).toString('hex'));
    const overtaken = sent.filter((text, i) =>
      sent.slice(i + 1).some((later) => order.indexOf(later) < order.indexOf(text)),
    );
    assert(overtaken.length > 15 && overtaken.length < 45, `${overtaken.length} were overtaken`);
  });

  it('connects nobody with more than the most that was asked for', async () => {
    const net = new Listeners(40, { connections: [5, 7] });
    await net.pass(10_000);
    const counts = net.members.map(({ port }) => port.peers().length);
    assert(
      counts.every((count) => count >= 5 && count <= 7),
      counts.join(' '),
    );
  });

  it('answers what was asked of a peer that is gone at once, not at the deadline', async () => {
    const net = new Listeners(3, { latencyMs: [10, 10] });
    await net.pass(1_000);
    const [asker, other] = net.members;
    other.answer(() => {});
    asker.port.request(other.id, 'sync', new Uint8Array(), 60_000, 1);
    await net.pass(100);
    await other.kill();
    await net.pass(100);
    const answers = asker.events.filter((event) => event.kind === 'response');
    assert.deepEqual(answers, [{ kind: 'response', ticket: 1, from: other.id, bytes: undefined }]);
  });

  it('keeps a liar out for as long as a real node does, and then takes it back', async () => {
    const net = new Listeners(2);
    await net.pass(1_000);
    const [judge, liar] = net.members;
    for (let i = 0; i < 3; i++) judge.port.penalise(liar.id, `lie ${i}`);
    await net.pass(REFUSAL_MS - 1_000);
    assert.deepEqual(judge.port.peers(), []);
    await net.pass(5_000);
    assert.deepEqual(judge.port.peers(), [liar.id]);
  });

  it('makes a slow uplink wait for itself', async () => {
    const arrival = async (options: Partial<NetworkOptions>): Promise<number> => {
      const net = new Listeners(2, { latencyMs: [10, 10], jitter: 0, ...options });
      await net.pass(4_000);
      const [author, other] = net.members;
      const startedMs = net.world.nowMs;
      author.port.publish(messageOf(1, 50_000));
      author.port.publish(messageOf(2, 50_000));
      await net.pass(60_000);
      return (other.heard.at(-1)?.atMs ?? Number.NaN) - startedMs;
    };
    assert.equal(await arrival({}), 10);
    const slowMs = await arrival({ bytesPerSecond: 10_000 });
    assert(slowMs > 10_000 && slowMs < 10_500, `${slowMs}`);
  });
});

describe('the network part of a scenario', () => {
  it('takes bounds in their order only', () => {
    const problemsOf = (network: ScenarioInput['network']): readonly string[] => {
      const parsed = parseScenario({ name: 'bounds', peers: 2, network });
      return 'problems' in parsed ? parsed.problems : [];
    };
    assert.deepEqual(problemsOf({ latencyMs: [20, 20], bytesPerSecond: [1_000, 2_000] }), []);
    assert.deepEqual(problemsOf({ latencyMs: [20, 10] }), [
      'network.latencyMs: the first number is above the second',
    ]);
    assert.equal(problemsOf({ degree: [4, 3], connections: [9, 8] }).length, 2);
  });
});

describe('the bytes of a simulated network', () => {
  it('were all sent by somebody before they are received, and nothing is received twice', async () => {
    const net = new Listeners(12, { duplicates: 0.2, late: 0.2, lateMs: [100, 900] });
    await net.pass(3_000);
    await publishAll(net, 2_000);
    net.members[0].port.request(net.members[1].id, 'blob', messageOf(99, 200_000), 5_000, 1);
    await net.pass(20_000);
    const all = net.members.map(({ id }) => net.network.bytesOf(id));
    for (const kind of ['gossip', 'transfer', 'control'] as const) {
      const sent = all.reduce((bytes, { out }) => bytes + out[kind], 0);
      const received = all.reduce((bytes, counts) => bytes + counts.in[kind], 0);
      // What is on its way right now is a heartbeat's worth at most.
      assert(received <= sent && received > 0.995 * sent, `${kind}: ${received} of ${sent}`);
    }
  });

  it('are those of a neighbour or two more for each more neighbour', async () => {
    const copies = async (degree: readonly [number, number]): Promise<number> => {
      const net = new Listeners(30, { degree });
      await net.pass(5_000);
      const before = net.members.reduce((bytes, { id }) => bytes + net.network.bytesOf(id).in.gossip, 0);
      await publishAll(net, 3_000);
      await net.pass(500);
      const after = net.members.reduce((bytes, { id }) => bytes + net.network.bytesOf(id).in.gossip, 0);
      return (after - before) / (30 * 29 * 2_947);
    };
    const [few, many] = [await copies([2, 3]), await copies([5, 6])];
    assert(few > 1.3 && few < 2.4, `${few} copies of each message`);
    assert(many > few + 2 && many < few + 4, `${many} copies after ${few}`);
  });

  it('are none for a network that nobody has joined', () => {
    const { network } = new Listeners(0);
    assert.equal(sum(network.bytesOf('nobody' as PeerId).in), 0);
  });
});

describe('chance in a simulated network', () => {
  const options = { loss: 0.1, duplicates: 0.1, late: 0.1, lateMs: [500, 2_000] } as const;

  async function traceOf(seed: string): Promise<string> {
    const net = new Listeners(15, options, seed);
    await net.pass(2_000);
    net.network.cut(halfOf);
    await publishAll(net, 2_000);
    net.network.cut(() => 0);
    await net.members[3].kill();
    await net.pass(5_000);
    return `${net.world.trace.digest()} ${net.world.events} ${net.members.map(order).join(' ')}`;
  }
  const order = ({ heard }: Listener): string => heard.map(({ atMs }) => atMs).join(',');

  it('is the same for the same seed and another for another', async () => {
    const first = await traceOf('a');
    assert.equal(await traceOf('a'), first);
    assert.notEqual(await traceOf('b'), first);
  });

  it('draws latencies of the shape that was asked for', () => {
    for (const [shape, above] of [
      ['uniform', 0],
      ['lognormal', 0.05],
      ['pareto', 0.05],
    ] as const) {
      const random = createRandom(shape);
      const drawn = Array.from({ length: 4_000 }, () => drawLatencyMs(random, shape, [20, 200]));
      const share = drawn.filter((latencyMs) => latencyMs > 200).length / drawn.length;
      assert(Math.abs(share - above) < 0.012, `${shape}: ${share} above the upper bound`);
      assert(drawn.every((latencyMs) => latencyMs > 1));
    }
  });
});
