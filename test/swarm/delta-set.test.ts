import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { encodeDelta, type PeerId, signRecord } from '../../protocols/index.ts';
import { agree, createSwarm, type Swarm, type SwarmOptions } from './swarm.ts';

const traceOf = (swarm: Swarm): string =>
  createHash('sha256').update(swarm.world.trace.join('\n')).digest('hex');

/** Runs a story and demands that it ends with one digest at or after a generation. */
async function ends(
  options: SwarmOptions,
  generation: number,
  story: (swarm: Swarm) => void = () => {},
  untilMs = 120_000,
): Promise<Swarm> {
  const swarm = await createSwarm({ generationsMax: generation, ...options });
  for (const member of swarm.members) member.start();
  story(swarm);
  const agreed = swarm.world.runUntil(untilMs, () => agree(swarm.members, generation));
  const state = swarm.members.map((m) => `${m.machine?.phase} ${m.generation} ${m.digest?.slice(0, 8)}`);
  assert(
    agreed,
    `no agreement at generation ${generation}:\n${state.join('\n')}\n${swarm.world.trace.slice(-30).join('\n')}`,
  );
  return swarm;
}

describe('a swarm of delta-set members', () => {
  it('comes to one digest at the last generation on a clean network', async () => {
    const { world, members } = await ends({ seed: 'clean', peers: 6 }, 10);
    assert(world.nowMs < 10_000, `ten generations of 300 ms took ${world.nowMs} ms`);
    assert.deepEqual([...new Set(members.map((member) => member.generation))], [10]);
  });

  it('repeats itself to the last event from one seed, and differs from another', async () => {
    const options = { peers: 5, links: { loss: 0.2 } };
    const one = await ends({ ...options, seed: 'repeat' }, 8);
    const two = await ends({ ...options, seed: 'repeat' }, 8);
    const other = await ends({ ...options, seed: 'other' }, 8);
    assert.equal(traceOf(one), traceOf(two));
    assert.notEqual(traceOf(one), traceOf(other));
  });

  for (const seed of ['a', 'b', 'c', 'd', 'e', 'f']) {
    it(`finds what gossip lost: 30 % of deliveries and requests (${seed})`, async () => {
      await ends({ seed, peers: 7, links: { loss: 0.3, latencyMaxMs: 400 } }, 12);
    });
  }

  it('goes on without a member that dies, at the price of one wait', async () => {
    const { world } = await ends({ seed: 'death', peers: 5 }, 12, ({ world, members }) => {
      world.runUntil(2_000);
      members[4].kill();
    });
    assert(world.nowMs < 12_000, `a death cost the mesh ${world.nowMs - 5_000} ms`);
  });

  it('takes a member back that was killed and restarted from its disk, at the digest it had', async () => {
    await ends({ seed: 'restart', peers: 4 }, 15, ({ world, members }) => {
      const [member] = members;
      for (let round = 0; round < 5; round++) {
        world.runUntil(world.nowMs + 700);
        const { generation, digest } = member;
        member.kill();
        // Nobody else moves in this instant: what the restart finds is what the crash left.
        member.start();
        world.runUntil(world.nowMs, () => member.generation >= generation);
        assert.equal(member.digests.get(generation) ?? digest, digest);
      }
    });
  });

  it('never signs two records under one number, wherever it is killed', async () => {
    const { members } = await ends({ seed: 'kill', peers: 4 }, 14, ({ world, members }) => {
      for (let round = 0; round < 12; round++) {
        world.runUntil(world.nowMs + 37 + 61 * (round % 5));
        members[round % 4].kill();
        world.runUntil(world.nowMs + 20);
        members[round % 4].start();
      }
    });
    for (const member of members) {
      assert(!member.notices.some((notice) => notice.startsWith('EQUIVOCATION')), member.notices.join('\n'));
    }
  });

  it('heals after halves were apart for eight generations: one digest, and no delta of either half is lost', async () => {
    const { members } = await ends(
      { seed: 'halves', peers: 6, samples: () => 100 },
      24,
      ({ world, links, members }) => {
        world.runUntil(2_500);
        const side = new Map<PeerId, number>(members.map((member, i) => [member.id, i % 2]));
        links.cut((id) => side.get(id) ?? 0);
        world.runUntil(6_500);
        assert(members[0].digest !== members[1].digest, 'halves that cannot hear one another differ');
        links.cut(() => 0);
      },
    );
    const set = members[0].machine?.set;
    for (let generation = 1; generation <= 20; generation++) {
      const authors = new Set(set?.counted(generation).map((record) => record.author));
      assert(authors.size >= 3, `generation ${generation} counts ${authors.size} authors`);
    }
  });

  it('lets a light branch adopt the heavy one and take its work back', async () => {
    const { members } = await ends(
      { seed: 'light', peers: 10, samples: () => 100 },
      40,
      ({ world, links, members }) => {
        world.runUntil(2_500);
        const light = new Set([members[0].id, members[1].id]);
        links.cut((id) => (light.has(id) ? 1 : 0));
        world.runUntil(9_000);
        links.cut(() => 0);
      },
    );
    assert(
      members[0].notices.some((notice) => notice.startsWith('DELTA_RETURNED')),
      members[0].notices.join('\n'),
    );
    assert(
      !members[9].notices.some((notice) => notice.startsWith('DELTA_RETURNED')),
      members[9].notices.join('\n'),
    );
  });

  it('slows a member down that is alone, so that it does not run away', async () => {
    const { world, links, members } = await createSwarm({ seed: 'alone', peers: 6 });
    for (const member of members) member.start();
    world.runUntil(3_000);
    links.cut((id) => (id === members[0].id ? 1 : 0));
    const before = members[0].generation;
    world.runUntil(63_000);
    const alone = members[0].generation - before;
    assert(alone <= 6, `a lone member went ${alone} generations ahead in a minute`);
    links.cut(() => 0);
    const target = Math.max(...members.map((member) => member.generation)) + 5;
    assert(
      world.runUntil(world.nowMs + 60_000, () => members.every((member) => member.generation >= target)),
    );
  });

  it('brings a latecomer to the digest of the others within three generations', async () => {
    const swarm = await createSwarm({ seed: 'late', peers: 6, generationsMax: 40 });
    const { world, members } = swarm;
    for (const member of members.slice(0, 5)) member.start();
    world.runUntil(12_000);
    const at = members[0].generation;
    assert(at > 15, `the mesh is only at ${at}`);
    members[5].start();
    const caughtUp = () => members[5].digests.size > 0 && agree(members, at + 1);
    assert(
      world.runUntil(world.nowMs + 20_000, caughtUp),
      `${members[5].generation} of ${members[0].generation}`,
    );
    assert(members[0].generation <= at + 3, `it took until ${members[0].generation} after ${at}`);
  });

  it('does not wait for a newcomer in a generation that the newcomer has passed', async () => {
    const pace = { quorum: 1, patience: 100, patienceMinMs: 60_000 };
    const { world, members } = await createSwarm({
      seed: 'newcomer',
      peers: 10,
      config: { pace },
      trainMs: (i) => (i < 4 ? 600 : 30),
    });
    for (const member of members.slice(0, 4)) member.start();
    assert(world.runUntil(60_000, () => members[0].generation >= 3));
    for (const [i, newcomer] of members.slice(4).entries()) {
      newcomer.start();
      world.runUntil(world.nowMs + 1_500 + 130 * i);
    }
    const target = members[0].generation + 10;
    const there = () => members.every((member) => member.generation >= target);
    assert(world.runUntil(world.nowMs + 30_000, there), members.map((member) => member.generation).join(' '));
  });

  const short = { history: { correctionWindow: 3, horizon: 20 } };

  it('copies the state of the mesh to a member that was away for longer than the horizon', async () => {
    const swarm = await createSwarm({ seed: 'away', peers: 5, generationsMax: 60, config: short });
    const { world, members } = swarm;
    for (const member of members) member.start();
    world.runUntil(2_000);
    members[4].kill();
    assert(world.runUntil(60_000, () => members[0].generation >= 45));
    members[4].start();
    assert(
      world.runUntil(world.nowMs + 60_000, () => agree(members, 60)),
      `${members[4].generation} of ${members[0].generation}`,
    );
    assert(
      members[4].notices.some((notice) => notice.startsWith('SNAPSHOT_ADOPTED')),
      members[4].notices.join('\n'),
    );
    members[4].kill();
    members[4].start();
    assert(
      world.runUntil(world.nowMs + 5_000, () => agree(members, 60)),
      'and it restarts from that copy',
    );
  });

  it('lets the heavier of two branches stay that were sealed apart', async () => {
    const swarm = await createSwarm({ seed: 'sealed', peers: 6, config: short, samples: () => 100 });
    const { world, links, members } = swarm;
    for (const member of members) member.start();
    world.runUntil(2_000);
    const light = new Set([members[0].id, members[1].id]);
    links.cut((id) => (light.has(id) ? 1 : 0));
    assert(world.runUntil(120_000, () => members.every((member) => (member.machine?.set.floor ?? 0) > 20)));
    links.cut(() => 0);
    const target = Math.max(...members.map((member) => member.generation)) + 3;
    assert(
      world.runUntil(world.nowMs + 60_000, () => agree(members, target)),
      'one digest',
    );
    for (const [i, member] of members.entries()) {
      const adopted = member.notices.some((notice) => notice.startsWith('SNAPSHOT_ADOPTED'));
      assert.equal(adopted, i < 2, `${i}: ${member.notices.join('; ')}`);
    }
  });
});

describe('liars in a swarm', () => {
  /** A member signs a record beside its honest one. */
  function forge(swarm: Swarm, i: number, fields: { generation: number; samples?: number }) {
    const member = swarm.members[i];
    const honest = member.machine?.set.held(fields.generation).find((record) => record.author === member.id);
    const any =
      honest ?? [...(member.machine?.set.all() ?? [])].find((record) => record.author === member.id);
    assert(any !== undefined, 'the liar has published');
    const payload = member.disk.get(
      `chunk/${[...member.disk.keys()].find((key) => key.startsWith('chunk/'))?.slice(6)}`,
    );
    assert(payload !== undefined);
    const { votes, header: _h, signature: _s, id: _i, ...rest } = any;
    const record = signRecord(
      {
        ...rest,
        ...fields,
        samples: fields.samples ?? rest.samples + 1,
        baseGeneration: Math.min(rest.baseGeneration, fields.generation - 1),
        votes: [...votes],
      },
      member.options.signer,
    );
    return record;
  }

  it('excludes both records of an equivocator, on every member, whichever came first', async () => {
    const swarm = await createSwarm({ seed: 'twice', peers: 5, generationsMax: 12 });
    const { world, members } = swarm;
    for (const member of members) member.start();
    world.runUntil(10_000, () => members.every((member) => member.generation >= 3));
    const honest = members[2].machine?.set.held(3).find((record) => record.author === members[2].id);
    assert(honest !== undefined);
    const forged = forge(swarm, 2, { generation: 3, samples: honest.samples + 1 });
    // Gossip brings it to two of five; the others must learn of it from those.
    const payload = payloadOf(swarm, 2, honest.payload);
    for (const i of [0, 3]) {
      assert.equal(members[i].machine?.receive(members[2].id, encodeDelta(forged, payload)).act, 'accept');
    }
    assert(
      world.runUntil(world.nowMs + 60_000, () => agree(members, 12)),
      'one digest',
    );
    for (const member of members) {
      assert(!member.machine?.set.counted(3).some((record) => record.author === members[2].id));
      assert(
        member.notices.some((notice) => notice.startsWith('EQUIVOCATION')),
        member.id,
      );
    }
  });

  it('voids nothing by second records that are made up when the jury has decided', async () => {
    const swarm = await createSwarm({ seed: 'afterwards', peers: 5, generationsMax: 20 });
    const { world, members } = swarm;
    for (const member of members) member.start();
    assert(world.runUntil(60_000, () => agree(members, 12)));
    const { digest, generation } = members[1];
    for (let judged = 1; judged <= 8; judged++) {
      const honest = members[2].machine?.set.held(judged).find((record) => record.author === members[2].id);
      assert(honest !== undefined);
      const forged = forge(swarm, 2, { generation: judged, samples: honest.samples + 1 });
      const bytes = encodeDelta(forged, payloadOf(swarm, 2, honest.payload));
      for (const member of members) assert.equal(member.machine?.receive(members[2].id, bytes).act, 'accept');
    }
    world.runUntil(world.nowMs + 100);
    assert.equal(members[1].digests.get(generation), digest, 'no correction');
    assert(
      world.runUntil(world.nowMs + 60_000, () => agree(members, 20)),
      'one digest',
    );
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
    const returned = members.filter((member) =>
      member.notices.some((notice) => notice.startsWith('DELTA_RETURNED')),
    );
    assert(returned.length >= 3, 'work without room goes back to its authors');
  });

  it('gives no weight to deltas that were withheld for longer than the correction window', async () => {
    const swarm = await createSwarm({ seed: 'withhold', peers: 5, generationsMax: 14 });
    const { world, members } = swarm;
    for (const member of members) member.start();
    world.runUntil(1_500);
    members[4].kill();
    world.runUntil(20_000, () => members.slice(0, 4).every((member) => member.generation >= 11));
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
        members[4].options.signer,
      );
      const payload = payloadOf(swarm, 0, known.payload);
      assert.equal(members[0].machine?.receive(members[4].id, encodeDelta(late, payload)).act, 'accept');
    }
    assert(
      world.runUntil(world.nowMs + 60_000, () => agree(members, 14)),
      'one digest',
    );
    for (const [generation, digest] of before) assert.equal(members[0].digests.get(generation), digest);
    for (let generation = 5; generation <= 7; generation++) {
      assert(!members[0].machine?.set.counted(generation).some((record) => record.author === members[4].id));
    }
  });

  it('refuses garbage, strangers, replays and bad signatures by reason, and its model does not move', async () => {
    const swarm = await createSwarm({ seed: 'garbage', peers: 4, generationsMax: 6 });
    const { world, members } = swarm;
    for (const member of members) member.start();
    assert(world.runUntil(60_000, () => agree(members, 6)));
    const [victim, liar] = members;
    const machine = victim.machine;
    assert(machine !== undefined);
    const { digest } = victim;
    const [record] = machine.set.held(6);
    const payload = payloadOf(swarm, 0, record.payload);
    const { votes: _v, header: _h, signature: _s, id: _i, ...rest } = record;
    const signed = (fields: Partial<typeof rest>) =>
      signRecord({ ...rest, author: liar.id, ...fields, votes: [] }, liar.options.signer);
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
    const nonsenseHash = victim.transfer?.hashOf(nonsense);
    assert(nonsenseHash !== undefined);
    assert.deepEqual(machine.receive(liar.id, encodeDelta(signed({ payload: nonsenseHash }), nonsense)), {
      act: 'reject',
      reason: 'payload',
    });
    world.runUntil(world.nowMs + 3_000);
    assert.equal(victim.digest, digest);
    assert.equal(machine.pending, 0);
  });

  function payloadOf(swarm: Swarm, i: number, hash: string): Uint8Array {
    const member = swarm.members[i];
    for (const [key, value] of member.disk) {
      if (key.startsWith('chunk/') && member.transfer?.hashOf(value) === hash) return value;
    }
    throw new Error('the payload is on the disk of its member');
  }
});
