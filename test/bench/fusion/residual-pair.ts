// Two small residual nets with batch norm from different seeds on the first 10,000 real digits: the line between them as they are,
// matched by activations, without and with their statistics measured anew at every place. Prints a table and fails
// where a step does not help. Usage: node test/bench/fusion/residual-pair.ts

import { createRandom } from '../../../fusion/random.ts';
import { reestimateBatchNorm } from '../../../fusion/repair/batch-norm.ts';
import { proveSpec } from '../../../fusion/symmetry/prove.ts';
import { RESIDUAL_NET } from './digit-images.ts';
import { alignedBy, LINE_HEAD, type Line, openPair, PROBES, walkLine } from './image-pair.ts';
import { holdAgainst, printHead } from './table.ts';
import { IMAGE_EPOCHS } from './trained-models.ts';

/** Largest difference of a logit that the permutation alone may make, as a share of the largest logit. */
const DIFFERENCE_MAX = 1e-4;

const pair = await openPair(RESIDUAL_NET, ['1', '2']);
const { layout, spec, to: weights, logits } = pair;

const reset = (merged: Float32Array): Float32Array =>
  reestimateBatchNorm({ layout, weights: merged, inputsOf: pair.preActivations }).weights;

/** As it is, then with its statistics measured anew at every place, ends included. */
function walkTwice(name: string, to: Float32Array): { readonly plain: Line; readonly reset: Line } {
  return {
    plain: walkLine(pair, { name, to }),
    reset: walkLine(pair, { name: `${name}, statistics measured anew`, to, repair: reset }),
  };
}

console.log(`The ${RESIDUAL_NET.title}; Adam 1e-3, batches of 100, ${IMAGE_EPOCHS} epochs, seeds 1 and 2.`);
console.log(`Activations, by their correlation, and statistics are those of ${PROBES} training digits.`);
console.log('Scored on the 10,000 test digits at 11 places of the line.\n');
printHead(...LINE_HEAD);
const naive = walkTwice('as it is', pair.to);
const matched = walkTwice('matched by activations', alignedBy(pair, 'activations'));
walkLine(pair, {
  name: 'matched by activations, then by weights, statistics measured anew',
  to: alignedBy(pair, 'activations, then weights'),
  repair: reset,
});
const { largestDifference } = proveSpec({
  weights,
  layout,
  spec,
  outputs: logits,
  random: createRandom('proof'),
});
console.log(
  `\nRandom permutations alone move no logit by more than ${largestDifference.toExponential(1)} of the largest.`,
);
holdAgainst({ name: 'difference by permuting', value: largestDifference, max: DIFFERENCE_MAX });
holdAgainst({ name: 'accuracy lost, matched', value: matched.plain.lost, max: naive.plain.lost });
holdAgainst({
  name: 'accuracy lost, matched and measured',
  value: matched.reset.lost,
  max: matched.plain.lost,
});
