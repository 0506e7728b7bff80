// Bugs put into simulated members by tests: through their ports, from outside, so that no product code knows of them. Each
// is one that a real implementation of the protocol could have.
import assert from 'node:assert/strict';
import { type Codec, codecNamed, initialWeights, layoutOf } from '../../../fusion/index.ts';
import {
  createLocalFusion,
  type Fusion,
  type FusionPart,
  initialSeedOf,
  type Ports,
} from '../../../protocols/index.ts';
import { bowlHost, type RunWorld, Simulation } from '../../../sim/index.ts';

type Peer = Simulation['peers'][number];
/** Ports of a member with a bug; asked anew in each of its lives. */
export type Bug = (ports: Ports, peer: Peer, simulation: Simulation) => Ports;

/** Runs worlds whose members all have this bug. */
export function planted(bug: Bug): RunWorld {
  return async (scenario) => {
    const simulation = new Simulation(scenario, bowlHost(scenario));
    for (const peer of simulation.peers) {
      const { bend } = peer.options;
      const withBug = (ports: Ports): Ports => bug(bend?.(ports) ?? ports, peer, simulation);
      Object.assign(peer.options, { bend: withBug });
    }
    return simulation.run();
  };
}

/**
 * The parts of a generation are kept in a list and every plan adds to it. Whoever wrote this forgot that a part may be
 * there already: after a correction a record is applied twice.
 */
export const droppedDedupe: Bug = (ports) => {
  const kept = new Map<number, FusionPart[]>();
  const { fusion } = ports;
  const fuse: Fusion['fuse'] = (plan) => {
    const generations = plan.generations.map(({ generation, parts }) => {
      const all = [...(kept.get(generation) ?? []), ...parts];
      kept.set(generation, all);
      return { generation, parts: all.toSorted((a, b) => (a.id < b.id ? -1 : 1)) };
    });
    fusion.fuse({ ...plan, generations });
  };
  return { ...ports, fusion: { ...methodsOf(fusion), fuse } };
};

/** A restart begins with an empty residual: what the last delta left out is gone. */
export const forgottenResidual: Bug = (ports) => {
  const { learner } = ports;
  return {
    ...ports,
    learner: {
      samples: learner.samples,
      train: (job) => learner.train(job),
      evaluate: (model, ticket) => learner.evaluate(model, ticket),
      restore: () => undefined,
    },
  };
};

/** Parts are added up as they have come, and in float32: the sum depends on who was heard first. */
export const arrivalOrder: Bug = (ports, peer, simulation) => {
  const arrivals = new Map<string, number>();
  const fusion = inFloat32(peer, simulation);
  const arrivedAt = ({ id }: FusionPart): number => arrivals.get(id) ?? 0;
  const { store } = ports;
  return {
    ...ports,
    store: {
      read: (keys, ticket) => store.read(keys, ticket),
      scan: (prefix, entriesMax, ticket) => store.scan(prefix, entriesMax, ticket),
      write: (batch, sync, ticket) => {
        for (const { key } of batch) {
          const [id] = /[0-9a-f]{64}$/.exec(key) ?? [];
          if (id !== undefined && !arrivals.has(id)) arrivals.set(id, arrivals.size + 1);
        }
        store.write(batch, sync, ticket);
      },
    },
    fusion: {
      ...fusion,
      fuse: (plan) =>
        fusion.fuse({
          ...plan,
          generations: plan.generations.map(({ generation, parts }) => ({
            generation,
            parts: parts.toSorted((a, b) => arrivedAt(a) - arrivedAt(b)),
          })),
        }),
    },
  };
};

/** A fusion of its own, whose sums are rounded to float32 after every part. */
function inFloat32(peer: Peer, { world, manifest, meshId }: Simulation): Fusion {
  const codec = codecNamed(manifest.codec);
  assert(codec !== undefined, 'the manifest was accepted');
  const rounding: Codec = {
    name: codec.name,
    payloadBytesMax: (layout) => codec.payloadBytesMax(layout),
    encode: (delta, layout, random) => codec.encode(delta, layout, random),
    check: (payload, layout) => codec.check(payload, layout),
    addTo: (target, payload, weight, layout) => {
      codec.addTo(target, payload, weight, layout);
      for (let i = 0; i < target.length; i++) target[i] = Math.fround(target[i]);
    },
  };
  return createLocalFusion({
    layout: layoutOf(manifest.model),
    initial: initialWeights(manifest.model, initialSeedOf(meshId)),
    codec: rounding,
    ...manifest.aggregation,
    horizon: manifest.history.horizon,
    hash: peer.options.signer.hash,
    defer: (run) => {
      const { machine } = peer;
      world.after(0, () => {
        if (peer.machine === machine) run();
      });
    },
    deliver: (event) => peer.machine?.handle(event),
  });
}

/** A port may be an object of a class, whose methods no spread copies. */
function methodsOf(fusion: Fusion): Fusion {
  return {
    fuse: (plan) => fusion.fuse(plan),
    model: () => fusion.model(),
    momentum: () => fusion.momentum(),
    snapshotAtOrBelow: (generation) => fusion.snapshotAtOrBelow(generation),
    snapshot: (generation) => fusion.snapshot(generation),
    adopt: (generation, model, momentum, ticket) => fusion.adopt(generation, model, momentum, ticket),
  };
}
