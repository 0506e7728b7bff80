// What a report says about updates beside a rule's own scores: how long each one is and how far from what was fused.
import type { Change, UpdateSet } from './update.ts';

export interface UpdateLengths {
  /** ‖xᵢ‖. */
  readonly norms: Float64Array;
  /** ‖xᵢ − v‖ from the fused change v; what is absent counts as zero. */
  readonly distances: Float64Array;
}

/** Measures a set that `fuse` accepted against what it gave. O(n d). */
export function updateLengths({ updates, size }: UpdateSet, change: Change): UpdateLengths {
  const fused = new Float32Array(size);
  if (change.places === undefined) fused.set(change.values);
  else for (const [k, place] of change.places.entries()) fused[place] = change.values[k];
  let fusedSquare = 0;
  for (let i = 0; i < size; i++) fusedSquare += fused[i] * fused[i];

  const norms = new Float64Array(updates.length);
  const distances = new Float64Array(updates.length);
  for (const [index, { places, values }] of updates.entries()) {
    let square = 0;
    let apart = 0;
    let covered = 0;
    for (let k = 0; k < values.length; k++) {
      const other = fused[places === undefined ? k : places[k]];
      square += values[k] * values[k];
      apart += (values[k] - other) * (values[k] - other);
      covered += other * other;
    }
    norms[index] = Math.sqrt(square);
    distances[index] = Math.sqrt(apart + Math.max(0, fusedSquare - covered));
  }
  return { norms, distances };
}
