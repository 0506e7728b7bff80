// Worlds drawn from a seed: kills, restarts, cuts and losses first, then quiet; the swarm must come to one digest.
// More of them: MELDMESH_WORLDS=300 npx mocha test/sim/random-worlds.test.ts
import assert from 'node:assert/strict';
import { createRandom } from '../../fusion/index.ts';
import { equalSets } from '../../sim/checkers/equal-sets.ts';
import { agree, createSwarm, type Swarm } from './swarm.ts';

const worlds = Number(process.env.MELDMESH_WORLDS ?? 12);
const FAULTS_MS = 12_000;
const QUIET_MS = 900_000;

/** Faults at random moments until their time is over. */
async function trouble({ simulation, world, network, members }: Swarm, seed: string): Promise<void> {
  const random = createRandom(`trouble ${seed}`);
  const checker = equalSets();
  const dead = new Set<number>();
  while (world.nowMs < FAULTS_MS) {
    await world.runUntil(world.nowMs + 50 + random.below(800));
    const i = random.below(members.length);
    switch (random.below(4)) {
      case 0:
        if (dead.size >= members.length - 2) break;
        if (!dead.has(i)) members[i].kill(random.below(4));
        dead.add(i);
        break;
      case 1:
        for (const j of dead) members[j].start();
        dead.clear();
        break;
      case 2: {
        const sides = new Map(members.map((member) => [member.id, random.below(2)]));
        network.cut((id) => sides.get(id) ?? 0);
        break;
      }
      default:
        network.cut(() => 0);
    }
    assert.equal(checker.check?.(simulation, false)?.text, undefined);
  }
  for (const j of dead) members[j].start();
  network.cut(() => 0);
}

describe('a swarm in a random world', () => {
  for (let number = 1; number <= worlds; number++) {
    it(`comes to one digest when the world is quiet again (${number})`, async () => {
      const random = createRandom(`world ${number}`);
      const swarm = createSwarm({
        seed: `world ${number}`,
        peers: 3 + random.below(5),
        network: { loss: 0.3 * random.float(), latencyMs: [1, 10 + random.below(500)] },
        config: { history: { correctionWindow: 1 + random.below(4), horizon: 64 } },
        trainMs: () => 100 + random.below(900),
        samples: () => 50 + random.below(500),
        generationsMax: 40,
      });
      for (const member of swarm.members) member.start();
      await trouble(swarm, `${number}`);
      const { world, members } = swarm;
      const agreed = await world.runUntil(world.nowMs + QUIET_MS, () => agree(members, 40));
      const state = members.map((member) => `${member.machine?.phase} ${member.generation} ${member.digest}`);
      assert(agreed, state.join('\n'));
      for (const member of members) {
        const twice = member.notices.filter((notice) => notice.startsWith('EQUIVOCATION'));
        assert.deepEqual(twice, [], member.id);
      }
    });
  }
});
