// Operations of TensorFlow.js with gradients of our own, for the WASM backend with our kernels.
import * as tf from '@tensorflow/tfjs-core';
import { LearningError } from '../errors.ts';
import { DENSE, DENSE_GRADIENT, SOFTMAX_CROSS_ENTROPY } from './tensor-kernels.ts';

/**
 * activation(inputs · kernel + bias): inputs [samples, n], kernel [n, units], bias [units] → [samples, units]. The
 * gradient goes through activation and bias in one pass, and through the product in two.
 */
export function dense(
  inputs: tf.Tensor2D,
  kernel: tf.Tensor2D,
  layer: { readonly bias: tf.Tensor1D; readonly activation: 'linear' | 'relu' | 'tanh' },
): tf.Tensor2D {
  const { bias, activation } = layer;
  const operation = tf.customGrad((a, b, offset, save) => {
    const value = run(DENSE, { a: tensor(a), b: tensor(b), bias: tensor(offset) }, { activation })[0];
    (save as tf.GradSaveFunc)([tensor(a), tensor(b), value]);
    const gradFunc = (gradient: tf.Tensor, saved: tf.Tensor[]) => {
      const [left, right, output] = saved;
      const [sums, biasGradient] = run(DENSE_GRADIENT, { gradient, output }, { activation });
      return [tf.matMul(sums, right, false, true), tf.matMul(left, sums, true, false), biasGradient];
    };
    return { value, gradFunc };
  });
  return operation(inputs, kernel, bias) as tf.Tensor2D;
}

/**
 * Mean of −log softmax(logits)[label] over the samples, in nats: logits [samples, classes], labels [samples] of type
 * int32. Loss and gradient are one pass. Throws a LearningError for a label that is no class.
 */
export function softmaxCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  const classes = logits.shape[1];
  const values = labels.dataSync<'int32'>();
  const wrong = values.findIndex((label) => label < 0 || label >= classes);
  if (labels.dtype !== 'int32' || labels.shape[0] !== logits.shape[0] || wrong >= 0) {
    const text =
      wrong >= 0
        ? `label ${values[wrong]} of sample ${wrong} is no class: there are ${classes}`
        : `labels are int32 [${logits.shape[0]}], not ${labels.dtype} [${labels.shape}]`;
    throw new LearningError('MELDMESH_LEARNING_LABEL', text);
  }
  const operation = tf.customGrad((scores, save) => {
    const [value, gradient] = run(SOFTMAX_CROSS_ENTROPY, { logits: tensor(scores), labels });
    (save as tf.GradSaveFunc)([gradient]);
    return { value, gradFunc: (by: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0], by) };
  });
  return operation(logits) as tf.Scalar;
}

function run(kernel: string, inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap = {}): tf.Tensor[] {
  const outputs = tf.engine().runKernel<tf.Tensor | tf.Tensor[]>(kernel, inputs, attrs);
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** The types of `customGrad` say that an argument may also be the function that saves. */
function tensor(argument: tf.Tensor | tf.GradSaveFunc): tf.Tensor {
  return argument as tf.Tensor;
}
