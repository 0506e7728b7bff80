// The Fusion port's contract in virtual time, on a peer's own fusion and on one over states that peers share.
import assert from 'node:assert/strict';
import { codecNamed, initialWeights, layoutOf } from '../../fusion/index.ts';
import { createLocalFusion, type Fusion, initialSeedOf, type PortEvent } from '../../protocols/index.ts';
import { createSharedFusion, SharedStates } from '../../sim/fusion-shared.ts';
import { hashOf } from '../../sim/hash.ts';
import { World } from '../../sim/world.ts';
import { fusionContract, manifest, meshId } from '../contracts/fusion.ts';

const parts = {
  layout: layoutOf(manifest.model),
  codec: codecNamed(manifest.codec) ?? assert.fail('no such codec'),
  initial: initialWeights(manifest.model, initialSeedOf(meshId)),
  ...manifest.aggregation,
};

interface Wiring {
  readonly horizon: number;
  readonly defer: (run: () => void) => void;
  readonly deliver: (event: PortEvent) => void;
}

function inVirtualTime(open: (wiring: Wiring) => Fusion) {
  const world = new World('fusion contract');
  const { horizon } = manifest.history;
  return {
    port: (deliver: Wiring['deliver']) => open({ horizon, defer: (run) => world.after(0, run), deliver }),
    pass: async () => {
      await world.runUntil(world.nowMs + 1);
    },
    close: async () => undefined,
  };
}

fusionContract('of a simulated peer', () =>
  inVirtualTime((wiring) => createLocalFusion({ ...parts, hash: hashOf, ...wiring })),
);
fusionContract('of a simulated peer that shares states', () => {
  const states = new SharedStates(parts);
  return inVirtualTime((wiring) => createSharedFusion({ states, ...wiring }));
});
