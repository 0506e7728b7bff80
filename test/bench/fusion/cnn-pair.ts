// Two small CNNs from different seeds on the first 10,000 real digits: the line between them as they are, aligned by weights and
// by activations, and repaired. Prints a table and fails where the bar is missed. Usage: node test/bench/fusion/cnn-pair.ts
import { applyRepairGoals, interpolateGoals, repairGoals } from '../../../fusion/repair/repair.ts';
import { SMALL_CNN } from './digit-images.ts';
import { alignedBy, LINE_HEAD, openPair, PROBES, STARTS, walkLine } from './image-pair.ts';
import { holdAgainst, printHead } from './table.ts';
import { IMAGE_EPOCHS } from './trained-models.ts';

/** Loss barrier and share of accuracy, matched by weights and repaired. */
const BARRIER_MAX = 0.035;
const LOST_MAX = 0.01;

const pair = await openPair(SMALL_CNN, ['1', '2']);
const { layout, preActivations } = pair;
console.log(
  `${SMALL_CNN.title}: 3 × 3, ReLU, 2 × 2 max pooling; Adam 1e-3, batches of 100, ${IMAGE_EPOCHS} epochs, seeds`,
);
console.log(
  `1 and 2. Weights: best of ${STARTS} orders by the objective. Activations: correlation over ${PROBES}`,
);
console.log(
  'training digits. Scored on the 10,000 test digits at 11 places of the line. The bar is for weights and REPAIR.\n',
);
printHead(...LINE_HEAD);
walkLine(pair, { name: 'as it is', to: pair.to });
const byWeights = alignedBy(pair, 'weights');
walkLine(pair, { name: 'matched by weights', to: byWeights });
const repaired = walkLine(pair, {
  name: 'matched by weights, REPAIR',
  to: byWeights,
  repair: repairedOnLine(byWeights),
});
const byActivations = alignedBy(pair, 'activations');
walkLine(pair, { name: 'matched by activations', to: byActivations });
walkLine(pair, {
  name: 'matched by activations, REPAIR',
  to: byActivations,
  repair: repairedOnLine(byActivations),
});
const { name, barrier, lost } = repaired;
holdAgainst({ name: `loss barrier, ${name}`, value: barrier, max: BARRIER_MAX });
holdAgainst({ name: `accuracy lost, ${name}`, value: lost, max: LOST_MAX });

/** REPAIR at each place of the line, towards goals between those of the ends. */
function repairedOnLine(end: Float32Array) {
  const goalsOf = (model: Float32Array) => repairGoals({ layout, ends: [model], preActivations });
  const [from, to] = [goalsOf(pair.from), goalsOf(end)];
  return (merged: Float32Array, t: number) =>
    applyRepairGoals({ layout, merged, preActivations, goals: interpolateGoals({ from, to, t }) }).weights;
}
