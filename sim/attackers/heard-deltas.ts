// For attackers that work with what the others send: the deltas of the last generation that this member has fused, which
// are one generation older than the ones that the papers' all-knowing attackers see.
import assert from 'node:assert/strict';
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import { type FusionPart, generationParts, type Manifest, type Ports } from '../../protocols/index.ts';
import type { AttackContext } from './attacker.ts';

export interface HeardDeltas {
  /** Mean over members, not weighted. */
  readonly mean: Float64Array;
  /** Standard deviation over members. */
  readonly stdDev: Float64Array;
}

const heard = new WeakMap<AttackContext, HeardDeltas>();

/** What was fused last; `undefined` before the first generation. */
export const heardDeltas = (context: AttackContext): HeardDeltas | undefined => heard.get(context);

/** Ports through which the deltas can be heard. */
export function listeningPorts(ports: Ports, context: AttackContext): Ports {
  const { fusion } = ports;
  return {
    ...ports,
    fusion: {
      fuse: (plan) => {
        const parts = plan.generations.findLast((each) => each.parts.length > 0)?.parts;
        if (parts !== undefined) heard.set(context, momentsOf(parts, context.manifest));
        fusion.fuse(plan);
      },
      model: () => fusion.model(),
      momentum: () => fusion.momentum(),
      snapshotAtOrBelow: (generation) => fusion.snapshotAtOrBelow(generation),
      snapshot: (generation) => fusion.snapshot(generation),
      adopt: (generation, model, momentum, ticket) => fusion.adopt(generation, model, momentum, ticket),
    },
  };
}

function momentsOf(parts: readonly FusionPart[], manifest: Manifest): HeardDeltas {
  const layout = layoutOf(manifest.model);
  const codec = codecNamed(manifest.codec);
  assert(codec !== undefined, 'the manifest names a codec that exists');
  const mean = new Float64Array(layout.size);
  const squares = new Float64Array(layout.size);
  for (const part of generationParts(parts)) {
    const delta = new Float64Array(layout.size);
    (part.codec ?? codec).addTo(delta, part.payload, 1, layout);
    for (let i = 0; i < delta.length; i++) {
      mean[i] += delta[i] / parts.length;
      squares[i] += delta[i] ** 2 / parts.length;
    }
  }
  const stdDev = squares.map((square, i) => Math.sqrt(Math.max(0, square - mean[i] ** 2)));
  return { mean, stdDev };
}
