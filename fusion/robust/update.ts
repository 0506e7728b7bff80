// What the robust means take and give back: updates of one model, dense or sparse, each with a weight. Everything that
// can be wrong with a set of them, except numbers that are not finite, is found here.
import { FusionError } from '../errors.ts';

/** A change of a flat model. Without `places` it has a value for each coordinate. */
export interface Change {
  /** Ascending, without doubles. A coordinate that is not among them is absent, which is not the same as zero. */
  readonly places?: Uint32Array;
  /** One for each place. */
  readonly values: Float32Array;
}

/** What one member proposes. */
export interface Update extends Change {
  /** What it weighs, above zero: the number of its samples. */
  readonly weight: number;
  /** For messages; absent: its number in the set. */
  readonly name?: string;
}

/** Updates of a model with `size` coordinates. Their order breaks ties and is the order of all sums. */
export interface UpdateSet {
  readonly size: number;
  readonly updates: readonly Update[];
}

/** How messages call an update. */
export function nameOf(set: UpdateSet, index: number): string {
  return set.updates[index].name ?? `update ${index}`;
}

/**
 * Refuses what no rule can use.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, MELDMESH_FUSION_SHAPE, MELDMESH_FUSION_SPEC (a weight)
 */
export function checkUpdateSet(set: UpdateSet): void {
  const { size, updates } = set;
  if (updates.length === 0) throw new FusionError('MELDMESH_FUSION_TOO_FEW', 'There is no update to fuse.');
  for (const [index, { weight }] of updates.entries()) {
    const problem = changeProblem(updates[index], size);
    const name = nameOf(set, index);
    if (problem !== undefined) throw new FusionError('MELDMESH_FUSION_SHAPE', `${name} ${problem}.`);
    if (!(weight > 0 && weight <= Number.MAX_SAFE_INTEGER)) {
      const text = `${name} weighs ${weight}; give a weight above 0, such as its number of samples.`;
      throw new FusionError('MELDMESH_FUSION_SPEC', text);
    }
  }
}

/** What is wrong with the form of a change of a model of this size, as the end of a sentence. */
export function changeProblem({ places, values }: Change, size: number): string | undefined {
  if (places === undefined) {
    return values.length === size ? undefined : `has ${values.length} values, the model has ${size}`;
  }
  if (places.length !== values.length) return `has ${places.length} places and ${values.length} values`;
  for (let k = 0; k < places.length; k++) {
    if (places[k] >= size) return `names the place ${places[k]} of a model of ${size}`;
    if (k > 0 && places[k] <= places[k - 1]) return `names its places out of order (${places[k]} is late)`;
  }
  return undefined;
}

/** @throws FusionError MELDMESH_FUSION_NOT_FINITE with the name of the update and the place. */
export function refuseNotFinite(name: string, { places, values }: Change): void {
  for (let k = 0; k < values.length; k++) {
    if (Number.isFinite(values[k])) continue;
    const place = places === undefined ? k : places[k];
    const text = `${name} has ${values[k]} at place ${place}; leave this update out.`;
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', text);
  }
}
