// Whether weight matching finds a permutation that was planted: a random model, the same with its units in random order, with and
// without noise on the weights. Exact means that every unit of every permutation is back in its place. Prints a table and fails
// where one is missed. Usage: node test/bench/fusion/planted.ts [instances]
import { matchWeights } from '../../../fusion/matching/weight-matching.ts';
import { layoutOf } from '../../../fusion/model-spec.ts';
import { createRandom } from '../../../fusion/random.ts';
import { permutationSpecOf } from '../../../fusion/symmetry/dense-model.ts';
import { inferSpec } from '../../../fusion/symmetry/infer.ts';
import type { PermutationSpec } from '../../../fusion/symmetry/permutation-spec.ts';
import { randomPermutations } from '../../../fusion/symmetry/permutations.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import type { ModelLayout, Random } from '../../../fusion/types.ts';
import { NORMED_CNN, RESIDUAL_NET } from './digit-images.ts';
import { digitSpec } from './digit-networks.ts';
import { holdAgainst, printHead, tableRow } from './table.ts';
import { openNetwork } from './trained-models.ts';

interface Planted {
  readonly name: string;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
}

const INSTANCES = Number(process.argv[2] ?? 100);
/** Standard deviation of the noise as a share of that of the tensor. */
const NOISES = [0, 0.2];
const STARTS = 10;

function models(): readonly Planted[] {
  const mlp = digitSpec([64, 64]);
  const images = [NORMED_CNN, RESIDUAL_NET].map((model): Planted => {
    const { layout } = openNetwork(model);
    return { name: model.title, layout, spec: model.specOf(layout) };
  });
  const block = transformerLayout({ width: 32, hidden: 128, tokens: 50, positions: 16 });
  return [
    { name: 'MLP 784-64-64-10', layout: layoutOf(mlp), spec: permutationSpecOf(mlp) },
    ...images,
    {
      name: 'transformer block, 4 heads of 8, hidden layer of 128, with embeddings',
      layout: block,
      spec: inferSpec(block, { heads: 4 }).spec,
    },
  ];
}

/** One block under the names of GPT-2. */
function transformerLayout(sizes: {
  readonly width: number;
  readonly hidden: number;
  readonly tokens: number;
  readonly positions: number;
}): ModelLayout {
  const { width, hidden, tokens, positions } = sizes;
  const shapes: readonly (readonly [string, readonly number[]])[] = [
    ['wte.weight', [tokens, width]],
    ['wpe.weight', [positions, width]],
    ['h.0.ln_1.weight', [width]],
    ['h.0.ln_1.bias', [width]],
    ['h.0.attn.c_attn.weight', [width, 3 * width]],
    ['h.0.attn.c_attn.bias', [3 * width]],
    ['h.0.attn.c_proj.weight', [width, width]],
    ['h.0.attn.c_proj.bias', [width]],
    ['h.0.ln_2.weight', [width]],
    ['h.0.ln_2.bias', [width]],
    ['h.0.mlp.c_fc.weight', [width, hidden]],
    ['h.0.mlp.c_fc.bias', [hidden]],
    ['h.0.mlp.c_proj.weight', [hidden, width]],
    ['h.0.mlp.c_proj.bias', [width]],
    ['ln_f.weight', [width]],
    ['ln_f.bias', [width]],
  ];
  let offset = 0;
  const tensors = shapes.map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const tensor = { name, shape, offset, size };
    offset += size;
    return tensor;
  });
  return { tensors, size: offset };
}

/** Standard deviation 1 over the root of the inputs of a unit, for all tensors alike but the statistics' scale. */
function randomModel(layout: ModelLayout, random: Random): Float32Array {
  const weights = new Float32Array(layout.size);
  for (const { name, shape, offset, size } of layout.tensors) {
    const stream = random.fork(name);
    const scale = shape.length < 2 ? 0.1 : Math.sqrt(shape[shape.length - 1] / size);
    for (let i = offset; i < offset + size; i++) weights[i] = scale * normal(stream);
  }
  return weights;
}

/** Box and Muller, 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
}

function withNoise(weights: Float32Array, planted: Planted, noise: { share: number; random: Random }) {
  const noisy = weights.slice();
  for (const { offset, size } of planted.layout.tensors) {
    let squares = 0;
    for (let i = offset; i < offset + size; i++) squares += weights[i] * weights[i];
    const scale = noise.share * Math.sqrt(squares / size);
    for (let i = offset; i < offset + size; i++) noisy[i] += scale * normal(noise.random);
  }
  return noisy;
}

/** Instances that were found, by the best of so many starts. */
function found(planted: Planted, share: number, starts: number): number {
  const { name, layout, spec } = planted;
  let count = 0;
  for (let instance = 0; instance < INSTANCES; instance++) {
    const random = createRandom(`${name} ${instance}`);
    const reference = randomModel(layout, random);
    const permutations = randomPermutations(spec, random.fork('planted'));
    const moved = permuteModel({ weights: reference, layout, spec, permutations });
    const model = withNoise(moved, planted, { share, random: random.fork('noise') });
    const matching = matchWeights({ reference, model, layout, spec, random: random.fork('match'), starts });
    const back = permuteModel({ weights: moved, layout, spec, permutations: matching.permutations });
    if (back.every((value, i) => value === reference[i])) count++;
  }
  return count;
}

console.log(`Of ${INSTANCES} random models of each kind, by weight matching: found exactly.\n`);
printHead('model', 'parameters', 'permutations', 'noise', 'from one start', `best of ${STARTS}`);
for (const planted of models()) {
  for (const share of NOISES) {
    const counts = [1, STARTS].map((starts) => found(planted, share, starts));
    const { name, layout, spec } = planted;
    console.log(tableRow(name, layout.size, spec.permutations.length, `${100 * share} %`, ...counts));
    holdAgainst({ name: `${name}, noise ${share}`, value: counts[1], min: INSTANCES });
  }
}
