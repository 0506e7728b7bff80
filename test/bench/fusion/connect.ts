// The trained connector between two networks that know nothing of one another: MLPs of width 128 × 2 from different seeds
// on the first 10,000 real digits. Worst loss on the straight line, as they are and aligned, and on a Bezier curve with
// one bend, on the 10,000 test digits. Prints a table and fails where the bar is missed. Usage: node
// test/bench/fusion/connect.ts [pairs]
import {
  createRandom,
  layoutOf,
  lossBarrier,
  matchWeights,
  permutationSpecOf,
  permuteModel,
  profilePath,
  trainBezier,
} from '../../../fusion/index.ts';
import { digitSpec, openDigits, trainDigits } from './digit-networks.ts';

const CURVE_EPOCHS = 20;
const CURVE_RATE = 1e-3;
const POINTS = 61;
/** Worst loss on the curve, as a multiple of the worse end. */
const WORST_MAX = 1.1;

const spec = digitSpec([128, 128]);
const layout = layoutOf(spec);
const permutationSpec = permutationSpecOf(spec);
const { evaluate, gradient, stepsPerEpoch } = await openDigits(spec, 'connect');

console.log(
  '| seeds | worse end | naive barrier | points lost | aligned barrier | points lost | curve, worst | of the worse end | seconds |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
const misses: string[] = [];
for (let pair = 0; pair < Number(process.argv[2] ?? 3); pair++) {
  const seeds = [`${2 * pair + 1}`, `${2 * pair + 2}`];
  const [from, to] = [await trainDigits(spec, seeds[0]), await trainDigits(spec, seeds[1])];
  const matching = matchWeights({
    reference: from,
    model: to,
    layout,
    spec: permutationSpec,
    random: createRandom(`match ${pair}`),
    starts: 10,
  });
  const aligned = permuteModel({ weights: to, layout, spec: permutationSpec, ...matching });
  const [naive, matched] = [to, aligned].map((end) => lossBarrier({ from, to: end, evaluate }));
  const startMs = performance.now();
  const { path } = trainBezier({
    from,
    to,
    gradient,
    steps: CURVE_EPOCHS * stepsPerEpoch,
    rate: CURVE_RATE,
    rule: { kind: 'adam' },
    random: createRandom(`curve ${pair}`),
  });
  const seconds = (performance.now() - startMs) / 1_000;
  const { start, end, worst } = profilePath(path, { evaluate, points: POINTS });
  const worse = Math.max(start.loss, end.loss);
  const ratio = worst.loss / worse;
  if (ratio > WORST_MAX) misses.push(`seeds ${seeds.join(' and ')}: ${ratio.toFixed(3)}`);
  const points = (drop: number | undefined) => (100 * (drop ?? Number.NaN)).toFixed(2);
  const cells = [
    seeds.join(', '),
    worse.toFixed(4),
    naive.aboveMean.toFixed(4),
    points(naive.accuracyDrop),
    matched.aboveMean.toFixed(4),
    points(matched.accuracyDrop),
    worst.loss.toFixed(4),
    ratio.toFixed(3),
    seconds.toFixed(1),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
if (misses.length > 0) {
  console.error(`above ${WORST_MAX}: ${misses.join('; ')}`);
  process.exitCode = 1;
}
