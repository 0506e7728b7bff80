// Small networks in plain code, a value at a time, whose insides can be looked at: dense layers, and dense layers with
// batch norm.
import assert from 'node:assert/strict';
import { createRandom } from '../../../fusion/index.ts';
import type { Activations } from '../../../fusion/model-functions.ts';
import type { ModelLayout } from '../../../fusion/types.ts';

export interface PlainNetwork {
  readonly layout: ModelLayout;
  /** What goes into the activation of each layer, or into each norm, by its name: [samples][units]. */
  readonly inside: (weights: Float32Array) => ReadonlyMap<string, readonly (readonly number[])[]>;
  readonly activations: Activations;
  readonly random: (seed: string) => Float32Array;
}

const BATCH = 7;

/** ReLU layers d0, d1, … and, with norms, n0, n1, … between each and its activation. */
export function plainNetwork(
  widths: readonly number[],
  options: { readonly norms: boolean; readonly inputs?: readonly (readonly number[])[] },
): PlainNetwork {
  const layout = layoutFor(widths, options.norms);
  const samples = numbers('samples', 40 * widths[0]);
  const drawn = Array.from({ length: 40 }, (_, i) => samples.slice(i * widths[0], (i + 1) * widths[0]));
  const inputs = options.inputs ?? drawn;
  const inside = (weights: Float32Array) => {
    const tensor = (name: string) => {
      const found = layout.tensors.find((each) => each.name === name);
      if (found === undefined) throw new Error(`no tensor ${name}`);
      return weights.subarray(found.offset, found.offset + found.size);
    };
    const values = new Map<string, readonly (readonly number[])[]>();
    let rows: readonly (readonly number[])[] = inputs;
    for (let layer = 0; layer + 1 < widths.length; layer++) {
      const [kernel, bias] = [tensor(`d${layer}/kernel`), tensor(`d${layer}/bias`)];
      const units = widths[layer + 1];
      const sums = rows.map((row) =>
        Array.from(bias, (start, unit) =>
          row.reduce((sum, value, i) => sum + value * kernel[i * units + unit], start),
        ),
      );
      values.set(`d${layer}`, sums);
      let normed = sums;
      if (options.norms && layer + 2 < widths.length) {
        const [mean, variance] = [tensor(`n${layer}/moving_mean`), tensor(`n${layer}/moving_variance`)];
        const gamma = tensor(`n${layer}/gamma`);
        values.set(`n${layer}`, sums);
        normed = sums.map((row) =>
          row.map((value, unit) => (gamma[unit] * (value - mean[unit])) / Math.sqrt(variance[unit] + 1e-3)),
        );
      }
      rows = normed.map((row) => row.map((value) => Math.max(0, value)));
    }
    return values;
  };
  return {
    layout,
    inside,
    *activations(weights, place) {
      const rows = inside(weights).get(place) ?? [];
      for (let start = 0; start < rows.length; start += BATCH) {
        yield Float32Array.from(rows.slice(start, start + BATCH).flat());
      }
    },
    random(seed) {
      const weights = Float32Array.from(numbers(seed, layout.size));
      for (const { name, offset, size } of layout.tensors) {
        if (!name.endsWith('variance') && !name.endsWith('gamma')) continue;
        for (let i = offset; i < offset + size; i++) weights[i] = 0.5 + Math.abs(weights[i]);
      }
      return weights;
    },
  };
}

function layoutFor(widths: readonly number[], norms: boolean): ModelLayout {
  const parts: [string, readonly number[]][] = [];
  for (let layer = 0; layer + 1 < widths.length; layer++) {
    const units = widths[layer + 1];
    parts.push([`d${layer}/kernel`, [widths[layer], units]], [`d${layer}/bias`, [units]]);
    if (!norms || layer + 2 >= widths.length) continue;
    for (const kind of ['gamma', 'moving_mean', 'moving_variance'])
      parts.push([`n${layer}/${kind}`, [units]]);
  }
  return layoutOfShapes(parts);
}

export function layoutOfShapes(parts: readonly (readonly [string, readonly number[]])[]): ModelLayout {
  let offset = 0;
  const tensors = parts.map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const tensor = { name, shape, offset, size };
    offset += size;
    return tensor;
  });
  return { tensors, size: offset };
}

function numbers(seed: string, count: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.float() + random.float() + random.float() - 1.5);
}

/** Mean and standard deviation of each column, in two passes. */
export function columnMoments(rows: readonly (readonly number[])[]) {
  const means = rows[0].map((_, unit) => rows.reduce((sum, row) => sum + row[unit], 0) / rows.length);
  const spreads = means.map((mean, unit) =>
    Math.sqrt(rows.reduce((sum, row) => sum + (row[unit] - mean) ** 2, 0) / rows.length),
  );
  return { means, spreads };
}

export function close(actual: ArrayLike<number>, expected: ArrayLike<number>, error: number): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert.ok(Math.abs(actual[i] - expected[i]) <= error, `${i}: ${actual[i]} is not ${expected[i]}`);
  }
}

export const floats = (...values: number[]): Float32Array => Float32Array.from(values);
