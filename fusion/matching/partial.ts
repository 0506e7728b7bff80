// Partial matching for models that learned different labels (ZipIt, Stoica et al., 2024): units that answer alike become one, all
// others stay apart, and each model keeps its outputs. The merged model is as wide as it has to be.
import { FusionError } from '../errors.ts';
import type { Activations } from '../model-functions.ts';
import { axesByTensor } from '../symmetry/axis-map.ts';
import type { ModelLayout } from '../types.ts';
import { type OutputAxis, readAxis, writtenAxis } from './axis-roles.ts';
import { CoMoments } from './co-moments.ts';
import { type MatrixProduct, multiplyRows } from './matrix-product.ts';
import { checkMixable } from './mixed-units.ts';
import { checkMatchedModels, type MatchedModels } from './model-pair.ts';
import { type UnitGroups, zipUnits } from './zip-groups.ts';
import { type GroupedAxis, zipTensor } from './zip-tensor.ts';

export interface PartialMatchingOptions extends MatchedModels {
  /** What the units of a permutation put out on the probe inputs, asked for by the permutation's name. */
  readonly activations: Activations;
  /** Units that correlate less stay apart; above 1 all do. Default 0.5. */
  readonly correlationMin?: number;
  /** Groups a layer of n units keeps at least, as a share of n: 1 is no narrower than a model, 2 no merging. Default 1. */
  readonly widthMin?: number;
  /** Share of a model's units that may be joined with one of its own. Default 0. */
  readonly sameModelShare?: number;
  /** Default last, as in TensorFlow.js. */
  readonly outputAxis?: OutputAxis;
  /** `apart`: first all outputs of the reference, then those of the model. `averaged` where labels are the same. */
  readonly outputs: 'apart' | 'averaged';
  readonly product?: MatrixProduct;
}

export interface ZippedModel {
  readonly weights: Float32Array;
  /** The same tensors, some of them wider. */
  readonly layout: ModelLayout;
  /** By permutation. */
  readonly groups: ReadonlyMap<string, UnitGroups>;
}

const CORRELATION_MIN = 0.5;

/**
 * One model with the units of both. A group puts out the mean of its units and reads, for each of them, what that unit's own
 * model sent there: with M that averages and U that says who belongs to whom, a kernel becomes M · diag(A, B) · U. Where all
 * units of a group put out the same, the merged model computes exactly what the two did.
 *
 * What no permutation moves is taken for an input, which both models share, or an output. Throws a FusionError for models,
 * specs or activations that do not fit, and for specs with units inside units or that cover only a part of an axis.
 */
export function mergePartially(options: PartialMatchingOptions): ZippedModel {
  const { spec, layout, reference, model, outputAxis = 'last' } = options;
  checkMatchedModels(options);
  checkMixable(spec);
  const groups = new Map(spec.permutations.map(({ name, size }) => [name, groupsOf(options, name, size)]));
  const byTensor = axesByTensor(spec);
  const tensors: {
    readonly name: string;
    readonly shape: readonly number[];
    readonly values: Float32Array;
  }[] = [];
  for (const { name, shape, offset, size } of layout.tensors) {
    const axes = new Map((byTensor.get(name) ?? []).map((each) => [each.axis, each.segments[0]]));
    const grouped = (axis: number | undefined, still: UnitGroups): GroupedAxis | undefined => {
      if (axis === undefined) return undefined;
      const segment = axes.get(axis) ?? {
        start: 0,
        repeats: 1,
        size: shape[axis],
        block: 1,
        permutation: '',
      };
      return {
        tensor: name,
        axis,
        length: shape[axis],
        segment,
        groups: groups.get(segment.permutation) ?? still,
      };
    };
    const [written, read] = [writtenAxis(shape, outputAxis), readAxis(shape, outputAxis)];
    const others = [...axes.keys()].filter((axis) => axis !== written && axis !== read);
    if (others.length > 0) throw neitherReadNorWritten(name, others[0]);
    const outputs = options.outputs === 'apart' ? apart(shape[written]) : together(shape[written]);
    tensors.push({
      name,
      ...zipTensor({
        first: reference.subarray(offset, offset + size),
        second: model.subarray(offset, offset + size),
        shape,
        written: grouped(written, outputs),
        read: grouped(read, together(shape[read ?? 0])),
      }),
    });
  }
  return { ...inOneVector(tensors), groups };
}

function neitherReadNorWritten(tensor: string, axis: number): FusionError {
  const message = `a permutation moves axis ${axis} of tensor ${JSON.stringify(tensor)}, which its layer neither reads nor writes`;
  return new FusionError('MELDMESH_FUSION_SPEC', `${message}: is the output axis first or last?`);
}

function groupsOf(options: PartialMatchingOptions, name: string, size: number): UnitGroups {
  const { correlationMin = CORRELATION_MIN, widthMin = 1, sameModelShare = 0 } = options;
  const correlations = correlationsOf(options, name, size);
  const groupsMin = Math.max(1, Math.ceil(widthMin * size));
  return zipUnits({ correlations, size, correlationMin, groupsMin, sameModelShare });
}

/** Of all units of both models with one another. */
function correlationsOf(options: PartialMatchingOptions, name: string, size: number): Float64Array {
  const { activations, reference, model, product = multiplyRows } = options;
  const moments = new CoMoments({ rows: 2 * size, columns: 2 * size, place: name, product });
  const others = activations(model, name)[Symbol.iterator]();
  for (const batch of activations(reference, name)) {
    const kept = batch.slice();
    const both = sideBySide(kept, others.next().value ?? new Float32Array(0), size);
    if (both === undefined) {
      const message = `the two models do not put out equally many values of ${size} units at ${JSON.stringify(name)}`;
      throw new FusionError('MELDMESH_FUSION_SHAPE', message);
    }
    moments.add(both, both);
  }
  if (moments.samples > 0) return moments.correlations();
  const message = `there are no activations of ${JSON.stringify(name)} to match units by`;
  throw new FusionError('MELDMESH_FUSION_TOO_FEW', message);
}

/** [samples, 2 · size]; `undefined` where that cannot be. */
function sideBySide(left: Float32Array, right: Float32Array, size: number): Float32Array | undefined {
  if (left.length !== right.length || left.length % size !== 0) return undefined;
  const both = new Float32Array(2 * left.length);
  for (let at = 0; at < left.length; at += size) {
    both.set(left.subarray(at, at + size), 2 * at);
    both.set(right.subarray(at, at + size), 2 * at + size);
  }
  return both;
}

/** Each model has its own. */
function apart(size: number): UnitGroups {
  return { count: 2 * size, groupOf: Uint32Array.from({ length: 2 * size }, (_, unit) => unit) };
}

/** Both models have the same. */
function together(size: number): UnitGroups {
  return { count: size, groupOf: Uint32Array.from({ length: 2 * size }, (_, unit) => unit % size) };
}

interface NamedValues {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function inOneVector(tensors: readonly NamedValues[]): { weights: Float32Array; layout: ModelLayout } {
  const weights = new Float32Array(tensors.reduce((size, { values }) => size + values.length, 0));
  let offset = 0;
  const placed = tensors.map(({ name, shape, values }) => {
    weights.set(values, offset);
    const tensor = { name, shape, offset, size: values.length };
    offset += values.length;
    return tensor;
  });
  return { weights, layout: { tensors: placed, size: offset } };
}
