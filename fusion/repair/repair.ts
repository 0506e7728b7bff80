// REPAIR: the pre-activations of a merged model get back the means and spreads of the models that it was merged from
// (Jordan et al. 2023). For layers without normalisation; the correction is folded into their weights. It does not know
// how a model is run.
import { FusionError } from '../errors.ts';
import type { Activations } from '../model-functions.ts';
import type { ModelLayout } from '../types.ts';
import { checkModels, sharesOf } from './merged-model.ts';
import { type AffineLayer, affineLayersOf, scaleUnits, tensorNamed } from './model-parts.ts';
import { type Repaired, type RepairedLayer, repairedCount } from './repair-report.ts';
import { type UnitMoments, unitMoments } from './unit-moments.ts';

/** A unit of the merged model whose spread is below this share of its goal does not vary: noise is not blown up. */
const CONSTANT_SHARE = 1e-5;

export interface RepairOptions {
  readonly layout: ModelLayout;
  /** The models that were merged, already aligned: on others REPAIR does little. */
  readonly ends: readonly Float32Array[];
  /** How much each counts, as in the merge. Default: equal. */
  readonly shares?: readonly number[];
  /** The merged model; not changed. */
  readonly merged: Float32Array;
  /** Asked by the name of a layer for its pre-activations. */
  readonly preActivations: Activations;
  /** In the order in which data passes them. Default: all but the last, whose outputs are what the model says. */
  readonly layers?: readonly AffineLayer[];
}

export interface LayerGoals {
  readonly layer: AffineLayer;
  readonly mean: Float64Array;
  readonly spread: Float64Array;
}

/**
 * Goals of each unit are the means of the ends' means and of their standard deviations. Layer after layer, what the
 * merged model gives is measured behind the layers that are repaired already, and z becomes (z − mean) · goal spread /
 * spread + goal mean: the unit's weights are scaled and its bias moved, so the correction is exact and costs nothing
 * afterwards.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, _SHAPE, _NOT_FINITE, _SPEC
 */
export function repairActivations(options: RepairOptions): Repaired {
  return applyRepairGoals({ ...options, goals: repairGoals(options) });
}

/** Goals alone, for merges of the same ends at other shares of which each needs its own: see `interpolateGoals`. */
export function repairGoals(options: Omit<RepairOptions, 'merged'>): readonly LayerGoals[] {
  const { layout, ends, preActivations, layers = affineLayersOf(layout).slice(0, -1) } = options;
  checkModels(ends, layout);
  const shares = sharesOf(ends.length, options.shares);
  return layers.map((layer) => {
    const place = { name: layer.name, units: unitsOf(layout, layer) };
    const moments = ends.map((end) => unitMoments(preActivations(end, layer.name), place));
    const blend = (valuesOf: (of: UnitMoments) => Float64Array) => {
      const sums = new Float64Array(place.units);
      for (const [k, each] of moments.entries()) {
        const values = valuesOf(each);
        for (let unit = 0; unit < place.units; unit++) sums[unit] += shares[k] * values[unit];
      }
      return sums;
    };
    return {
      layer,
      mean: blend(({ mean }) => mean),
      spread: blend(({ variance }) => variance.map(Math.sqrt)),
    };
  });
}

/** Goals at (1 − t) of the first and t of the second, from the goals of each end alone. */
export function interpolateGoals(line: {
  readonly from: readonly LayerGoals[];
  readonly to: readonly LayerGoals[];
  readonly t: number;
}): readonly LayerGoals[] {
  const { from, to, t } = line;
  return from.map(({ layer, mean, spread }, i) => ({
    layer,
    mean: mean.map((value, unit) => (1 - t) * value + t * to[i].mean[unit]),
    spread: spread.map((value, unit) => (1 - t) * value + t * to[i].spread[unit]),
  }));
}

/** Puts the merged model's layers right, in the order of the goals. */
export function applyRepairGoals(options: {
  readonly layout: ModelLayout;
  readonly merged: Float32Array;
  readonly preActivations: Activations;
  readonly goals: readonly LayerGoals[];
}): Repaired {
  const { layout, preActivations, goals } = options;
  checkModels([options.merged], layout);
  const weights = options.merged.slice();
  const layers = goals.map((goal): RepairedLayer => {
    const { name, bias } = goal.layer;
    if (bias === undefined) return { name, isRepaired: false, note: 'it has no bias to move its mean' };
    const place = { name, units: unitsOf(layout, goal.layer) };
    const moments = unitMoments(preActivations(weights, name), place);
    return foldIn(weights, { layout, goal, bias, moments });
  });
  const summary =
    layers.length === 0
      ? 'there is no layer to repair; nothing was done'
      : `pre-activations of ${repairedCount(layers)} brought to the means and spreads of the ends`;
  return { weights, report: { method: 'repair', summary, layers } };
}

function foldIn(
  weights: Float32Array,
  work: {
    readonly layout: ModelLayout;
    readonly goal: LayerGoals;
    readonly bias: string;
    readonly moments: UnitMoments;
  },
): RepairedLayer {
  const { layout, goal, moments } = work;
  const { name, kernel, unitAxis } = goal.layer;
  let constantUnits = 0;
  const factors = moments.variance.map((variance, unit) => {
    const spread = Math.sqrt(variance);
    if (spread > CONSTANT_SHARE * goal.spread[unit]) return goal.spread[unit] / spread;
    constantUnits++;
    return 1;
  });
  scaleUnits(weights, { tensor: tensorNamed(layout, kernel), axis: unitAxis }, factors);
  const { offset } = tensorNamed(layout, work.bias);
  for (let unit = 0; unit < factors.length; unit++) {
    const held = weights[offset + unit];
    weights[offset + unit] = (held - moments.mean[unit]) * factors[unit] + goal.mean[unit];
  }
  return {
    name,
    isRepaired: true,
    scaleMin: factors.reduce((least, factor) => Math.min(least, factor), Number.POSITIVE_INFINITY),
    scaleMax: factors.reduce((most, factor) => Math.max(most, factor), 0),
    ...(constantUnits > 0 ? { note: `${constantUnits} units that do not vary kept their spread` } : {}),
  };
}

function unitsOf(layout: ModelLayout, layer: AffineLayer): number {
  const { name, kernel, bias, unitAxis } = layer;
  const units = tensorNamed(layout, kernel).shape[unitAxis] ?? 0;
  const biases = bias === undefined ? units : tensorNamed(layout, bias).size;
  if (units > 0 && biases === units) return units;
  const text = `${kernel} of layer ${name} has ${units} units on axis ${unitAxis} and its bias ${biases}; give the axis of its units`;
  throw new FusionError('MELDMESH_FUSION_SHAPE', text);
}
