// Batch norm over the channels of a map, forward and backward (Ioffe and Szegedy 2015, algorithms 1 and 2).
import type { NetworkDraft } from './network-draft.ts';
import { type Room, type Step, sizeOf, type Value } from './value.ts';

/** Defaults of TensorFlow.js but for the momentum, since runs here are short. */
const EPSILON = 1e-3;
const MOMENTUM = 0.9;

/** Scale gamma, shift beta, moving_mean and moving_variance, [channels] each. */
export function batchNorm(draft: NetworkDraft, name: string, from: Value): Value {
  const { channels } = from.shape;
  const [gamma, beta, mean, variance] = ['gamma', 'beta', 'moving_mean', 'moving_variance'].map((kind) =>
    draft.tensor(`${name}/${kind}`, [channels]),
  );
  draft.preActivations.set(name, [from]);
  return draft.step(from.shape, (to) => (room) => {
    const weightsOf = ({ offset }: { readonly offset: number }) =>
      room.floats(room.weightsAt + 4 * offset, channels);
    const gradientOf = ({ offset }: { readonly offset: number }) =>
      room.floats(room.gradientAt + 4 * offset, channels);
    return normStep({
      room,
      from,
      to,
      gamma: weightsOf(gamma),
      beta: weightsOf(beta),
      movingMean: weightsOf(mean),
      movingVariance: weightsOf(variance),
      gammaGradient: gradientOf(gamma),
      betaGradient: gradientOf(beta),
    });
  });
}

interface Norm {
  readonly room: Room;
  readonly from: Value;
  readonly to: Value;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly movingMean: Float32Array;
  readonly movingVariance: Float32Array;
  readonly gammaGradient: Float32Array;
  readonly betaGradient: Float32Array;
}

function normStep(norm: Norm): Step {
  const { room, from, to, gamma, beta, movingMean, movingVariance } = norm;
  const { channels } = from.shape;
  const size = sizeOf(from.shape);
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  return {
    forward(samples, isTraining) {
      const input = room.floats(from.at, samples * size);
      const output = room.floats(to.at, samples * size);
      if (isTraining) {
        momentsOf(input, mean, variance);
        for (let c = 0; c < channels; c++) {
          movingMean[c] = MOMENTUM * movingMean[c] + (1 - MOMENTUM) * mean[c];
          movingVariance[c] = MOMENTUM * movingVariance[c] + (1 - MOMENTUM) * variance[c];
        }
      } else {
        mean.set(movingMean);
        variance.set(movingVariance);
      }
      const scale = variance.map((value, c) => gamma[c] / Math.sqrt(value + EPSILON));
      for (let row = 0; row < input.length; row += channels)
        for (let c = 0; c < channels; c++) output[row + c] = (input[row + c] - mean[c]) * scale[c] + beta[c];
    },
    backward: (samples) => backward(norm, { samples, mean, variance }),
  };
}

interface Batch {
  readonly samples: number;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

function backward(norm: Norm, { samples, mean, variance }: Batch): void {
  const { room, from, to, gamma, gammaGradient, betaGradient } = norm;
  const { channels } = from.shape;
  const size = sizeOf(from.shape);
  const input = room.floats(from.at, samples * size);
  const gradient = room.floats(to.gradientAt, samples * size);
  const inputGradient = room.floats(from.gradientAt, samples * size);
  const inverse = variance.map((value) => 1 / Math.sqrt(value + EPSILON));
  const scaleSums = new Float64Array(channels);
  const shiftSums = new Float64Array(channels);
  for (let row = 0; row < input.length; row += channels) {
    for (let c = 0; c < channels; c++) {
      shiftSums[c] += gradient[row + c];
      scaleSums[c] += gradient[row + c] * (input[row + c] - mean[c]) * inverse[c];
    }
  }
  const count = input.length / channels;
  for (let row = 0; row < input.length; row += channels) {
    for (let c = 0; c < channels; c++) {
      const normed = (input[row + c] - mean[c]) * inverse[c];
      const own = gradient[row + c] - (shiftSums[c] + normed * scaleSums[c]) / count;
      inputGradient[row + c] += gamma[c] * inverse[c] * own;
    }
  }
  gammaGradient.set(scaleSums);
  betaGradient.set(shiftSums);
}

/** Mean and variance of the population, by channel, in two passes. */
function momentsOf(rows: Float32Array, mean: Float64Array, variance: Float64Array): void {
  const channels = mean.length;
  const count = rows.length / channels;
  mean.fill(0);
  variance.fill(0);
  for (let row = 0; row < rows.length; row += channels)
    for (let c = 0; c < channels; c++) mean[c] += rows[row + c];
  for (let c = 0; c < channels; c++) mean[c] /= count;
  for (let row = 0; row < rows.length; row += channels) {
    for (let c = 0; c < channels; c++) {
      const offset = rows[row + c] - mean[c];
      variance[c] += offset * offset;
    }
  }
  for (let c = 0; c < channels; c++) variance[c] /= count;
}
