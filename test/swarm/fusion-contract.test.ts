// The Fusion port's contract, on the fusion of a swarm's members in virtual time.
import { fusionContract, manifest, meshId } from '../contracts/fusion.ts';
import { worldFusion } from './member.ts';
import { World } from './world.ts';

fusionContract('in a swarm', () => {
  const world = new World('fusion contract');
  return {
    port: (deliver) => worldFusion({ manifest, meshId }, deliver, (run) => world.after(0, run)),
    pass: async () => void world.runUntil(world.nowMs + 1),
    close: async () => undefined,
  };
});
