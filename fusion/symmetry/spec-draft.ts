// A permutation spec while it is written, layer by layer (`layers.ts` and its neighbours have the layers). It sees to
// it that sizes fit the tensors; it does not know what a layer computes.
import { FusionError } from '../errors.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';
import type { Segment } from './axis-map.ts';
import { checkSpec, PERMUTATIONS_MAX } from './check.ts';
import type { Dialect } from './dialect.ts';
import type { PermutationSpec, PermutedAxis } from './permutation-spec.ts';
import type { Units } from './units.ts';

export interface NewUnits {
  readonly name: string;
  /** Units. */
  readonly size: number;
  /** Units of others inside of which the new ones lie, and which are moved after them. */
  readonly inside?: Units;
}

export interface Place {
  readonly axis: number;
  readonly units: Units;
  readonly isStatistic?: boolean;
}

interface DraftPermutation {
  readonly name: string;
  readonly size: number;
  readonly axes: PermutedAxis[];
}

export class SpecDraft {
  readonly dialect: Dialect;
  readonly #tensors: ReadonlyMap<string, TensorLayout>;
  readonly #layout: ModelLayout;
  readonly #permutations = new Map<string, DraftPermutation>();
  /** By outer permutation, what lies inside its units. */
  readonly #inside = new Map<string, DraftPermutation[]>();
  readonly #seen = new Set<string>();

  constructor(layout: ModelLayout, dialect: Dialect) {
    this.dialect = dialect;
    this.#layout = layout;
    this.#tensors = new Map(layout.tensors.map((tensor) => [tensor.name, tensor]));
  }

  has(tensor: string): boolean {
    return this.#tensors.has(tensor);
  }

  /** Throws `MELDMESH_FUSION_SHAPE` where the model has no such tensor. */
  tensor(name: string): TensorLayout {
    const found = this.#tensors.get(name);
    if (found === undefined) throw shapeError(`the model has no tensor ${JSON.stringify(name)}`);
    return found;
  }

  /**
   * A new permutation, on an axis of its own. One of a single unit moves nothing and is left out. Throws
   * `MELDMESH_FUSION_SPEC` for a name that is taken, and for more than `PERMUTATIONS_MAX`.
   */
  units({ name, size, inside }: NewUnits): Units {
    if (size === 1) return { parts: [], length: 1 };
    if (this.#permutations.has(name))
      throw specError(`there are two permutations "${name}": name one otherwise`);
    if (this.#permutations.size === PERMUTATIONS_MAX)
      throw specError(`"${name}" is one more than ${PERMUTATIONS_MAX} permutations`);
    const permutation = { name, size, axes: [] };
    this.#permutations.set(name, permutation);
    for (const outer of new Set(inside?.parts.map((part) => part.permutation))) {
      const inner = this.#inside.get(outer) ?? [];
      this.#inside.set(outer, inner);
      inner.push(permutation);
    }
    return { parts: [{ permutation: name, size, start: 0, repeats: 1, block: 1 }], length: size };
  }

  /**
   * These units lie along one axis of that tensor; negative axes count from the last one, which is −1. A tensor on
   * which nothing moves is untouched. Throws `MELDMESH_FUSION_SHAPE` where the axis is missing or has another length.
   */
  place(name: string, place: Place): void {
    const tensor = this.tensor(name);
    const { parts, length } = place.units;
    const axis = place.axis < 0 ? tensor.shape.length + place.axis : place.axis;
    const found = tensor.shape.at(axis);
    if (axis < 0 || found === undefined)
      throw shapeError(`${shown(tensor)}, which is too few axes for this layer`);
    if (length !== undefined && found !== length)
      throw shapeError(`${shown(tensor)}, but along axis ${axis} there should be ${length}`);
    this.#seen.add(name);
    for (const part of parts) this.#axesOf(part).push(axisOf(name, { ...place, axis }, part));
  }

  /** Nothing moves these tensors. */
  leave(...names: readonly string[]): void {
    for (const name of names) this.#seen.add(this.tensor(name).name);
  }

  /** The spec so far. Throws `MELDMESH_FUSION_SPEC` unless it accounts for every tensor of the model. */
  spec(): PermutationSpec {
    const permutations = this.#insideFirst()
      .filter(({ axes }) => axes.length > 0)
      .map(({ name, size, axes }) => ({ name, size, axes: [...axes] }));
    const moved = new Set(permutations.flatMap(({ axes }) => axes.map(({ tensor }) => tensor)));
    const untouched = [...this.#seen].filter((tensor) => !moved.has(tensor));
    const spec = { permutations, untouched };
    checkSpec(spec, this.#layout);
    return spec;
  }

  /** In the order in which they were made, but each after what lies inside its units. */
  #insideFirst(): DraftPermutation[] {
    const ordered = new Set<DraftPermutation>();
    const visit = (permutation: DraftPermutation): void => {
      if (ordered.has(permutation)) return;
      for (const inner of this.#inside.get(permutation.name) ?? []) visit(inner);
      ordered.add(permutation);
    };
    for (const permutation of this.#permutations.values()) visit(permutation);
    return [...ordered];
  }

  #axesOf({ permutation }: Segment): PermutedAxis[] {
    const found = this.#permutations.get(permutation);
    if (found === undefined) throw specError(`this model has no units "${permutation}"`);
    return found.axes;
  }
}

/** Only what differs from the default is written down. */
function axisOf(tensor: string, { axis, isStatistic }: Place, part: Segment): PermutedAxis {
  return {
    tensor,
    axis,
    ...(part.start === 0 ? {} : { start: part.start }),
    ...(part.repeats === 1 ? {} : { repeats: part.repeats }),
    ...(part.block === 1 ? {} : { block: part.block }),
    ...(isStatistic === true ? { isStatistic } : {}),
  };
}

function specError(message: string): FusionError {
  return new FusionError('MELDMESH_FUSION_SPEC', message);
}

function shapeError(message: string): FusionError {
  return new FusionError('MELDMESH_FUSION_SHAPE', message);
}

function shown({ name, shape }: TensorLayout): string {
  return `tensor ${JSON.stringify(name)} has shape [${shape.join(', ')}]`;
}
