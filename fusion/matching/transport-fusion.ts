// Optimal-transport fusion (Singh and Jaggi, "Model Fusion via Optimal Transport", 2020, section 4 and algorithm 1): a model is
// carried into the shape of another one, layer after layer, even where that has more units or fewer. It averages nothing.
import { FusionError } from '../errors.ts';
import { axesByTensor, type Segment } from '../symmetry/axis-map.ts';
import { checkSpec } from '../symmetry/check.ts';
import type { PermutationOfUnits, PermutationSpec } from '../symmetry/permutation-spec.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';
import { assign } from './assignment.ts';
import { type OutputAxis, readAxis, writtenAxis } from './axis-roles.ts';
import { type MatrixProduct, multiplyRows } from './matrix-product.ts';
import { checkMixable, type Mixture, type Mixtures, mixAxis, type Tensor } from './mixed-units.ts';
import { checkWeights } from './model-pair.ts';
import { sinkhorn } from './sinkhorn.ts';
import { statisticsOf } from './unit-axes.ts';

/** A model and its symmetries. */
export interface SpecifiedModel {
  readonly weights: Float32Array;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
}

export interface TransportOptions {
  /** The shape to come to. */
  readonly reference: SpecifiedModel;
  /** The same tensors and permutations, of sizes of their own along permuted axes. Not written to. */
  readonly model: SpecifiedModel;
  /** Softness of the plans, as a share of the largest cost. Default: 0, an exact assignment, for equal widths, or 0.01. */
  readonly regularisation?: number;
  /** Default last, as in TensorFlow.js. */
  readonly outputAxis?: OutputAxis;
  readonly product?: MatrixProduct;
}

export interface TransportedModel {
  /** In the layout of the reference, ready to be averaged with it. */
  readonly weights: Float32Array;
  /** By permutation, [units of the reference, units of the model], summing to 1. */
  readonly plans: ReadonlyMap<string, Float64Array>;
}

const REGULARISATION = 0.01;

/**
 * For each permutation, in the order in which its layers come: the cost of two units is the squared distance of all that is
 * written to them, with what they read already carried over; the plan T between equal masses has the least cost. A unit of
 * the reference takes the mean diag(1/α) T of what is written to the units it stands for, and a unit of the model sends what it
 * sent on to those that stand for it, T diag(1/β). For equal widths both are the paper's. For others the paper takes the mean
 * both ways, which shrinks what is read by the ratio of the widths; here a model whose units are doubled keeps its function.
 *
 * Throws a FusionError for models that are not of one kind, or not finite, and for units with permutations inside them.
 */
export function transportModel(options: TransportOptions): TransportedModel {
  const { reference, model, outputAxis = 'last', product = multiplyRows } = options;
  checkKind(reference, model);
  const plans = new Map<string, Float64Array>();
  const roles: Roles = { written: new Map(), read: new Map(), outputAxis, product };
  for (const permutation of inLayerOrder(reference, outputAxis)) {
    const { name, size } = permutation;
    const sources = sizeOf(model.spec, name);
    const plan = planOf(options, roles, permutation);
    plans.set(name, plan);
    const share = (mass: number): Mixture => ({
      weights: Float32Array.from(plan, (value) => value / mass),
      targets: size,
      sources,
    });
    roles.written.set(name, share(1 / size));
    roles.read.set(name, share(1 / sources));
  }
  const weights = new Float32Array(reference.layout.size);
  for (const tensor of reference.layout.tensors) {
    const { values } = carried(model, tensor.name, roles, () => true);
    weights.set(values, tensor.offset);
  }
  return { weights, plans };
}

interface Roles {
  /** Mixtures so far, for axes that are written and axes that are read. */
  readonly written: Map<string, Mixture>;
  readonly read: Map<string, Mixture>;
  readonly outputAxis: OutputAxis;
  readonly product: MatrixProduct;
}

function checkKind(reference: SpecifiedModel, model: SpecifiedModel): void {
  for (const [whose, { weights, layout, spec }] of [
    ['the reference', reference],
    ['the model', model],
  ] as const) {
    checkSpec(spec, layout);
    checkMixable(spec);
    checkWeights(weights, layout, whose);
  }
  const names = reference.spec.permutations.map(({ name }) => name).join();
  if (names !== model.spec.permutations.map(({ name }) => name).join()) {
    const message = 'the two models do not have the same permutations: they are of different kinds';
    throw new FusionError('MELDMESH_FUSION_SPEC', message);
  }
  const ofModel = new Map(model.layout.tensors.map((tensor) => [tensor.name, tensor]));
  const moved = axesByTensor(reference.spec);
  for (const { name, shape } of reference.layout.tensors) {
    const other = ofModel.get(name)?.shape;
    const axes = new Map((moved.get(name) ?? []).map(({ axis }) => [axis, true]));
    const isAlike =
      other?.length === shape.length &&
      shape.every((length, axis) => axes.has(axis) || other[axis] === length);
    if (isAlike) continue;
    const message = `tensor ${JSON.stringify(name)} has shape [${shape}] and [${other ?? 'none'}], which differ by more than units`;
    throw new FusionError('MELDMESH_FUSION_SHAPE', message);
  }
}

const sizeOf = (spec: PermutationSpec, name: string): number =>
  spec.permutations.find((permutation) => permutation.name === name)?.size ?? 0;

/** By the first tensor that is written to their units. */
function inLayerOrder(
  { layout, spec }: SpecifiedModel,
  outputAxis: OutputAxis,
): readonly PermutationOfUnits[] {
  const places = new Map(layout.tensors.map(({ name, shape }, place) => [name, { place, shape }]));
  const firstOf = ({ axes }: PermutationOfUnits): number => {
    const written = axes.flatMap(({ tensor, axis }) => {
      const { place, shape } = places.get(tensor) ?? { place: 0, shape: [] };
      return axis === writtenAxis(shape, outputAxis) ? [place] : [];
    });
    return Math.min(layout.tensors.length, ...written);
  };
  return spec.permutations.toSorted((a, b) => firstOf(a) - firstOf(b));
}

/** A tensor of the model with those of its axes mixed for which there are mixtures, and that are wanted. */
function carried(
  { weights, layout, spec }: SpecifiedModel,
  name: string,
  { written, read, outputAxis, product }: Roles,
  isWanted: (axis: number) => boolean,
): Tensor {
  const found = layout.tensors.find((tensor) => tensor.name === name);
  const { offset, size, shape } = found ?? { offset: 0, size: 0, shape: [] };
  let tensor: Tensor = { values: weights.subarray(offset, offset + size), shape };
  for (const axes of axesByTensor(spec).get(name) ?? []) {
    const mixtures: Mixtures = axes.axis === writtenAxis(shape, outputAxis) ? written : read;
    if (isWanted(axes.axis)) tensor = mixAxis(tensor, { axes, mixtures, product });
  }
  return tensor;
}

/** [units of the reference, units of the model], of mass 1. */
function planOf(options: TransportOptions, roles: Roles, permutation: PermutationOfUnits): Float64Array {
  const { reference, model, regularisation } = options;
  const { name, size: rows } = permutation;
  const columns = sizeOf(model.spec, name);
  const costs = costsOf(options, roles, permutation);
  const scores = costs.map((cost) => -cost);
  const softness = regularisation ?? (rows === columns ? 0 : REGULARISATION);
  const costMax = costs.reduce((most, cost) => Math.max(most, cost), 0);
  if (rows === columns && softness === 0) {
    const plan = new Float64Array(rows * columns);
    const { columnOfRow } = assign({ scores, rows, columns, goal: 'greatest' });
    for (const [row, column] of columnOfRow.entries()) plan[row * columns + column] = 1 / rows;
    return plan;
  }
  if (!(softness > 0)) {
    const widths = `${rows} and ${sizeOf(reference.spec, name) === rows ? columns : rows}`;
    const message = `units of "${name}" are ${widths}: a regularisation above 0 is needed, not ${softness}`;
    throw new FusionError('MELDMESH_FUSION_SPEC', message);
  }
  const temperature = softness * (costMax === 0 ? 1 : costMax);
  return sinkhorn({ scores, rows, columns, temperature, rowMass: 1 / rows }).plan;
}

/** Squared distance of what is written to two units, over the tensors whose inputs are carried over already. */
function costsOf(
  { reference, model }: TransportOptions,
  roles: Roles,
  permutation: PermutationOfUnits,
): Float64Array {
  const { name, size: rows } = permutation;
  const columns = sizeOf(model.spec, name);
  const costs = new Float64Array(rows * columns);
  const statistics = statisticsOf(reference.spec);
  for (const tensor of reference.layout.tensors) {
    const axis = writtenAxis(tensor.shape, roles.outputAxis);
    const left = segmentOf(reference.spec, name, tensor.name, axis);
    const right = segmentOf(model.spec, name, tensor.name, axis);
    if (left === undefined || right === undefined || statistics.has(tensor.name)) continue;
    const other = carried(model, tensor.name, roles, (each) => each !== axis);
    const read = readAxis(tensor.shape, roles.outputAxis);
    if (read !== undefined && other.shape[read] !== tensor.shape[read]) continue;
    const own = { values: ofTensor(reference.weights, tensor), shape: tensor.shape };
    addSquaredDistances(costs, {
      left: rowsOf(own, axis, left),
      right: rowsOf(other, axis, right),
      product: roles.product,
    });
  }
  return costs;
}

const ofTensor = (weights: Float32Array, { offset, size }: TensorLayout): Float32Array =>
  weights.subarray(offset, offset + size);

function segmentOf(spec: PermutationSpec, name: string, tensor: string, axis: number): Segment | undefined {
  const axes = axesByTensor(spec)
    .get(tensor)
    ?.find((each) => each.axis === axis);
  return axes?.segments.find(({ permutation }) => permutation === name);
}

interface Rows {
  readonly values: Float32Array;
  readonly count: number;
  readonly length: number;
}

/** Everything that belongs to one unit along this axis, as a row. */
function rowsOf({ values, shape }: Tensor, axis: number, { start, repeats, size, block }: Segment): Rows {
  const inner = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
  const outer = values.length / (inner * shape[axis]);
  const length = outer * repeats * block * inner;
  const rows = new Float32Array(size * length);
  for (let unit = 0, at = 0; unit < size; unit++) {
    for (let before = 0; before < outer; before++) {
      for (let repeat = 0; repeat < repeats; repeat++) {
        const entry = before * shape[axis] + start + (repeat * size + unit) * block;
        rows.set(values.subarray(entry * inner, (entry + block) * inner), at);
        at += block * inner;
      }
    }
  }
  return { values: rows, count: size, length };
}

interface RowPair {
  readonly left: Rows;
  readonly right: Rows;
  readonly product: MatrixProduct;
}

/** ‖a‖² + ‖b‖² − 2 a·b, never below 0. */
function addSquaredDistances(costs: Float64Array, { left, right, product }: RowPair): void {
  const products = new Float64Array(costs.length);
  const size = { rows: left.count, columns: right.count, depth: left.length };
  product({ left: left.values, right: right.values, ...size, into: products });
  const [ofLeft, ofRight] = [left, right].map(squaresOf);
  for (let i = 0, at = 0; i < left.count; i++) {
    for (let j = 0; j < right.count; j++, at++) {
      costs[at] += Math.max(0, ofLeft[i] + ofRight[j] - 2 * products[at]);
    }
  }
}

function squaresOf({ values, count, length }: Rows): Float64Array {
  return Float64Array.from({ length: count }, (_, row) =>
    values.subarray(row * length, (row + 1) * length).reduce((sum, value) => sum + value * value, 0),
  );
}
