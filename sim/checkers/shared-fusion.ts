// What a peer took from the shared states is what its own parts give: a sample of the reuses is computed again.
import type { SharedStates } from '../fusion-shared.ts';
import type { Checker } from './checker.ts';

export function sharedFusion(states: SharedStates): Checker {
  return {
    name: 'a shared state is the one that a peer would have computed',
    check: () => {
      for (const { before, parts, after } of states.takeSamples()) {
        const { state } = states.compute(before, parts);
        if (state === after.state) continue;
        const text = `generation ${after.generation} was taken as ${after.state}, its parts give ${state}`;
        return { text, peers: [] };
      }
      return undefined;
    },
  };
}
