// The layers of a checkpoint without a known architecture, gathered from the names of its tensors: what has a kernel,
// and the norms between. It knows endings of names, not their order in the network.
import { FusionError } from '../../errors.ts';
import type { ModelLayout, TensorLayout } from '../../types.ts';
import { listed } from '../check.ts';
import { type Dialect, TFJS, TORCH } from '../dialect.ts';

export interface PlainLayer {
  readonly name: string;
  /** Shape of what has two axes or more; of a norm, the one axis of its scale or shift. */
  readonly shape: readonly number[];
  readonly kind: 'dense' | 'convolution' | 'depthwise' | 'norm';
  readonly bias: number | undefined;
  /** Batch norm. Group norm and layer norm have none, and look alike. */
  readonly hasStatistics: boolean;
}

export interface PlainLayers {
  readonly kernels: readonly PlainLayer[];
  readonly norms: readonly PlainLayer[];
  /** By the names; the axes are another matter. */
  readonly dialect: Dialect;
}

const ENDING =
  /^(.*)([./](?:weight|kernel|depthwise_kernel|bias|gamma|beta|running_mean|running_var|moving_mean|moving_variance|num_batches_tracked))$/;
/** Words for what shapes do not show: that values also take another way, or come back. */
const NOT_A_STACK = /(residual|shortcut|skip|downsample|identity|attn|attention|lstm|gru|rnn|embed)/i;

/**
 * Throws `MELDMESH_FUSION_SPEC`, naming tensors, where a name has no known ending or tells of more than a stack of
 * layers, and where endings of PyTorch and TensorFlow.js are mixed.
 */
export function plainLayersOf(layout: ModelLayout): PlainLayers {
  const strange = layout.tensors.filter(({ name }) => !ENDING.test(name) || NOT_A_STACK.test(name));
  if (strange.length > 0)
    throw refusal(
      `tensor ${listed(strange.map(({ name }) => name))} is not of a plain stack of dense layers and convolutions`,
    );
  const byLayer = new Map<string, Map<string, TensorLayout>>();
  for (const tensor of layout.tensors) {
    const [, layer, ending] = ENDING.exec(tensor.name) ?? [];
    const endings = byLayer.get(layer) ?? new Map<string, TensorLayout>();
    byLayer.set(layer, endings.set(ending, tensor));
  }
  const endings = [...byLayer.values()].flatMap((each) => [...each.keys()]);
  const dialect = endings.some((ending) => ending.startsWith('/')) ? TFJS : TORCH;
  const known = new Set([
    ...[dialect.kernel, dialect.bias, dialect.scale, dialect.shift, ...dialect.statistics],
    ...(dialect === TFJS ? ['/depthwise_kernel'] : ['.num_batches_tracked']),
  ]);
  const foreign = layout.tensors.filter(({ name }) => !known.has(ENDING.exec(name)?.[2] ?? ''));
  if (foreign.length > 0)
    throw refusal(`tensor ${listed(foreign.map(({ name }) => name))} follows other names than the rest`);
  const layers = [...byLayer].map(([name, tensors]) => layerOf(name, tensors, dialect));
  const isNorm = ({ kind }: PlainLayer): boolean => kind === 'norm';
  return { kernels: layers.filter((layer) => !isNorm(layer)), norms: layers.filter(isNorm), dialect };
}

function layerOf(name: string, tensors: ReadonlyMap<string, TensorLayout>, dialect: Dialect): PlainLayer {
  const depthwise = tensors.get('/depthwise_kernel');
  const kernel = depthwise ?? tensors.get(dialect.kernel);
  const bias = tensors.get(dialect.bias)?.size;
  const hasStatistics = dialect.statistics.some((ending) => tensors.has(ending));
  const common = { name, bias, hasStatistics };
  if (kernel !== undefined && kernel.shape.length > 1) {
    const kind = depthwise ? 'depthwise' : kernel.shape.length === 2 ? 'dense' : 'convolution';
    return { ...common, shape: kernel.shape, kind };
  }
  const affine = tensors.get(dialect.scale) ?? tensors.get(dialect.shift);
  if (affine?.shape.length !== 1)
    throw refusal(
      `tensor ${listed([...tensors.values()].map((tensor) => tensor.name))} is of no known layer`,
    );
  return { ...common, shape: affine.shape, kind: 'norm' };
}

function refusal(message: string): FusionError {
  return new FusionError('MELDMESH_FUSION_SPEC', message);
}
