// Stories of the delta-set: loss, deaths, restarts, halves apart, latecomers and members that were long away.
import assert from 'node:assert/strict';
import type { PeerId } from '../../protocols/index.ts';
import { agree, createSwarm, ends, type Swarm } from './swarm.ts';

const traceOf = ({ world }: Swarm): string => world.trace.digest();

describe('a swarm of delta-set members', () => {
  it('comes to one digest at the last generation on a clean network', async () => {
    const { world, members } = await ends({ seed: 'clean', peers: 6 }, 10);
    assert(world.nowMs < 10_000, `ten generations of 300 ms took ${world.nowMs} ms`);
    assert.deepEqual([...new Set(members.map((member) => member.generation))], [10]);
  });

  it('repeats itself to the last event from one seed, and differs from another', async () => {
    const options = { peers: 5, network: { loss: 0.2 } };
    const one = await ends({ ...options, seed: 'repeat' }, 8);
    const two = await ends({ ...options, seed: 'repeat' }, 8);
    const other = await ends({ ...options, seed: 'other' }, 8);
    assert.equal(traceOf(one), traceOf(two));
    assert.notEqual(traceOf(one), traceOf(other));
  });

  for (const seed of ['a', 'b', 'c', 'd', 'e', 'f']) {
    it(`finds what gossip lost: 30 % of deliveries and requests (${seed})`, async () => {
      await ends({ seed, peers: 7, network: { loss: 0.3, latencyMs: [1, 400] } }, 12);
    });
  }

  it('goes on without a member that dies, at the price of one wait', async () => {
    const { world } = await ends({ seed: 'death', peers: 5 }, 12, async ({ world, members }) => {
      await world.runUntil(2_000);
      members[4].kill();
    });
    assert(world.nowMs < 12_000, `a death cost the mesh ${world.nowMs - 5_000} ms`);
  });

  it('takes a member back that was killed and restarted from its disk, at the digest it had', async () => {
    await ends({ seed: 'restart', peers: 4 }, 15, async ({ world, members }) => {
      const [member] = members;
      for (let round = 0; round < 5; round++) {
        await world.runUntil(world.nowMs + 700);
        const { generation, digest } = member;
        member.kill();
        // Nobody else moves in this instant: what the restart finds is what the crash left.
        member.start();
        await world.runUntil(world.nowMs, () => member.generation >= generation);
        assert.equal(member.digests.get(generation) ?? digest, digest);
      }
    });
  });

  it('never signs two records under one number, wherever it is killed', async () => {
    const { members } = await ends({ seed: 'kill', peers: 4 }, 14, async ({ world, members }) => {
      for (let round = 0; round < 12; round++) {
        await world.runUntil(world.nowMs + 37 + 61 * (round % 5));
        members[round % 4].kill(round % 3);
        await world.runUntil(world.nowMs + 20);
        members[round % 4].start();
      }
    });
    for (const member of members) {
      assert(!member.wasTold('EQUIVOCATION'), member.notices.join('\n'));
    }
  });

  it('heals after halves were apart for eight generations: one digest, and no delta of either half is lost', async () => {
    const { members } = await ends(
      { seed: 'halves', peers: 6, samples: () => 100 },
      24,
      async ({ world, network, members }) => {
        await world.runUntil(2_500);
        const side = new Map<PeerId, number>(members.map((member, i) => [member.id, i % 2]));
        network.cut((id) => side.get(id) ?? 0);
        await world.runUntil(6_500);
        assert(members[0].digest !== members[1].digest, 'halves that cannot hear one another differ');
        network.cut(() => 0);
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
      async ({ world, network, members }) => {
        await world.runUntil(2_500);
        const light = new Set([members[0].id, members[1].id]);
        network.cut((id) => (light.has(id) ? 1 : 0));
        await world.runUntil(9_000);
        network.cut(() => 0);
      },
    );
    assert(members[0].wasTold('DELTA_RETURNED'), members[0].notices.join('\n'));
    assert(!members[9].wasTold('DELTA_RETURNED'), members[9].notices.join('\n'));
  });

  it('slows a member down that is alone, so that it does not run away', async () => {
    const { world, network, members } = createSwarm({ seed: 'alone', peers: 6 });
    for (const member of members) member.start();
    await world.runUntil(3_000);
    network.cut((id) => (id === members[0].id ? 1 : 0));
    const before = members[0].generation;
    await world.runUntil(63_000);
    const alone = members[0].generation - before;
    assert(alone <= 6, `a lone member went ${alone} generations ahead in a minute`);
    network.cut(() => 0);
    const target = Math.max(...members.map((member) => member.generation)) + 5;
    assert(
      await world.runUntil(world.nowMs + 60_000, () =>
        members.every((member) => member.generation >= target),
      ),
    );
  });

  it('brings a latecomer to the digest of the others within three generations', async () => {
    const swarm = createSwarm({ seed: 'late', peers: 6, generationsMax: 40 });
    const { world, members } = swarm;
    for (const member of members.slice(0, 5)) member.start();
    await world.runUntil(12_000);
    const at = members[0].generation;
    assert(at > 15, `the mesh is only at ${at}`);
    members[5].start();
    const caughtUp = () => members[5].digests.size > 0 && agree(members, at + 1);
    assert(
      await world.runUntil(world.nowMs + 20_000, caughtUp),
      `${members[5].generation} of ${members[0].generation}`,
    );
    assert(members[0].generation <= at + 3, `it took until ${members[0].generation} after ${at}`);
  });

  it('does not wait for a newcomer in a generation that the newcomer has passed', async () => {
    const pace = { quorum: 1, patience: 100, patienceMinMs: 60_000 };
    const { world, members } = createSwarm({
      seed: 'newcomer',
      peers: 10,
      config: { pace },
      trainMs: (i) => (i < 4 ? 600 : 30),
    });
    for (const member of members.slice(0, 4)) member.start();
    assert(await world.runUntil(60_000, () => members[0].generation >= 3));
    for (const [i, newcomer] of members.slice(4).entries()) {
      newcomer.start();
      await world.runUntil(world.nowMs + 1_500 + 130 * i);
    }
    const target = members[0].generation + 10;
    const there = () => members.every((member) => member.generation >= target);
    assert(
      await world.runUntil(world.nowMs + 30_000, there),
      members.map((member) => member.generation).join(' '),
    );
  });

  const short = { history: { correctionWindow: 3, horizon: 20 } };

  it('copies the state of the mesh to a member that was away for longer than the horizon', async () => {
    const swarm = createSwarm({ seed: 'away', peers: 5, generationsMax: 60, config: short });
    const { world, members } = swarm;
    for (const member of members) member.start();
    await world.runUntil(2_000);
    members[4].kill();
    assert(await world.runUntil(60_000, () => members[0].generation >= 45));
    members[4].start();
    assert(
      await world.runUntil(world.nowMs + 60_000, () => agree(members, 60)),
      `${members[4].generation} of ${members[0].generation}`,
    );
    assert(members[4].wasTold('SNAPSHOT_ADOPTED'), members[4].notices.join('\n'));
    members[4].kill();
    members[4].start();
    assert(
      await world.runUntil(world.nowMs + 5_000, () => agree(members, 60)),
      'and it restarts from that copy',
    );
  });

  it('lets the heavier of two branches stay that were sealed apart', async () => {
    const swarm = createSwarm({ seed: 'sealed', peers: 6, config: short, samples: () => 100 });
    const { world, network, members } = swarm;
    for (const member of members) member.start();
    await world.runUntil(2_000);
    const light = new Set([members[0].id, members[1].id]);
    network.cut((id) => (light.has(id) ? 1 : 0));
    assert(
      await world.runUntil(120_000, () => members.every((member) => (member.machine?.set.floor ?? 0) > 20)),
    );
    network.cut(() => 0);
    const target = Math.max(...members.map((member) => member.generation)) + 3;
    assert(await world.runUntil(world.nowMs + 60_000, () => agree(members, target)), 'one digest');
    for (const [i, member] of members.entries()) {
      const adopted = member.wasTold('SNAPSHOT_ADOPTED');
      assert.equal(adopted, i < 2, `${i}: ${member.notices.join('; ')}`);
    }
  });
});
