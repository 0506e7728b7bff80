// Pairs of MLPs from different seeds on the first 10,000 real digits: the line between them as they are and with the second one's
// units matched by weights, best of ten orders by the objective. Prints a table and fails where a bar is missed.
// Usage: node test/bench/fusion/mlp-pairs.ts [pairs of width 128, default 3]
import { type Barrier, lossBarrier } from '../../../fusion/connectivity/barrier.ts';
import { matchWeights } from '../../../fusion/matching/weight-matching.ts';
import { layoutOf } from '../../../fusion/model-spec.ts';
import { createRandom } from '../../../fusion/random.ts';
import { permutationSpecOf } from '../../../fusion/symmetry/dense-model.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import { kernelProduct } from '../../../learning/kernel-product.ts';
import { digitSpec, type FirstWeights, openDigits, trainDigits } from './digit-networks.ts';
import { holdAgainst, points, printHead, tableRow } from './table.ts';

const STARTS = 10;

interface Pair {
  readonly hidden: readonly number[];
  readonly first: FirstWeights;
  readonly seeds: readonly [string, string];
}

/** Aligned, width 128. */
const BARRIER_MAX = 0.005;
const LOST_MAX = 0.01;
/** Aligned midpoint, width 512. */
const MIDDLE_LOST_MAX = 0.002;

const NARROW = [128, 128];
const WIDE = [512, 512, 512];
const pairs: readonly Pair[] = [
  ...Array.from({ length: Number(process.argv[2] ?? 3) }, (_, k): Pair => {
    return { hidden: NARROW, first: 'torch', seeds: [`${2 * k + 1}`, `${2 * k + 2}`] };
  }),
  { hidden: WIDE, first: 'torch', seeds: ['1', '2'] },
  { hidden: NARROW, first: 'glorot', seeds: ['1', '2'] },
  { hidden: WIDE, first: 'glorot', seeds: ['1', '2'] },
];

async function measure({ hidden, first, seeds }: Pair) {
  const spec = digitSpec(hidden);
  const layout = layoutOf(spec);
  const symmetries = permutationSpecOf(spec);
  const [from, to] = [await trainDigits(spec, seeds[0], first), await trainDigits(spec, seeds[1], first)];
  const { evaluate } = await openDigits(spec, 'pairs');
  const models = { reference: from, model: to, layout, spec: symmetries };
  const random = createRandom('match');
  const { permutations } = matchWeights({ ...models, random, starts: STARTS, product: kernelProduct() });
  const aligned = permuteModel({ weights: to, layout, spec: symmetries, permutations });
  return {
    naive: lossBarrier({ from, to, evaluate }),
    aligned: lossBarrier({ from, to: aligned, evaluate }),
  };
}

interface Middle {
  readonly loss: number;
  /** Share of accuracy below the mean of the ends. */
  readonly lost: number;
}

function middleOf({ points: places }: Barrier): Middle {
  const [start, end, middle] = [places[0], places[places.length - 1], places[(places.length - 1) / 2]];
  const share = (place: { readonly accuracy?: number }) => place.accuracy ?? Number.NaN;
  return { loss: middle.loss, lost: (share(start) + share(end)) / 2 - share(middle) };
}

function judge({ hidden, first, seeds }: Pair, aligned: Barrier): void {
  if (first === 'glorot') return;
  const name = `width ${hidden[0]}, seeds ${seeds.join(' and ')}, aligned`;
  const middle = middleOf(aligned);
  if (hidden === WIDE) {
    const lowerEnd = Math.min(aligned.points[0].loss, aligned.points[aligned.points.length - 1].loss);
    holdAgainst({ name: `${name}, middle`, value: middle.loss, max: lowerEnd });
    holdAgainst({ name: `${name}, accuracy lost in the middle`, value: middle.lost, max: MIDDLE_LOST_MAX });
    return;
  }
  holdAgainst({ name: `${name}, loss barrier`, value: aligned.barrier, max: BARRIER_MAX });
  holdAgainst({ name: `${name}, accuracy lost`, value: aligned.accuracyDrop ?? 1, max: LOST_MAX });
}

console.log(
  '784-128-128-10 and 784-512-512-512-10, Adam 1e-3, batches of 100, 40 epochs; scored on the 10,000 test digits at 25',
);
console.log(
  `places of the line. Weight matching: best of ${STARTS} orders by the objective, which never sees a digit.`,
);
console.log(
  'First weights `torch`: uniform within 1 / √inputs; `glorot`: as meshes here begin, for comparison. Bars are for `torch`.\n',
);
printHead(
  'hidden layers',
  'first weights',
  'seeds',
  'loss of the ends',
  'naive: barrier',
  'points lost',
  'aligned: barrier',
  'points lost',
  'loss in the middle',
  'points lost there',
);
for (const pair of pairs) {
  const { naive, aligned } = await measure(pair);
  const ends = [aligned.points[0], aligned.points[aligned.points.length - 1]];
  const middle = middleOf(aligned);
  const { hidden, first, seeds } = pair;
  console.log(
    tableRow(
      `${hidden[0]} × ${hidden.length}`,
      first,
      seeds.join(', '),
      ends.map(({ loss }) => loss.toFixed(3)).join(' / '),
      naive.barrier.toFixed(4),
      points(naive.accuracyDrop),
      aligned.barrier.toFixed(4),
      points(aligned.accuracyDrop),
      middle.loss.toFixed(4),
      points(middle.lost),
    ),
  );
  judge(pair, aligned);
}
