// Small convolutional and recurrent networks in PyTorch and in TensorFlow.js layout, as slow obvious functions of their
// tensors.
import {
  addMaps,
  batchNorm,
  channelsFirst,
  channelsLast,
  convolution,
  depthwiseConvolution,
  type FeatureMap,
  globalMean,
  groupNorm,
  linear,
  mapPixels,
  relu,
  sigmoid,
  type Vector,
} from './layers.ts';
import { picture, rows, type Shapes, type Tensors, type TinyNetwork } from './tiny-model.ts';

const torchNorm = (layer: string, size: number): Shapes => ({
  [`${layer}.weight`]: [size],
  [`${layer}.bias`]: [size],
  [`${layer}.running_mean`]: [size],
  [`${layer}.running_var`]: [size],
});

const normed = (t: Tensors, layer: string, x: FeatureMap): FeatureMap =>
  batchNorm(x, {
    scale: t(`${layer}.weight`),
    shift: t(`${layer}.bias`),
    mean: t(`${layer}.running_mean`),
    variance: t(`${layer}.running_var`),
  });

const classes = (t: Tensors, layer: string, x: Vector): number[] =>
  linear(x, { kernel: t(`${layer}.weight`), bias: t(`${layer}.bias`), isOutputFirst: true });

/** [784, …] in small: three dense layers in our own layout. */
export const MLP: TinyNetwork = {
  name: 'mlp',
  shapes: {
    'dense_0/kernel': [5, 7],
    'dense_0/bias': [7],
    'dense_1/kernel': [7, 6],
    'dense_1/bias': [6],
    'dense_2/kernel': [6, 3],
    'dense_2/bias': [3],
  },
  forward: (t) =>
    rows(4, 5).flatMap((row) =>
      [0, 1, 2].reduce<Vector>((x, layer) => {
        const kernel = t(`dense_${layer}/kernel`);
        const y = linear(x, { kernel, bias: t(`dense_${layer}/bias`), isOutputFirst: false });
        return layer === 2 ? y : y.map(relu);
      }, row),
    ),
};

/** Two convolutions with batch norm, made flat at 2 × 2 pixels, two dense layers. */
export const CNN_TORCH: TinyNetwork = {
  name: 'cnn-torch',
  shapes: {
    'conv1.weight': [4, 2, 3, 3],
    'conv1.bias': [4],
    ...torchNorm('bn1', 4),
    'conv2.weight': [6, 4, 3, 3],
    'conv2.bias': [6],
    ...torchNorm('bn2', 6),
    'fc1.weight': [8, 24],
    'fc1.bias': [8],
    'fc2.weight': [3, 8],
    'fc2.bias': [3],
  },
  forward: (t) => {
    let x: FeatureMap = picture(2, 6);
    for (const layer of [1, 2]) {
      const kernel = t(`conv${layer}.weight`);
      x = convolution(x, { kernel, bias: t(`conv${layer}.bias`), isOutputFirst: true });
      x = mapPixels(normed(t, `bn${layer}`, x), relu);
    }
    return classes(t, 'fc2', classes(t, 'fc1', channelsFirst(x)).map(relu));
  },
};

/** The same network as a TensorFlow.js layers model has it. */
export const CNN_TFJS: TinyNetwork = {
  name: 'cnn-tfjs',
  shapes: {
    'conv2d/kernel': [3, 3, 2, 4],
    'conv2d/bias': [4],
    'batch_normalization/gamma': [4],
    'batch_normalization/beta': [4],
    'batch_normalization/moving_mean': [4],
    'batch_normalization/moving_variance': [4],
    'conv2d_1/kernel': [3, 3, 4, 6],
    'conv2d_1/bias': [6],
    'dense/kernel': [24, 8],
    'dense/bias': [8],
    'dense_1/kernel': [8, 3],
    'dense_1/bias': [3],
  },
  forward: (t) => {
    const isOutputFirst = false;
    const layer = (name: string) => ({ kernel: t(`${name}/kernel`), bias: t(`${name}/bias`), isOutputFirst });
    const at = 'batch_normalization';
    const first = batchNorm(convolution(picture(2, 6), layer('conv2d')), {
      scale: t(`${at}/gamma`),
      shift: t(`${at}/beta`),
      mean: t(`${at}/moving_mean`),
      variance: t(`${at}/moving_variance`),
    });
    const second = mapPixels(convolution(mapPixels(first, relu), layer('conv2d_1')), relu);
    return linear(linear(channelsLast(second), layer('dense')).map(relu), layer('dense_1'));
  },
};

/** One block that keeps its width and one that changes it, as in ResNet-18. */
export const RESNET: TinyNetwork = {
  name: 'resnet',
  shapes: {
    'conv1.weight': [4, 3, 3, 3],
    ...torchNorm('bn1', 4),
    'layer1.0.conv1.weight': [4, 4, 3, 3],
    ...torchNorm('layer1.0.bn1', 4),
    'layer1.0.conv2.weight': [4, 4, 3, 3],
    ...torchNorm('layer1.0.bn2', 4),
    'layer2.0.conv1.weight': [6, 4, 3, 3],
    ...torchNorm('layer2.0.bn1', 6),
    'layer2.0.conv2.weight': [6, 6, 3, 3],
    ...torchNorm('layer2.0.bn2', 6),
    'layer2.0.downsample.0.weight': [6, 4, 1, 1],
    ...torchNorm('layer2.0.downsample.1', 6),
    'fc.weight': [3, 6],
    'fc.bias': [3],
  },
  forward: (t) => {
    const step = (x: FeatureMap, conv: string, bn: string, stride: number): FeatureMap => {
      const kernel = t(`${conv}.weight`);
      const padding = kernel.shape[3] >> 1;
      return normed(t, bn, convolution(x, { kernel, isOutputFirst: true, stride, padding }));
    };
    let x = mapPixels(step(picture(3, 5), 'conv1', 'bn1', 1), relu);
    for (const [at, stride] of [
      ['layer1.0', 1],
      ['layer2.0', 2],
    ] as const) {
      const inner = mapPixels(step(x, `${at}.conv1`, `${at}.bn1`, stride), relu);
      const outer = step(inner, `${at}.conv2`, `${at}.bn2`, 1);
      const aside = stride === 1 ? x : step(x, `${at}.downsample.0`, `${at}.downsample.1`, stride);
      x = mapPixels(addMaps(outer, aside), relu);
    }
    return classes(t, 'fc', globalMean(x));
  },
};

/** A bottleneck block whose middle convolution has two groups, as in ResNeXt-50. */
export const RESNEXT: TinyNetwork = {
  name: 'resnext',
  shapes: {
    'conv1.weight': [4, 2, 3, 3],
    ...torchNorm('bn1', 4),
    'layer1.0.conv1.weight': [6, 4, 1, 1],
    ...torchNorm('layer1.0.bn1', 6),
    'layer1.0.conv2.weight': [8, 3, 3, 3],
    ...torchNorm('layer1.0.bn2', 8),
    'layer1.0.conv3.weight': [10, 8, 1, 1],
    ...torchNorm('layer1.0.bn3', 10),
    'layer1.0.downsample.0.weight': [10, 4, 1, 1],
    ...torchNorm('layer1.0.downsample.1', 10),
    'fc.weight': [3, 10],
    'fc.bias': [3],
  },
  forward: (t) => {
    const step = (x: FeatureMap, conv: string, bn: string, groups: number): FeatureMap => {
      const kernel = t(`${conv}.weight`);
      const padding = kernel.shape[3] >> 1;
      return normed(t, bn, convolution(x, { kernel, isOutputFirst: true, groups, padding }));
    };
    const at = 'layer1.0';
    const x = mapPixels(step(picture(2, 4), 'conv1', 'bn1', 1), relu);
    const first = mapPixels(step(x, `${at}.conv1`, `${at}.bn1`, 1), relu);
    const second = mapPixels(step(first, `${at}.conv2`, `${at}.bn2`, 2), relu);
    const third = step(second, `${at}.conv3`, `${at}.bn3`, 1);
    const aside = step(x, `${at}.downsample.0`, `${at}.downsample.1`, 1);
    return classes(t, 'fc', globalMean(mapPixels(addMaps(third, aside), relu)));
  },
};

/** Depthwise with a multiplier of two, pointwise, group norm of three groups, a grouped convolution of two. */
export const GROUPS: TinyNetwork = {
  name: 'groups',
  shapes: {
    'stem.weight': [4, 2, 3, 3],
    'depthwise.weight': [8, 1, 3, 3],
    'depthwise.bias': [8],
    'pointwise.weight': [6, 8, 1, 1],
    'norm.weight': [6],
    'norm.bias': [6],
    'wide.weight': [6, 6, 1, 1],
    'grouped.weight': [4, 3, 1, 1],
    'grouped.bias': [4],
    'head.weight': [3, 4],
    'head.bias': [3],
  },
  forward: (t) => {
    const isOutputFirst = true;
    const kernel = (layer: string) => ({ kernel: t(`${layer}.weight`), isOutputFirst });
    let x = mapPixels(convolution(picture(2, 6), kernel('stem')), relu);
    const bias = t('depthwise.bias');
    x = mapPixels(convolution(x, { ...kernel('depthwise'), bias, groups: 4 }), relu);
    x = convolution(x, kernel('pointwise'));
    x = mapPixels(groupNorm(x, { scale: t('norm.weight'), shift: t('norm.bias'), groups: 3 }), relu);
    x = mapPixels(convolution(x, kernel('wide')), relu);
    x = mapPixels(convolution(x, { ...kernel('grouped'), bias: t('grouped.bias'), groups: 2 }), relu);
    return classes(t, 'head', globalMean(x));
  },
};

/** A depthwise convolution as TensorFlow.js holds it, then a pointwise one. */
export const DEPTHWISE_TFJS: TinyNetwork = {
  name: 'depthwise-tfjs',
  shapes: {
    'conv2d/kernel': [3, 3, 2, 4],
    'depthwise_conv2d/depthwise_kernel': [3, 3, 4, 2],
    'conv2d_1/kernel': [1, 1, 8, 5],
    'dense/kernel': [5, 3],
    'dense/bias': [3],
  },
  forward: (t) => {
    const isOutputFirst = false;
    let x = mapPixels(convolution(picture(2, 6), { kernel: t('conv2d/kernel'), isOutputFirst }), relu);
    x = mapPixels(depthwiseConvolution(x, t('depthwise_conv2d/depthwise_kernel')), relu);
    x = mapPixels(convolution(x, { kernel: t('conv2d_1/kernel'), isOutputFirst }), relu);
    return linear(globalMean(x), { kernel: t('dense/kernel'), bias: t('dense/bias'), isOutputFirst });
  },
};

/** Two layers over a sequence of five, gates in the order input, forget, cell, output. */
export const LSTM: TinyNetwork = {
  name: 'lstm',
  shapes: {
    'lstm.weight_ih_l0': [16, 3],
    'lstm.weight_hh_l0': [16, 4],
    'lstm.bias_ih_l0': [16],
    'lstm.bias_hh_l0': [16],
    'lstm.weight_ih_l1': [16, 4],
    'lstm.weight_hh_l1': [16, 4],
    'lstm.bias_ih_l1': [16],
    'lstm.bias_hh_l1': [16],
    'fc.weight': [3, 4],
    'fc.bias': [3],
  },
  forward: (t) => {
    const isOutputFirst = true;
    let sequence: readonly Vector[] = rows(5, 3);
    for (const depth of [0, 1]) {
      let hidden: Vector = [0, 0, 0, 0];
      let cell: Vector = [0, 0, 0, 0];
      sequence = sequence.map((x) => {
        const read = linear(x, {
          kernel: t(`lstm.weight_ih_l${depth}`),
          bias: t(`lstm.bias_ih_l${depth}`),
          isOutputFirst,
        });
        const again = linear(hidden, {
          kernel: t(`lstm.weight_hh_l${depth}`),
          bias: t(`lstm.bias_hh_l${depth}`),
          isOutputFirst,
        });
        const gate = (which: number, unit: number): number =>
          read[which * 4 + unit] + again[which * 4 + unit];
        cell = cell.map(
          (held, unit) => sigmoid(gate(1, unit)) * held + sigmoid(gate(0, unit)) * Math.tanh(gate(2, unit)),
        );
        hidden = cell.map((held, unit) => sigmoid(gate(3, unit)) * Math.tanh(held));
        return hidden;
      });
    }
    return classes(t, 'fc', sequence[4]);
  },
};

/** The same kind of layer as TensorFlow.js holds it: one bias, kernels the other way round. */
export const LSTM_TFJS: TinyNetwork = {
  name: 'lstm-tfjs',
  shapes: {
    'lstm/kernel': [3, 16],
    'lstm/recurrent_kernel': [4, 16],
    'lstm/bias': [16],
    'dense/kernel': [4, 3],
    'dense/bias': [3],
  },
  forward: (t) => {
    const isOutputFirst = false;
    let hidden: Vector = [0, 0, 0, 0];
    let cell: Vector = [0, 0, 0, 0];
    for (const x of rows(5, 3)) {
      const read = linear(x, { kernel: t('lstm/kernel'), bias: t('lstm/bias'), isOutputFirst });
      const again = linear(hidden, { kernel: t('lstm/recurrent_kernel'), isOutputFirst });
      const gate = (which: number, unit: number): number => read[which * 4 + unit] + again[which * 4 + unit];
      cell = cell.map(
        (held, unit) => sigmoid(gate(1, unit)) * held + sigmoid(gate(0, unit)) * Math.tanh(gate(2, unit)),
      );
      hidden = cell.map((held, unit) => sigmoid(gate(3, unit)) * Math.tanh(held));
    }
    return linear(hidden, { kernel: t('dense/kernel'), bias: t('dense/bias'), isOutputFirst });
  },
};
