// Activation matching (Li et al., 2016; Ainsworth et al., 2023, section 3.1): units belong together that answer alike to the
// same inputs. One assignment a permutation and no sweeps, since no permutation changes what units put out.
import { FusionError } from '../errors.ts';
import type { Activations } from '../model-functions.ts';
import { identityPermutations } from '../symmetry/permutations.ts';
import { type Assignment, assign } from './assignment.ts';
import { CoMoments } from './co-moments.ts';
import { type MatrixProduct, multiplyRows } from './matrix-product.ts';
import { checkMatchedModels, likenessOf, type MatchedModels, type Matching } from './model-pair.ts';
import { nestingOf } from './nested-units.ts';

/** Correlation asks how units vary together, whatever their scale; the inner product is the objective of least squares. */
export type ActivationScore = 'correlation' | 'inner-product';

export interface ActivationMatchingOptions extends MatchedModels {
  /** What the units of a permutation put out on the probe inputs, asked for by the permutation's name. */
  readonly activations: Activations;
  /** Default correlation. */
  readonly score?: ActivationScore;
  readonly product?: MatrixProduct;
}

export interface ActivationMatching extends Matching {
  /** By permutation that was asked for. */
  readonly places: ReadonlyMap<string, MatchedPlace>;
}

export interface MatchedPlace {
  readonly samples: number;
  /** Units that put out one value on all samples. Correlation takes them as equally (un)like all others. */
  readonly deadInReference: number;
  readonly deadInModel: number;
  /** Mean score of the units that were put together. */
  readonly meanScore: number;
}

interface Outputs {
  readonly options: ActivationMatchingOptions;
  /** Names of the permutations of either model whose units are compared. */
  readonly reference: string;
  readonly model: string;
}

/**
 * Permutations that maximise the sum of scores of the units put together. Where units have permutations inside them, as
 * attention heads have, two units score as much as the best order inside them does.
 *
 * Throws a FusionError for models, specs and activations that do not fit, are not finite, or are none at all.
 */
export function matchActivations(options: ActivationMatchingOptions): ActivationMatching {
  const { spec } = options;
  checkMatchedModels(options);
  const nesting = nestingOf(spec);
  const permutations = new Map(identityPermutations(spec));
  const places = new Map<string, MatchedPlace>();
  const isInside = new Set([...nesting.values()].flatMap((inside) => [...inside.values()].flat()));
  for (const { name, size } of spec.permutations) {
    if (isInside.has(name)) continue;
    const inside = nesting.get(name);
    if (inside !== undefined) {
      for (const [inner, order] of matchNested({ options, name, size, inside, places }))
        permutations.set(inner, order);
      continue;
    }
    const { answer, place } = matchPlace({ options, reference: name, model: name });
    permutations.set(name, Uint32Array.from(answer.columnOfRow));
    places.set(name, place);
  }
  const before = likenessOf(options);
  return { permutations, before, after: likenessOf(options, permutations), sweeps: 1, places };
}

interface Nested {
  readonly options: ActivationMatchingOptions;
  readonly name: string;
  readonly size: number;
  readonly inside: ReadonlyMap<number, readonly string[]>;
  readonly places: Map<string, MatchedPlace>;
}

/** Places of the outer units, and orders inside them. Every unit is compared with every other one inside. */
function matchNested({ options, name, size, inside, places }: Nested): ReadonlyMap<string, Uint32Array> {
  const scores = new Float64Array(size * size);
  const found = new Map<string, ReturnType<typeof matchPlace>>();
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const [ofReference, ofModel] = [inside.get(i) ?? [], inside.get(j) ?? []];
      const sizes = [ofReference, ofModel].map((names) =>
        names.map((inner) => sizeOf(options, inner)).join(),
      );
      if (sizes[0] !== sizes[1]) {
        const message = `units ${i} and ${j} of permutation "${name}" do not have the same permutations inside them`;
        throw new FusionError('MELDMESH_FUSION_SPEC', message);
      }
      for (const [at, model] of ofModel.entries()) {
        const match = matchPlace({ options, reference: ofReference[at], model });
        found.set(`${i} ${model}`, match);
        scores[i * size + j] += match.answer.total;
      }
    }
  }
  const { columnOfRow } = assign({ scores, rows: size, columns: size, goal: 'greatest' });
  const orders = new Map([[name, Uint32Array.from(columnOfRow)]]);
  for (const [i, j] of columnOfRow.entries()) {
    for (const inner of inside.get(j) ?? []) {
      const match = found.get(`${i} ${inner}`);
      if (match === undefined) continue;
      orders.set(inner, Uint32Array.from(match.answer.columnOfRow));
      places.set(inner, match.place);
    }
  }
  return orders;
}

/** The best assignment of the units of one place, scored over all probe inputs. */
function matchPlace(outputs: Outputs): { readonly answer: Assignment; readonly place: MatchedPlace } {
  const { options, reference, model } = outputs;
  const rows = sizeOf(options, reference);
  const columns = sizeOf(options, model);
  const product = options.product ?? multiplyRows;
  const moments = new CoMoments({ rows, columns, place: reference, product });
  const others = options.activations(options.model, model)[Symbol.iterator]();
  for (const batch of options.activations(options.reference, reference)) {
    // A copy: both models may write their outputs to one place.
    const kept = batch.slice();
    moments.add(kept, others.next().value ?? new Float32Array(0));
  }
  const rest = others.next().value;
  if (rest !== undefined) moments.add(new Float32Array(0), rest);
  if (moments.samples === 0) {
    const message = `there are no activations of ${JSON.stringify(reference)} to match units by`;
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', message);
  }
  const scores = options.score === 'inner-product' ? moments.innerProducts() : moments.correlations();
  const answer = assign({ scores, rows, columns, goal: 'greatest' });
  const { left, right } = moments.dead();
  const meanScore = answer.total / rows;
  return {
    answer,
    place: { samples: moments.samples, deadInReference: left, deadInModel: right, meanScore },
  };
}

function sizeOf({ spec }: ActivationMatchingOptions, name: string): number {
  return spec.permutations.find((permutation) => permutation.name === name)?.size ?? 0;
}
