// The transfer protocol between a few peers: honest, absent, partial and lying ones.
import assert from 'node:assert/strict';
import { hashOf } from '../../node/hash.ts';
import { CHUNK_BYTES, chunkKey, type Hash, listKey } from '../../protocols/index.ts';
import { type BlobAnswer, bytesOfSize, createNet, Peer } from './transfer-net.ts';

const MIB = 2 ** 20;

function assertBytes(answer: BlobAnswer, expected: Uint8Array): void {
  assert.equal(answer.error, undefined);
  assert(answer.bytes !== undefined && Buffer.from(answer.bytes).equals(expected), 'other bytes came');
}

describe('a fetch of a blob', () => {
  it('brings every size whole, and stores it so that the next one asks nobody', async () => {
    const net = createNet('sizes');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob')];
    for (const size of [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 1_000_000]) {
      const bytes = bytesOfSize(size, size);
      const hash = alice.holds(bytes);
      assertBytes(await bob.answerOf(bob.fetch(hash, [alice])), bytes);
      const asked = net.log.length;
      assertBytes(await bob.answerOf(bob.fetch(hash, [])), bytes);
      assert.equal(net.log.length, asked);
      assert.equal(bob.transfer.hashOf(bytes), hash);
    }
  });

  it('moves 10 MB over a line that loses a fifth and reorders the rest', async () => {
    const net = createNet('loss');
    const holders = ['alice', 'carol', 'dave'].map((name) => new Peer(net, name));
    const bob = new Peer(net, 'bob');
    const bytes = bytesOfSize(10 * MIB + 17);
    const [hash] = holders.map((holder) => holder.holds(bytes));
    net.loss = 0.1;
    assertBytes(await bob.answerOf(bob.fetch(hash, [holders[0]])), bytes);
    for (const { id } of holders) assert(net.log.some((line) => line.startsWith(`bob>${id} chunk`)));
    assert.deepEqual(net.penalties, []);
  });

  it('puts a blob together from peers that have only some of its chunks', async () => {
    const net = createNet('parts');
    const [alice, carol, bob] = ['alice', 'carol', 'bob'].map((name) => new Peer(net, name));
    const bytes = bytesOfSize(3 * MIB);
    const hash = alice.holds(bytes, (_, index) => index % 2 === 0);
    carol.holds(bytes, (_, index) => index % 2 === 1);
    assertBytes(await bob.answerOf(bob.fetch(hash, [carol])), bytes);
    assert.equal(bob.requestsInFlightPeak, 4);
    assert.deepEqual(net.penalties, []);
  });

  it('asks others too when an answer is overdue, and again those who had it not yet', async () => {
    const net = createNet('overdue');
    const [slow, carol, bob] = ['slow', 'carol', 'bob'].map((name) => new Peer(net, name));
    const bytes = bytesOfSize(10 * MIB);
    const hash = slow.holds(bytes);
    // Just in time, each of them: four chunks in ten seconds.
    slow.delayMs = (request) => (request[0] === 1 ? 4_800 : 9_800);
    const ticket = bob.fetch(hash, [slow]);
    await net.world.runUntil(12_000);
    carol.holds(bytes);
    assertBytes(await bob.answerOf(ticket), bytes);
    assert(net.world.nowMs < 25_000, `it took ${net.world.nowMs} ms`);
    assert.deepEqual(net.penalties, []);
  });

  it('spreads through peers that are still pulling it themselves', async () => {
    const net = createNet('chain');
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => new Peer(net, name));
    const bytes = bytesOfSize(8 * MIB);
    const hash = alice.holds(bytes);
    const first = bob.fetch(hash, [alice]);
    await net.world.runUntil(400);
    const second = carol.fetch(hash, [bob]);
    assertBytes(await carol.answerOf(second), bytes);
    assertBytes(await bob.answerOf(first), bytes);
    assert(net.log.some((line) => line.startsWith('carol>bob chunk')));
  });

  it('does not ask again, after a crash, for chunks that the disk has kept', async () => {
    const net = createNet('resume');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob')];
    const bytes = bytesOfSize(10 * MIB);
    const hash = alice.holds(bytes);
    bob.fetch(hash, [alice]);
    await net.world.runUntil(300);
    const before = new Set(net.log);
    assert(before.size > 10 && before.size < 35, `${before.size} requests before the crash`);
    // What is written later with sync makes the chunks before it durable.
    bob.disk.port(() => undefined).write([], true, 99);
    const kept = [...bob.disk.entries.keys()].filter((key) => key.startsWith('chunk/')).length;
    assert(kept > 5);
    bob.restart();
    // What was asked before the crash still arrives.
    await net.world.runUntil(1_000);
    net.log.length = 0;
    assertBytes(await bob.answerOf(bob.fetch(hash, [alice])), bytes);
    const chunks = net.log.filter((line) => line.includes(' chunk '));
    assert.equal(chunks.length, 40 - kept);
  });

  it('fetches anew what the disk has damaged, and serves no damaged chunk', async () => {
    const net = createNet('damage');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob')];
    const bytes = bytesOfSize(MIB);
    const hash = alice.holds(bytes);
    bob.holds(bytes);
    bob.disk.damage(chunkKey(hashOf(bytes.subarray(CHUNK_BYTES, 2 * CHUNK_BYTES))));
    assert.equal((await bob.answerOf(bob.fetch(hash, []))).error, 'not stored');
    assert.match(
      (await alice.answerOf(alice.fetchChunk(hashOf(Buffer.from('never')), [bob]))).error ?? '',
      /nobody/,
    );
    assertBytes(await bob.answerOf(bob.fetch(hash, [alice])), bytes);
    assert.equal(net.log.filter((line) => line.startsWith('bob>alice chunk')).length, 1);
    assert.deepEqual(net.penalties, []);
  });

  it('finds another holder when the one named is silent, gone or has pruned it', async () => {
    const net = createNet('rotate');
    const [silent, gone, pruned, holder, bob] = ['a', 'b', 'c', 'd', 'bob'].map(
      (name) => new Peer(net, name),
    );
    const bytes = bytesOfSize(2 * MIB);
    const hash = holder.holds(bytes);
    silent.lie = () => undefined;
    gone.isUp = false;
    assertBytes(await bob.answerOf(bob.fetch(hash, [silent, gone, pruned])), bytes);
    assert.deepEqual(net.penalties, []);
    assert(net.world.nowMs < 60_000, `it took ${net.world.nowMs} ms`);
  });

  it('waits for newcomers while it is pulling, and asks them', async () => {
    const net = createNet('newcomer');
    const [bob, empty] = [new Peer(net, 'bob'), new Peer(net, 'empty')];
    const bytes = bytesOfSize(MIB);
    const ticket = bob.fetch(bob.transfer.hashOf(bytes), [empty]);
    await net.world.runUntil(500);
    const late = new Peer(net, 'late');
    late.holds(bytes);
    bob.transfer.handle({ kind: 'peers', joined: [late.id], left: [] });
    assertBytes(await bob.answerOf(ticket), bytes);
  });

  it('ends with a reason when nobody has it, nobody answers or nobody is there', async () => {
    const net = createNet('nobody');
    const [bob, empty] = [new Peer(net, 'bob'), new Peer(net, 'empty')];
    const hash = hashOf(Buffer.from('no such blob'));
    assert.equal((await bob.answerOf(bob.fetch(hash, []))).error, 'not stored');
    assert.equal((await bob.answerOf(bob.fetch(hash, [empty]))).error, 'nobody has it');
    empty.lie = () => undefined;
    assert.equal((await bob.answerOf(bob.fetch(hash, [empty]))).error, 'nobody answered');
    assert(net.world.nowMs < 120_000);
  });

  it('copies nothing twice when two ask for the same at once', async () => {
    const net = createNet('same');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob')];
    const bytes = bytesOfSize(MIB);
    const hash = alice.holds(bytes);
    const tickets = [bob.fetch(hash, [alice]), bob.fetch(hash, []), bob.fetch(hash, [alice], 1_000)];
    assertBytes(await bob.answerOf(tickets[0]), bytes);
    assertBytes(await bob.answerOf(tickets[1]), bytes);
    assert.equal((await bob.answerOf(tickets[2])).error, `too large: ${MIB} bytes`);
    assert.equal(net.log.length, 1 + 4);
  });

  it('asks once for a chunk that comes in several places', async () => {
    const net = createNet('repeat');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob')];
    const bytes = new Uint8Array(5 * CHUNK_BYTES + 9);
    assertBytes(await bob.answerOf(bob.fetch(alice.holds(bytes), [alice])), bytes);
    assert.equal(net.log.filter((line) => line.includes(' chunk ')).length, 2);
  });

  it('runs a stated number at a time and answers the one too many at once', async () => {
    const net = createNet('queue');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob')];
    const blobs = Array.from({ length: 30 }, (_, index) => bytesOfSize(300_000, index + 1));
    const tickets = blobs.map((bytes) => bob.fetch(alice.holds(bytes), [alice]));
    for (const [index, ticket] of tickets.entries()) assertBytes(await bob.answerOf(ticket), blobs[index]);
    assert(bob.requestsInFlightPeak <= 16);
    const many = Array.from({ length: 1_025 }, (_, index) => bob.fetch(hashOf(Buffer.from(`${index}`)), []));
    assert.match((await bob.answerOf(many[1_024])).error ?? '', /^busy/);
    assert.equal((await bob.answerOf(many[1_023])).error, 'not stored');
  });

  it('pulls many small blobs at a time and few large ones', async () => {
    for (const { size, peak } of [
      { size: 1_000, peak: 32 },
      { size: (5 * MIB) / 4, peak: 16 },
    ]) {
      const net = createNet(`many of ${size}`);
      const holders = Array.from({ length: 8 }, (_, i) => new Peer(net, `holder${i}`));
      const bob = new Peer(net, 'bob');
      const blobs = Array.from({ length: 32 }, (_, index) => bytesOfSize(size, index + 1));
      const tickets = blobs.map((bytes, i) => bob.fetch(holders[i % 8].holds(bytes), [holders[i % 8]], size));
      for (const [i, ticket] of tickets.entries()) assertBytes(await bob.answerOf(ticket), blobs[i]);
      assert.equal(bob.requestsInFlightPeak, peak);
    }
  });

  it('stops asking when its disk is full, and says so', async () => {
    const net = createNet('full');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob', { bytesMax: MIB })];
    const hash = alice.holds(bytesOfSize(8 * MIB));
    assert.match((await bob.answerOf(bob.fetch(hash, [alice]))).error ?? '', /^store: MELDMESH_STORE_FULL/);
    assert.equal((await bob.answerOf(bob.fetch(hash, []))).error, 'not stored');
  });

  it('never leaves a list without its chunks, wherever the power is cut', async () => {
    for (let crashAtWrite = 1; crashAtWrite <= 6; crashAtWrite++) {
      const net = createNet(`crash ${crashAtWrite}`);
      const alice = new Peer(net, 'alice');
      const bob: Peer = new Peer(net, 'bob', {
        crashAtWrite,
        onCrash: () => net.world.after(0, () => bob.restart()),
      });
      const bytes = bytesOfSize(5 * CHUNK_BYTES);
      const hash = alice.holds(bytes);
      bob.fetch(hash, [alice]);
      await net.world.runUntil(5_000);
      assert.equal(bob.disk.entries.has(listKey(hash)), false);
      assertBytes(await bob.answerOf(bob.fetch(hash, [alice])), bytes);
    }
  });

  it('brings a manifest by its plain hash, and refuses one above the limit', async () => {
    const net = createNet('plain');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob')];
    const bytes = bytesOfSize(900);
    alice.holds(bytes);
    const hash = hashOf(bytes);
    assertBytes(await bob.answerOf(bob.fetchChunk(hash, [alice])), bytes);
    assertBytes(await bob.answerOf(bob.fetchChunk(hash, [])), bytes);
    assert.equal((await bob.answerOf(bob.fetchChunk(hash, [], 899))).error, 'too large: 900 bytes');
  });

  it('says nothing after a stop, and refuses what peers ask', async () => {
    const net = createNet('stop');
    const [alice, bob] = [new Peer(net, 'alice'), new Peer(net, 'bob')];
    const hash = alice.holds(bytesOfSize(MIB));
    bob.fetch(hash, [alice]);
    await net.world.runUntil(60);
    bob.transfer.stop();
    await net.world.runUntil(60_000);
    assert.equal(bob.answers.size, 0);
    let refused = false;
    bob.transfer.serve(alice.id, 'blob', new Uint8Array(33), (bytes) => {
      refused = bytes === undefined;
    });
    assert(refused);
  });

  it('goes the same way twice for one seed', async () => {
    const run = async (): Promise<readonly string[]> => {
      const net = createNet('twice');
      const [alice, carol, bob] = ['alice', 'carol', 'bob'].map((name) => new Peer(net, name));
      net.loss = 0.2;
      const bytes = bytesOfSize(3 * MIB);
      const hash = alice.holds(bytes);
      carol.holds(bytes);
      await bob.answerOf(bob.fetch(hash, [alice]));
      return [...net.log, String(net.world.nowMs)];
    };
    assert.deepEqual(await run(), await run());
  });
});

describe('a fetch among liars', () => {
  it('penalises whoever sends a wrong chunk, and gets the right one elsewhere', async () => {
    const net = createNet('wrong chunk');
    const [liar, alice, bob] = ['liar', 'alice', 'bob'].map((name) => new Peer(net, name));
    const bytes = bytesOfSize(3 * MIB);
    const hash = alice.holds(bytes);
    liar.holds(bytes);
    liar.lie = (request, truth) => {
      const changed = truth?.slice();
      if (request[0] === 2 && changed !== undefined) changed[changed.length >> 1] ^= 1;
      return changed;
    };
    assertBytes(await bob.answerOf(bob.fetch(hash, [liar])), bytes);
    assert.deepEqual([...new Set(net.penalties)], ['liar transfer-wrong-chunk']);
  });

  it('believes no list but the one that hashes to the blob', async () => {
    const net = createNet('wrong list');
    const [liar, bob] = ['liar', 'bob'].map((name) => new Peer(net, name));
    const other = bytesOfSize(MIB, 2);
    liar.holds(other);
    const otherList = liar.disk.entries.get(listKey(liar.transfer.hashOf(other)));
    liar.lie = () => Buffer.concat([Uint8Array.of(0), otherList ?? new Uint8Array(0)]);
    const answer = await bob.answerOf(bob.fetch(bob.transfer.hashOf(bytesOfSize(MIB, 1)), [liar]));
    assert.equal(answer.error, 'what the peers have is not it');
    assert.deepEqual(net.penalties, ['liar transfer-wrong-list']);
    assert.equal(bob.disk.entries.size, 0);
  });

  it('takes malformed answers as what they are', async () => {
    const lies = [[], [2], [1, 0], [0], [0, 1], [255, 255, 255]].map((bytes) => Uint8Array.from(bytes));
    for (const lie of [...lies, new Uint8Array(300_000), new Uint8Array(41)]) {
      const net = createNet('garbage');
      const [liar, bob] = ['liar', 'bob'].map((name) => new Peer(net, name));
      liar.lie = () => lie;
      assert((await bob.answerOf(bob.fetch(hashOf(Buffer.from('x')), [liar]))).error !== undefined);
      assert.equal(net.penalties.length, 1, `${lie.length} bytes`);
    }
  });

  it('stops at the list of a blob above the limit, before asking for a chunk', async () => {
    const net = createNet('too large');
    const [alice, bob] = ['alice', 'bob'].map((name) => new Peer(net, name));
    const hash = alice.holds(bytesOfSize(2 * MIB));
    assert.equal((await bob.answerOf(bob.fetch(hash, [alice], MIB))).error, `too large: ${2 * MIB} bytes`);
    assert.equal(net.log.length, 1);
    assert.deepEqual(net.penalties, []);
  });

  it('blames no holder for a blob whose author put a chunk where it does not fit', async () => {
    const net = createNet('misfit');
    const [alice, bob] = ['alice', 'bob'].map((name) => new Peer(net, name));
    // A list whose full first chunk is one that is 100 bytes long.
    const short = bytesOfSize(100);
    const list = Buffer.alloc(8 + 32);
    list.writeBigUInt64LE(BigInt(CHUNK_BYTES));
    list.set(Buffer.from(hashOf(short), 'hex'), 8);
    const hash: Hash = hashOf(Buffer.from('meldmesh blob 1\n'), list);
    alice.holds(short);
    alice.disk.port(() => undefined).write([{ key: listKey(hash), value: list }], true, 1);
    assert.match((await bob.answerOf(bob.fetch(hash, [alice]))).error ?? '', /^badly made/);
    assert.deepEqual(net.penalties, []);
    assert.match((await bob.answerOf(bob.fetch(hash, [alice]))).error ?? '', /^badly made/);
  });

  it('gives up on a peer that says it has everything and sends nothing', async () => {
    const net = createNet('tease');
    const [tease, bob] = ['tease', 'bob'].map((name) => new Peer(net, name));
    const bytes = bytesOfSize(MIB);
    const hash = tease.holds(bytes);
    tease.lie = (request, truth) => (request[0] === 1 ? truth : undefined);
    assert.equal((await bob.answerOf(bob.fetch(hash, [tease]))).error, 'nobody answered');
    assert(net.world.nowMs < 120_000);
  });
});

describe('the serving side of transfer', () => {
  it('penalises garbage and refuses it, without looking in the store', () => {
    const net = createNet('hostile');
    const alice = new Peer(net, 'alice');
    const mallory = new Peer(net, 'mallory');
    const hostile = [0, 1, 32, 33, 34, 70_000].map((length) => new Uint8Array(length).fill(9));
    for (const bytes of hostile) {
      let answer: Uint8Array | undefined | null = null;
      alice.transfer.serve(mallory.id, 'blob', bytes, (response) => {
        answer = response;
      });
      assert.equal(answer, undefined, `${bytes.length} bytes`);
    }
    assert.deepEqual(net.penalties, Array(hostile.length).fill('mallory transfer-request'));
  });

  it('reads for one peer at most eight answers at a time and refuses the rest, not the other peers', async () => {
    const net = createNet('flood');
    const [alice, mallory, carol] = ['alice', 'mallory', 'carol'].map((name) => new Peer(net, name));
    const bytes = bytesOfSize(1_000);
    alice.holds(bytes);
    const request = Buffer.concat([Uint8Array.of(2), Buffer.from(hashOf(bytes), 'hex')]);
    const counts = { served: 0, refused: 0, carol: 0 };
    for (let index = 0; index < 20; index++) {
      alice.transfer.serve(mallory.id, 'blob', request, (response) => {
        counts[response === undefined ? 'refused' : 'served']++;
      });
    }
    alice.transfer.serve(carol.id, 'blob', request, (response) => {
      counts.carol += response?.length ?? 0;
    });
    await net.world.runUntil(100);
    assert.deepEqual(counts, { served: 8, refused: 12, carol: 1_001 });
  });
});
