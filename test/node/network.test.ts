// Real hosts on loopback doing what only real hosts can: find one another, lose streams, come back, misbehave.
import assert from 'node:assert/strict';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { lpStream } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import type { ByteCounts } from '../../node/api.ts';
import { GOSSIP_BYTES_MAX } from '../../node/network/constants.ts';
import { networkNames } from '../../node/network/names.ts';
import { closeAll, meshOne, meshTwo, Node, openSwarm, until } from './network-swarm.ts';

describe('a network over loopback', () => {
  let nodes: Node[] = [];
  afterEach(async () => {
    await closeAll(nodes);
    nodes = [];
  });

  it('brings every message to every member, though all know only one bootstrap address', async () => {
    nodes = await openSwarm(8);
    await until(() => nodes.every(({ port }) => port.peers().length >= 3), 'everybody has three neighbours');
    for (const [index, { port }] of nodes.entries()) port.publish(new Uint8Array(2700).fill(index));
    await until(() => nodes.every(({ heard }) => heard.length === 7), 'everybody has heard the other seven');
    await until(() => nodes.every(({ port }) => port.peers().length === 7), 'all have met');
  });

  it('charges a neighbour for a message that was rejected, and drops it after three incidents', async () => {
    nodes = await openSwarm(2, { gossipTuning: { heartbeatMs: 300 } });
    const [judge, liar] = nodes;
    await until(() => judge.network.gossip.meshPeers().length === 1, 'the mesh has formed');
    let incident = 0;
    judge.judge(() => ({ act: 'reject', reason: `lie ${incident++}` }));
    liar.port.publish(Uint8Array.of(1));
    await until(() => incident === 1, 'the first lie was judged');
    await until(() => judge.network.gossip.score(liar.port.self) < -5, 'the score has fallen');
    liar.port.publish(Uint8Array.of(2));
    liar.port.publish(Uint8Array.of(3));
    await until(() => judge.port.peers().length === 0, 'the liar is out');
    assert.deepEqual(judge.heard, []);
    assert.equal(judge.network.refusedCounts()['lie 0'], 1);
    assert.equal(judge.network.refusedCounts()['peer-refused'], 1);
    await sleep(700);
    assert.deepEqual(judge.port.peers(), [], 'and stays out though it dials again');
  });

  it('does not forward what it ignored, and charges nobody for it', async () => {
    const middle = await Node.open('middle');
    const one = { bootstrap: middle.network.addresses(), peersTarget: 1 };
    nodes = [middle, await Node.open('left', one), await Node.open('right', one)];
    const [, left, right] = nodes;
    await until(() => middle.network.gossip.meshPeers().length === 2, 'both ends know only the middle');
    middle.judge(([first]) => (first === 1 ? { act: 'ignore', reason: 'stale' } : { act: 'accept' }));
    left.port.publish(Uint8Array.of(1));
    await until(() => middle.network.refusedCounts().stale === 1, 'the first was judged');
    left.port.publish(Uint8Array.of(2));
    await until(() => right.heard.length === 1, 'the second has arrived');
    assert.deepEqual(Uint8Array.from(right.heard[0].bytes), Uint8Array.of(2));
    assert.equal(right.heard[0].from, middle.port.self, 'the neighbour it came from, not its author');
    assert.ok(middle.network.gossip.score(left.port.self) >= 0);
  });

  it('refuses to publish above the limit with a code, and still publishes at the limit', async () => {
    nodes = await openSwarm(2);
    const [author, reader] = nodes;
    await until(() => author.network.gossip.meshPeers().length === 1, 'the mesh has formed');
    assert.throws(() => author.port.publish(new Uint8Array(GOSSIP_BYTES_MAX + 1)), {
      code: 'MELDMESH_GOSSIP_TOO_LARGE',
    });
    author.port.publish(new Uint8Array(GOSSIP_BYTES_MAX));
    await until(() => reader.heard.length === 1, 'the largest message has arrived');
  });

  it('does not take a node of another mesh for a peer, nor serve it', async () => {
    nodes = [await Node.open('one'), await Node.open('two', { meshId: meshTwo })];
    const [one, two] = nodes;
    const connection = await two.network.host.dial(multiaddr(one.network.addresses()[0]));
    await sleep(300);
    assert.equal(connection.status, 'open');
    assert.deepEqual([one.port.peers(), two.port.peers()], [[], []]);
    const theirs = networkNames(meshTwo).calls.sync;
    await assert.rejects(connection.newStream(theirs), { name: 'UnsupportedProtocolError' });
  });

  it('finds a member again that was restarted at the same address', async () => {
    nodes = await openSwarm(2);
    const [stays, goes] = nodes;
    await until(() => stays.port.peers().length === 1, 'they are connected');
    const listen = goes.network.addresses().map((address) => address.split('/p2p/')[0]);
    await goes.kill();
    await until(() => stays.port.peers().length === 0, 'the loss is seen');
    nodes = [stays, await Node.open('member 1', { listen })];
    await until(() => stays.port.peers().length === 1, 'it was dialled again');
  });

  it('dials a member that it has lost again, though it has found enough others', async () => {
    const stays = await Node.open('stays', { peersTarget: 1, exchangeIntervalMaxMs: 300 });
    const enough = { bootstrap: stays.network.addresses(), peersTarget: 1 };
    const goes = await Node.open('goes', enough);
    nodes = [stays, goes];
    await until(() => stays.port.peers().length === 1, 'they are connected');
    const listen = goes.network.addresses().map((address) => address.split('/p2p/')[0]);
    await goes.kill();
    await until(() => stays.port.peers().length === 0, 'the loss is seen');
    const other = await Node.open('other', enough);
    nodes = [stays, other];
    await until(() => stays.port.peers().length === 1, 'another is found');
    nodes.push(await Node.open('goes', { listen, peersTarget: 0 }));
    await until(() => stays.port.peers().length === 2, 'the lost one was dialled');
  });

  it('remembers the addresses of members, so that the next start needs no bootstrap', async () => {
    nodes = await openSwarm(3);
    await until(() => nodes.every(({ port }) => port.peers().length === 2), 'all have met');
    const knownAddresses = nodes[2].network.knownAddresses();
    nodes.push(await Node.open('another', { knownAddresses }));
    await until(() => nodes[3].port.peers().length === 3, 'it has met all three');
  });

  it('mends a gossip stream that died while the connection lives', async () => {
    nodes = await openSwarm(2, { watchdogTickMs: 100 });
    const [author, reader] = nodes;
    await until(() => reader.network.gossip.meshPeers().length === 1, 'the mesh has formed');
    const [connection] = reader.network.host.getConnections();
    for (const stream of connection.streams)
      if (stream.protocol.startsWith('/meshsub/')) stream.abort(new Error('test'));
    await until(() => connection.status !== 'open', 'the watchdog has closed the connection');
    await until(
      () => reader.network.gossip.meshPeers().length === 1 && author.network.gossip.meshPeers().length === 1,
      'the mesh is back',
    );
    author.port.publish(Uint8Array.of(1));
    await until(() => reader.heard.length === 1, 'gossip flows again');
  });

  it('says which listening address failed, and which bootstrap address is none', async () => {
    nodes = [await Node.open('first')];
    const listen = nodes[0].network.addresses().map((address) => address.split('/p2p/')[0]);
    await assert.rejects(Node.open('second', { listen }), { code: 'MELDMESH_LISTEN_FAILED' });
    await assert.rejects(Node.open('second', { bootstrap: ['/ip4/127.0.0.1/tcp'] }), {
      code: 'MELDMESH_ADDRESS_INVALID',
    });
  });
});

describe('a peer that misbehaves', () => {
  let nodes: Node[] = [];
  afterEach(async () => {
    await closeAll(nodes);
    nodes = [];
  });

  async function pair(): Promise<[Node, Node]> {
    nodes = await openSwarm(2, { gossipTuning: { heartbeatMs: 300 } });
    await until(() => nodes.every(({ port }) => port.peers().length === 1), 'they are connected');
    return [nodes[0], nodes[1]];
  }

  it('loses the stream on which it sends more than a frame', async () => {
    const [server, attacker] = await pair();
    const stream = await attacker.network.host.dialProtocol(
      multiaddr(server.network.addresses()[0]),
      networkNames(meshOne).calls.sync,
    );
    lpStream(stream)
      .write(new Uint8Array(1_000_000))
      .catch(() => {});
    await until(() => server.network.refusedCounts()['request-broken'] === 1, 'it was refused');
    await until(() => server.network.gossip.score(attacker.port.self) < 0, 'it was charged');
  });

  it('is told when it asks too often, and the rest is answered', async () => {
    const [server, flooder] = await pair();
    for (let ticket = 0; ticket < 300; ticket++)
      flooder.port.request(server.port.self, 'sync', Uint8Array.of(1), 8000, ticket);
    await until(
      () => flooder.events.filter(({ kind }) => kind === 'response').length === 300,
      'all are answered',
    );
    const answered = flooder.events.filter(
      (event) => event.kind === 'response' && event.bytes !== undefined,
    ).length;
    assert.ok(answered >= 100 && answered < 300, `${answered} answered`);
    assert.equal(server.network.refusedCounts()['request-rate-limited'], 300 - answered);
  });

  it('cannot fill the address book with garbage', async () => {
    const [learner, liar] = await pair();
    const { host } = liar.network;
    const { peers } = networkNames(meshOne);
    await host.unhandle(peers);
    await host.handle(peers, async (stream) => {
      await lpStream(stream).write(Buffer.from('nonsense\n/ip4/1.2.3.4\n\u0000\n'));
      await stream.close();
    });
    await until(
      () => (learner.network.refusedCounts()['address-unreadable'] ?? 0) >= 3,
      'garbage was counted',
    );
    assert.equal(
      learner.network.knownAddresses().every((address) => address.endsWith(liar.port.self)),
      true,
    );
  });
});

describe('a network through a middleman that counts', () => {
  const sockets: Socket[] = [];
  let nodes: Node[] = [];
  let server: Server | undefined;
  afterEach(async () => {
    await closeAll(nodes);
    for (const socket of sockets.splice(0)) socket.destroy();
    server?.close();
    nodes = [];
  });

  /** Two members whose only connection runs through a proxy. */
  async function throughProxy(): Promise<{
    inner: Node;
    outer: Node;
    passed: { up: number; down: number };
    mute: () => void;
  }> {
    const inner = await Node.open('inner');
    const target = inner.network.addresses()[0];
    const passed = { up: 0, down: 0 };
    let muted = false;
    server = createServer((near) => {
      const far = connect(Number(target.split('/')[4]), '127.0.0.1');
      sockets.push(near, far);
      for (const socket of [near, far]) socket.on('error', () => {});
      near.on('data', (data) => {
        passed.up += data.length;
        if (!muted) far.write(data);
      });
      far.on('data', (data) => {
        passed.down += data.length;
        if (!muted) near.write(data);
      });
    }).listen(0, '127.0.0.1');
    await until(() => server?.listening === true, 'the proxy listens');
    const { port } = server.address() as AddressInfo;
    const bootstrap = [`/ip4/127.0.0.1/tcp/${port}/p2p/${inner.port.self}`];
    const outer = await Node.open('outer', { bootstrap });
    nodes = [inner, outer];
    await until(
      () => nodes.every((node) => node.network.gossip.meshPeers().length === 1),
      'the mesh has formed',
    );
    return { inner, outer, passed, mute: () => (muted = true) };
  }

  it('counts every byte that crosses the wire, and tells gossip and transfer from the rest', async () => {
    const { inner, outer, passed } = await throughProxy();
    for (let index = 0; index < 20; index++) inner.port.publish(new Uint8Array(2000).fill(index));
    outer.port.request(inner.port.self, 'blob', new Uint8Array(100_000), 5000, 1);
    await until(() => outer.heard.length === 20 && outer.response(1) !== 'none yet', 'all has arrived');
    await until(() => {
      const { in: received, out } = outer.network.byteCounts();
      return sum(received) === passed.down && sum(out) === passed.up;
    }, 'the counts equal what passed the proxy');
    const { in: received, out } = outer.network.byteCounts();
    assert.ok(received.gossip > 40_000 && received.gossip < 46_000, `${received.gossip} bytes of gossip`);
    assert.ok(
      received.transfer > 100_000 && received.transfer < 100_100,
      `${received.transfer} bytes of transfer`,
    );
    assert.ok(out.transfer > 100_000 && out.transfer < 100_100);
    assert.ok(received.control > 500 && received.control < 15_000, `${received.control} bytes of control`);
  });

  it('answers a request by its deadline when the other machine has gone silent', async () => {
    const { inner, outer, mute } = await throughProxy();
    mute();
    const askedMs = performance.now();
    outer.port.request(inner.port.self, 'sync', Uint8Array.of(1), 400, 1);
    await until(() => outer.response(1) !== 'none yet', 'it was answered');
    assert.equal(outer.response(1), undefined);
    assert.ok(performance.now() - askedMs < 1500);
  });
});

function sum(counts: ByteCounts): number {
  return counts.gossip + counts.transfer + counts.control;
}
