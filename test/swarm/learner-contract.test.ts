// The Learner port's contract, on the analytic learner of a swarm in virtual time.
import assert from 'node:assert/strict';
import { codecNamed } from '../../fusion/index.ts';
import { identityFromSeed } from '../../node/identity.ts';
import { createSigner } from '../../node/signer.ts';
import { learnerContract, manifest, meshId } from '../contracts/learner.ts';
import { Links } from './links.ts';
import { BowlLearner, Member } from './member.ts';
import { World } from './world.ts';

learnerContract('a bowl of the swarm', () => {
  const world = new World('learner contract');
  const links = new Links(world, { latencyMinMs: 1, latencyMaxMs: 2, loss: 0 });
  const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
  return {
    async open(deliver, isObserver) {
      const signer = createSigner(await identityFromSeed(new Uint8Array(32).fill(1)));
      const samples = isObserver ? 0 : 100;
      const shared = { world, links, manifest, meshId, signer };
      const member = new Member({ ...shared, samples, trainMs: 20, optimum: 1 });
      return new BowlLearner(member, codec, (event, delayMs) => world.after(delayMs, () => deliver(event)));
    },
    residualOf: (state) => new Float32Array(state.slice().buffer),
    pass: async () => void world.runUntil(world.nowMs + 5),
    close: async () => undefined,
  };
});
