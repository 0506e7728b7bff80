// A stack of dense layers that some other program trained, as a model of our own: which kernel follows which, and on
// which axis its units lie, is read off its symmetries. What activations it has no file says. It runs nothing.
import {
  type DenseSpec,
  denseSpecSchema,
  inferSpec,
  layoutOf,
  type ModelLayout,
  type PermutationSpec,
  type TensorLayout,
} from '../../fusion/index.ts';
import type { Checkpoint } from '../align/checkpoint.ts';
import { CliError } from '../errors.ts';

export interface ForeignWords {
  /** Of the kernels; absent: told by the shapes. */
  readonly layout: 'torch' | 'tfjs' | undefined;
  /** Of all hidden layers. */
  readonly activation: 'relu' | 'tanh';
}

export interface DenseModel {
  readonly spec: DenseSpec;
  /** Flat float32 in the order of the spec's layout. */
  readonly weights: Float32Array;
}

/** A kernel in its place. */
interface Link {
  readonly kernel: TensorLayout;
  readonly bias: TensorLayout;
  /** Axis of the kernel on which its units lie. */
  readonly unitAxis: number;
}

/** @throws CliError MELDMESH_MODEL_FILE; FusionError where shapes fit several layouts or orders */
export function denseModelOf(checkpoint: Checkpoint, words: ForeignWords): DenseModel {
  const { path, layout } = checkpoint;
  const strange = layout.tensors.find(({ shape }) => shape.length !== 1 && shape.length !== 2);
  if (strange !== undefined) throw notDense(path, `${strange.name} has ${strange.shape.length} axes`);
  const links = linksOf(checkpoint, inferSpec(layout, { layout: words.layout }).spec);
  const last = links.length - 1;
  const parsed = denseSpecSchema.safeParse({
    kind: 'dense',
    inputs: links[0].kernel.shape[1 - links[0].unitAxis],
    layers: links.map(({ bias }, i) => ({
      units: bias.size,
      activation: i === last ? 'linear' : words.activation,
    })),
    loss: 'softmax-cross-entropy',
  });
  if (!parsed.success) throw notDense(path, parsed.error.issues[0].message);
  return { spec: parsed.data, weights: flatOf(checkpoint, links, layoutOf(parsed.data)) };
}

/** From the inputs on: the kernel that writes the units of a permutation is the one whose bias moves with them. */
function linksOf({ path, layout }: Checkpoint, spec: PermutationSpec): readonly Link[] {
  const kernels = layout.tensors.filter(({ shape }) => shape.length === 2);
  if (kernels.length < 2) throw notDense(path, 'it has no hidden layer');
  const found = new Map<string, Link>();
  const readers = new Map<string, { readonly kernel: string; readonly axis: number }>();
  for (const { name, axes } of spec.permutations) {
    const bias = axes.flatMap(({ tensor }) => layout.tensors.find(isVector(tensor)) ?? []);
    const sides = axes.filter(({ tensor }) => kernels.some((each) => each.name === tensor));
    const writer = sides.find(({ tensor }) => bias.length === 1 && stemOf(tensor) === stemOf(bias[0].name));
    const reader = sides.find((side) => side !== writer);
    const kernel = kernels.find((each) => each.name === writer?.tensor);
    if (kernel === undefined || writer === undefined || reader === undefined || sides.length !== 2)
      throw notDense(path, `the units of ${name} do not go from one kernel with a bias to another kernel`);
    found.set(kernel.name, { kernel, bias: bias[0], unitAxis: writer.axis });
    readers.set(kernel.name, { kernel: reader.tensor, axis: reader.axis });
  }
  return inOrder(path, { layout, kernels, found, readers });
}

function inOrder(
  path: string,
  parts: {
    readonly layout: ModelLayout;
    readonly kernels: readonly TensorLayout[];
    readonly found: ReadonlyMap<string, Link>;
    readonly readers: ReadonlyMap<string, { readonly kernel: string; readonly axis: number }>;
  },
): readonly Link[] {
  const { layout, kernels, found, readers } = parts;
  const read = new Set([...readers.values()].map(({ kernel }) => kernel));
  const links: Link[] = [];
  let at = kernels.find(({ name }) => !read.has(name));
  while (at !== undefined && links.length < kernels.length) {
    const { name } = at;
    const before = [...readers.values()].find(({ kernel }) => kernel === name);
    const link = found.get(name) ?? lastLink(layout, at, before?.axis);
    if (link === undefined) throw notDense(path, `${name} has no bias of its units`);
    links.push(link);
    const next = readers.get(name)?.kernel;
    at = kernels.find((each) => each.name === next);
  }
  const used = links.length * 2;
  if (used !== layout.tensors.length)
    throw notDense(path, `${layout.tensors.length} tensors are not ${links.length} layers with a bias each`);
  return links;
}

/** Its units are the classes, which nothing moves; they lie where its inputs do not. */
function lastLink(
  layout: ModelLayout,
  kernel: TensorLayout,
  inputAxis: number | undefined,
): Link | undefined {
  if (inputAxis === undefined) return undefined;
  const unitAxis = 1 - inputAxis;
  const bias = layout.tensors.find(
    ({ name, shape }) => shape.length === 1 && stemOf(name) === stemOf(kernel.name),
  );
  return bias?.size === kernel.shape[unitAxis] ? { kernel, bias, unitAxis } : undefined;
}

/** Kernels as [inputs, units], turned where the file has them the other way round. */
function flatOf({ weights }: Checkpoint, links: readonly Link[], layout: ModelLayout): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const [i, { kernel, bias, unitAxis }] of links.entries()) {
    const [to, toBias] = layout.tensors.slice(2 * i);
    const [inputs, units] = to.shape;
    const [inputStep, unitStep] = unitAxis === 1 ? [units, 1] : [1, inputs];
    for (let input = 0; input < inputs; input++) {
      for (let unit = 0; unit < units; unit++) {
        const from = kernel.offset + input * inputStep + unit * unitStep;
        flat[to.offset + input * units + unit] = weights[from];
      }
    }
    flat.set(weights.subarray(bias.offset, bias.offset + bias.size), toBias.offset);
  }
  return flat;
}

function isVector(name: string) {
  return (tensor: TensorLayout): boolean => tensor.name === name && tensor.shape.length === 1;
}

function stemOf(name: string): string {
  return name.replace(/[/.][^/.]*$/, '');
}

function notDense(path: string, reason: string): CliError {
  return new CliError('MELDMESH_MODEL_FILE', `${path} is no plain stack of dense layers: ${reason}`, {
    hint: 'Give a file that `meldmesh mesh --out` wrote, one of dense layers with biases, or --manifest',
  });
}
