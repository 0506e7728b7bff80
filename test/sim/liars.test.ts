// Members that lie with their own keys, told one by one; crowds of attackers are in `sim/attackers/`.
import assert from 'node:assert/strict';
import { encodeSyncRequest } from '../../protocols/delta-set/messages.ts';
import { encodeDelta, type Hash, signRecord } from '../../protocols/index.ts';
import { blobHashOf, listOf } from '../../protocols/transfer/rules.ts';
import { hashOf } from '../../sim/hash.ts';
import { agree, createSwarm, ends, type Swarm } from './swarm.ts';

const blobHash = (bytes: Uint8Array): Hash => blobHashOf(listOf(bytes, hashOf), hashOf);

describe('liars in a swarm', () => {
  /** A member signs a record beside its honest one. */
  function forge(swarm: Swarm, i: number, fields: { generation: number; samples?: number }) {
    const member = swarm.members[i];
    const honest = member.machine?.set.held(fields.generation).find((record) => record.author === member.id);
    const any =
      honest ?? [...(member.machine?.set.all() ?? [])].find((record) => record.author === member.id);
    assert(any !== undefined, 'the liar has published');
    const { votes, header: _h, signature: _s, id: _i, ...rest } = any;
    const record = signRecord(
      {
        ...rest,
        ...fields,
        samples: fields.samples ?? rest.samples + 1,
        baseGeneration: Math.min(rest.baseGeneration, fields.generation - 1),
        votes: [...votes],
      },
      member.signer,
    );
    return record;
  }

  it('excludes both records of an equivocator, on every member, whichever came first', async () => {
    const swarm = createSwarm({ seed: 'twice', peers: 5, generationsMax: 12 });
    const { world, members } = swarm;
    for (const member of members) member.start();
    await world.runUntil(10_000, () => members.every((member) => member.generation >= 3));
    const honest = members[2].machine?.set.held(3).find((record) => record.author === members[2].id);
    assert(honest !== undefined);
    const forged = forge(swarm, 2, { generation: 3, samples: honest.samples + 1 });
    // Gossip brings it to two of five; the others must learn of it from those.
    const payload = payloadOf(swarm, 2, honest.payload);
    for (const i of [0, 3]) {
      assert.equal(members[i].machine?.receive(members[2].id, encodeDelta(forged, payload)).act, 'accept');
    }
    assert(await world.runUntil(world.nowMs + 60_000, () => agree(members, 12)), 'one digest');
    for (const member of members) {
      assert(!member.machine?.set.counted(3).some((record) => record.author === members[2].id));
      assert(member.wasTold('EQUIVOCATION'), member.id);
    }
  });

  it('voids nothing by second records that are made up when the jury has decided', async () => {
    const swarm = createSwarm({ seed: 'afterwards', peers: 5, generationsMax: 20 });
    const { world, members } = swarm;
    for (const member of members) member.start();
    assert(await world.runUntil(60_000, () => agree(members, 12)));
    const { digest, generation } = members[1];
    for (let judged = 1; judged <= 8; judged++) {
      const honest = members[2].machine?.set.held(judged).find((record) => record.author === members[2].id);
      assert(honest !== undefined);
      const forged = forge(swarm, 2, { generation: judged, samples: honest.samples + 1 });
      const bytes = encodeDelta(forged, payloadOf(swarm, 2, honest.payload));
      for (const member of members) assert.equal(member.machine?.receive(members[2].id, bytes).act, 'accept');
    }
    await world.runUntil(world.nowMs + 100);
    assert.equal(members[1].digests.get(generation), digest, 'no correction');
    assert(await world.runUntil(world.nowMs + 60_000, () => agree(members, 20)), 'one digest');
    assert.equal(members[0].machine?.set.counted(5).length, 5);
  });

  it('agrees on who contributes when there are more than a generation takes', async () => {
    const config = { limits: { contributorsMax: 4 } };
    const { members } = await ends({ seed: 'crowd', peers: 7, config }, 12);
    for (let generation = 1; generation <= 12; generation++) {
      assert.equal(members[0].machine?.set.held(generation).length, 4);
    }
    for (const member of members) {
      assert(!member.refused.has('votes'));
    }
    const returned = members.filter((member) => member.wasTold('DELTA_RETURNED'));
    assert(returned.length >= 3, 'work without room goes back to its authors');
  });

  it('gives no weight to deltas that were withheld for longer than the correction window', async () => {
    const swarm = createSwarm({ seed: 'withhold', peers: 5, generationsMax: 14 });
    const { world, members } = swarm;
    for (const member of members) member.start();
    await world.runUntil(1_500);
    members[4].kill();
    await world.runUntil(20_000, () => members.slice(0, 4).every((member) => member.generation >= 11));
    const own = [...(members[0].machine?.set.all() ?? [])].filter(
      (record) => record.author === members[4].id,
    );
    const known = own[0];
    const before = new Map([...members[0].digests].filter(([generation]) => generation <= 11));
    for (let generation = 5; generation <= 7; generation++) {
      const { votes, header: _h, signature: _s, id: _i, ...rest } = known;
      const late = signRecord(
        {
          ...rest,
          generation,
          baseGeneration: generation - 1,
          votes: [...votes],
        },
        members[4].signer,
      );
      const payload = payloadOf(swarm, 0, known.payload);
      assert.equal(members[0].machine?.receive(members[4].id, encodeDelta(late, payload)).act, 'accept');
    }
    assert(await world.runUntil(world.nowMs + 60_000, () => agree(members, 14)), 'one digest');
    for (const [generation, digest] of before) assert.equal(members[0].digests.get(generation), digest);
    for (let generation = 5; generation <= 7; generation++) {
      assert(!members[0].machine?.set.counted(generation).some((record) => record.author === members[4].id));
    }
  });

  it('neither runs nor stands still nor copies a state for a neighbour that lies about its head', async () => {
    const swarm = createSwarm({ seed: 'heads', peers: 5, generationsMax: 12, samples: () => 100 });
    const { world, members } = swarm;
    const liar = members[4].id;
    const hash = '5'.repeat(64) as Hash;
    for (const member of members.slice(0, 4)) member.start();
    for (let second = 1; second <= 10; second++) {
      await world.runUntil(second * 1_000);
      for (const [i, { machine }] of members.slice(0, 4).entries()) {
        const generation = (second + i) % 2 === 0 ? 4_000_000_000 : 0;
        const floor = generation === 0 ? 0 : generation - 100;
        const snapshots = [{ generation: floor, state: hash, blob: hash, weight: 1e15 }];
        const head = { generation, model: hash, state: hash, samples: 4_294_967_295, floor, snapshots };
        const hello = encodeSyncRequest({ kind: 'hello', head, first: 1, digests: [] });
        machine?.serve(liar, 'sync', hello, () => {});
      }
    }
    assert(
      await world.runUntil(20_000, () => agree(members, 12)),
      members.map((member) => member.generation).join(' '),
    );
    for (let generation = 1; generation <= 12; generation++) {
      assert.equal(members[0].machine?.set.counted(generation).length, 4, `generation ${generation}`);
    }
    for (const { notices } of members) assert(!notices.some((notice) => notice.startsWith('SNAPSHOT')));
  });

  it('refuses garbage, strangers, replays and bad signatures by reason, and its model does not move', async () => {
    const swarm = createSwarm({ seed: 'garbage', peers: 4, generationsMax: 6 });
    const { world, members } = swarm;
    for (const member of members) member.start();
    assert(await world.runUntil(60_000, () => agree(members, 6)));
    const [victim, liar] = members;
    const machine = victim.machine;
    assert(machine !== undefined);
    const { digest } = victim;
    const [record] = machine.set.held(6);
    const payload = payloadOf(swarm, 0, record.payload);
    const { votes: _v, header: _h, signature: _s, id: _i, ...rest } = record;
    const signed = (fields: Partial<typeof rest>) =>
      signRecord({ ...rest, author: liar.id, ...fields, votes: [] }, liar.signer);
    const broken = { ...record, signature: record.signature.map((byte) => byte ^ 1) };
    const cases: readonly [Uint8Array, 'ignore' | 'reject', string][] = [
      [new Uint8Array(0), 'reject', 'malformed'],
      [new Uint8Array(200).fill(1), 'reject', 'malformed'],
      [new Uint8Array(400 * 1024), 'reject', 'oversized'],
      [encodeDelta(record, payload), 'ignore', 'duplicate'],
      [encodeDelta({ ...broken, id: record.id }, payload), 'ignore', 'duplicate'],
      [encodeDelta(signed({ mesh: record.payload }), payload), 'reject', 'wrong-mesh'],
      [encodeDelta(signed({ codec: 'float32' }), payload), 'reject', 'codec'],
      [encodeDelta(signed({ samples: 2 ** 31 }), payload), 'reject', 'samples'],
      [encodeDelta(signed({ payloadBytes: 2 ** 30 }), undefined), 'reject', 'payload-size'],
      [encodeDelta(signed({ generation: 1_000 }), payload), 'ignore', 'too-far-ahead'],
      [encodeDelta(signed({ author: victim.id }), payload), 'reject', 'bad-signature'],
      [
        encodeDelta(
          signed({}),
          payload.map((byte) => byte ^ 0xff),
        ),
        'reject',
        'payload-hash',
      ],
    ];
    for (const [bytes, act, reason] of cases) {
      assert.deepEqual(machine.receive(liar.id, bytes), { act, reason });
    }
    const nonsense = new Uint8Array(payload.length).fill(0xff);
    const nonsenseHash = blobHash(nonsense);
    assert.deepEqual(machine.receive(liar.id, encodeDelta(signed({ payload: nonsenseHash }), nonsense)), {
      act: 'reject',
      reason: 'payload',
    });
    await world.runUntil(world.nowMs + 3_000);
    assert.equal(victim.digest, digest);
    assert.equal(machine.pending, 0);
  });

  function payloadOf(swarm: Swarm, i: number, hash: string): Uint8Array {
    const member = swarm.members[i];
    for (const [key, value] of member.disk) {
      if (key.startsWith('chunk/') && blobHash(value) === hash) return value;
    }
    throw new Error('the payload is on the disk of its member');
  }
});
