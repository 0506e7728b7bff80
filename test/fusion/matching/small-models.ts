// Small models with their symmetries for tests of matching, weights that are random or nearly the same, and plain forward
// passes. Written out by hand, so that nothing here depends on how specs are derived.
import type { Activations } from '../../../fusion/model-functions.ts';
import type { PermutationSpec } from '../../../fusion/symmetry/permutation-spec.ts';
import type { ModelLayout, Random } from '../../../fusion/types.ts';

export interface SmallModel {
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
}

export function layoutFrom(shapes: Readonly<Record<string, readonly number[]>>): ModelLayout {
  let offset = 0;
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const tensor = { name, shape, offset, size };
    offset += size;
    return tensor;
  });
  return { tensors, size: offset };
}

/** Dense layers of these widths, kernels [inputs, units], named like those of `layoutOf`. */
export function mlp(widths: readonly number[]): SmallModel {
  const layers = widths.slice(1).map((units, index) => ({ index, inputs: widths[index], units }));
  const shapes = layers.flatMap(({ index, inputs, units }) => [
    [`dense_${index}/kernel`, [inputs, units]],
    [`dense_${index}/bias`, [units]],
  ]);
  const permutations = layers.slice(0, -1).map(({ index, units }) => ({
    name: `hidden_${index}`,
    size: units,
    axes: [
      { tensor: `dense_${index}/kernel`, axis: 1 },
      { tensor: `dense_${index}/bias`, axis: 0 },
      { tensor: `dense_${index + 1}/kernel`, axis: 0 },
    ],
  }));
  const untouched = [`dense_${layers.length - 1}/bias`];
  return { layout: layoutFrom(Object.fromEntries(shapes)), spec: { permutations, untouched } };
}

/** Two convolutions with batch norm, [height, width, in, out], flattened channels last into a dense layer. */
export function convolutional(channels: number, pixels: number): SmallModel {
  const norm = (name: string) => ({
    [`${name}/scale`]: [channels],
    [`${name}/shift`]: [channels],
    [`${name}/mean`]: [channels],
    [`${name}/variance`]: [channels],
  });
  const layout = layoutFrom({
    conv_0: [3, 3, 3, channels],
    ...norm('norm_0'),
    conv_1: [3, 3, channels, channels],
    ...norm('norm_1'),
    dense: [pixels * channels, 10],
  });
  const normAxes = (name: string) => [
    { tensor: `${name}/scale`, axis: 0 },
    { tensor: `${name}/shift`, axis: 0 },
    { tensor: `${name}/mean`, axis: 0, isStatistic: true },
    { tensor: `${name}/variance`, axis: 0, isStatistic: true },
  ];
  const first = [{ tensor: 'conv_0', axis: 3 }, ...normAxes('norm_0'), { tensor: 'conv_1', axis: 2 }];
  const second = [
    { tensor: 'conv_1', axis: 3 },
    ...normAxes('norm_1'),
    { tensor: 'dense', axis: 0, repeats: pixels },
  ];
  const permutations = [
    { name: 'first', size: channels, axes: first },
    { name: 'second', size: channels, axes: second },
  ];
  return { layout, spec: { permutations, untouched: [] } };
}

/** A stem and residual blocks of two dense layers that all write to one stream. */
export function residual(width: number, blocks: number): SmallModel {
  const names = Array.from({ length: blocks }, (_, index) => `block_${index}`);
  const shapes = names.flatMap((name) => [
    [`${name}/in`, [width, width]],
    [`${name}/out`, [width, width]],
  ]);
  const layout = layoutFrom({ stem: [20, width], ...Object.fromEntries(shapes), head: [width, 10] });
  const stream = [
    { tensor: 'stem', axis: 1 },
    ...names.flatMap((name) => [
      { tensor: `${name}/in`, axis: 0 },
      { tensor: `${name}/out`, axis: 1 },
    ]),
    { tensor: 'head', axis: 0 },
  ];
  const inside = names.map((name) => ({
    name,
    size: width,
    axes: [
      { tensor: `${name}/in`, axis: 1 },
      { tensor: `${name}/out`, axis: 0 },
    ],
  }));
  const permutations = [{ name: 'stream', size: width, axes: stream }, ...inside];
  return { layout, spec: { permutations, untouched: [] } };
}

export interface TransformerSizes {
  readonly vocabulary: number;
  readonly width: number;
  readonly heads: number;
  readonly headWidth: number;
  readonly hidden: number;
}

/** One block: heads may change places, and inside each the units of queries with keys, and of values, may too. */
export function transformer({ vocabulary, width, heads, headWidth, hidden }: TransformerSizes): SmallModel {
  const inner = heads * headWidth;
  const layout = layoutFrom({
    embedding: [vocabulary, width],
    ...{ query: [width, inner], key: [width, inner], value: [width, inner], output: [inner, width] },
    ...{ norm: [width], up: [width, hidden], down: [hidden, width], head: [width, vocabulary] },
  });
  const numbers = Array.from({ length: heads }, (_, head) => head);
  const within = numbers.flatMap((head) => {
    const start = head * headWidth;
    const keys = [
      { tensor: 'query', axis: 1, start },
      { tensor: 'key', axis: 1, start },
    ];
    const values = [
      { tensor: 'value', axis: 1, start },
      { tensor: 'output', axis: 0, start },
    ];
    return [
      { name: `keys_${head}`, size: headWidth, axes: keys },
      { name: `values_${head}`, size: headWidth, axes: values },
    ];
  });
  const headAxes = [
    ...['query', 'key', 'value'].map((tensor) => ({ tensor, axis: 1, block: headWidth })),
    { tensor: 'output', axis: 0, block: headWidth },
  ];
  const stream = [
    { tensor: 'embedding', axis: 1 },
    ...['query', 'key', 'value', 'up'].map((tensor) => ({ tensor, axis: 0 })),
    ...['output', 'down'].map((tensor) => ({ tensor, axis: 1 })),
    ...['norm', 'head'].map((tensor) => ({ tensor, axis: 0 })),
  ];
  const ffn = [
    { tensor: 'up', axis: 1 },
    { tensor: 'down', axis: 0 },
  ];
  const permutations = [
    ...within,
    { name: 'heads', size: heads, axes: headAxes },
    { name: 'stream', size: width, axes: stream },
    { name: 'hidden', size: hidden, axes: ffn },
  ];
  return { layout, spec: { permutations, untouched: [] } };
}

/** A recurrent kernel [units, 4 · units] beside the kernel of the inputs: its units are on two axes of one tensor. */
export function recurrent(inputs: number, units: number): SmallModel {
  const layout = layoutFrom({
    kernel: [inputs, 4 * units],
    recurrent: [units, 4 * units],
    bias: [4 * units],
    head: [units, 5],
  });
  const axes = [
    { tensor: 'kernel', axis: 1, repeats: 4 },
    { tensor: 'recurrent', axis: 1, repeats: 4 },
    { tensor: 'recurrent', axis: 0 },
    { tensor: 'bias', axis: 0, repeats: 4 },
    { tensor: 'head', axis: 0 },
  ];
  return { layout, spec: { permutations: [{ name: 'units', size: units, axes }], untouched: [] } };
}

/** About normal: the sum of twelve uniforms has variance one. */
export function gaussian(random: Random): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random.float();
  return sum;
}

export function randomWeights({ layout }: SmallModel, random: Random): Float32Array {
  return Float32Array.from({ length: layout.size }, () => gaussian(random));
}

/** Each weight off by so many standard deviations of the unit normal ones. */
export function withNoise(weights: Float32Array, share: number, random: Random): Float32Array {
  return weights.map((weight) => weight + share * gaussian(random));
}

/** What every layer of an `mlp` puts out, ReLU between the layers, logits last. */
export function outputsOf(
  { layout }: SmallModel,
  weights: Float32Array,
  input: readonly number[],
): number[][] {
  const outputs: number[][] = [];
  let values = [...input];
  for (let at = 0; at < layout.tensors.length; at += 2) {
    const [kernel, bias] = [layout.tensors[at], layout.tensors[at + 1]];
    const isLast = at + 2 === layout.tensors.length;
    values = Array.from({ length: bias.size }, (_, unit) => {
      const sum = values.reduce(
        (total, value, index) => total + value * weights[kernel.offset + index * bias.size + unit],
        weights[bias.offset + unit],
      );
      return isLast ? sum : Math.max(0, sum);
    });
    outputs.push(values);
  }
  return outputs;
}

export function forward(model: SmallModel, weights: Float32Array, input: readonly number[]): number[] {
  return outputsOf(model, weights, input).at(-1) ?? [];
}

/** What the hidden layers of an `mlp` put out on these inputs, a few samples at a time. */
export function activationsOf(model: SmallModel, inputs: readonly number[][], batch: number): Activations {
  return function* (weights, place) {
    const layer = Number(place.split('_')[1]);
    for (let from = 0; from < inputs.length; from += batch) {
      const rows = inputs.slice(from, from + batch);
      yield Float32Array.from(rows.flatMap((input) => outputsOf(model, weights, input)[layer]));
    }
  };
}

export function randomInputs(count: number, width: number, random: Random): number[][] {
  return Array.from({ length: count }, () => Array.from({ length: width }, () => gaussian(random)));
}
