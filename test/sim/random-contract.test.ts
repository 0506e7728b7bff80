// The RandomSource port's contract: both worlds have the same one, and it may be a stored state that goes on.
import { createRandom, restoreRandom } from '../../fusion/index.ts';
import { World } from '../../sim/world.ts';
import { randomContract } from '../contracts/random.ts';

randomContract('from a seed', createRandom);
randomContract('of a world', (seed) => new World(seed).random);
randomContract('from a stored state', (seed) => {
  const stored = createRandom(seed);
  for (let draw = 0; draw < 21; draw++) stored.uint32();
  return restoreRandom(stored.state());
});
