// The kernels that TensorFlow.js calls, one operation each. Every pointer is into the memory of its WASM backend.
#include "loss.h"
#include "matmul.h"

// out [rows, columns] = activation(left · right + bias). left is [rows, depth], or [depth, rows] where transposed; right
// is [depth, columns], or [columns, depth] where transposed; bias is [columns], or 0; panels has room for 16 · depth.
EXPORT(matmul) void matmul(
  const float *left, const float *right, const float *bias, float *out, float *panels, int rows, int columns, int depth,
  int left_transposed, int right_transposed, int activation
) {
  const Product product = {
    .left = left, .left_row = left_transposed ? 1 : depth, .left_step = left_transposed ? rows : 1,
    .right = right, .right_transposed = right_transposed, .out = out, .panels = panels,
    .rows = rows, .columns = columns, .depth = depth, .bias = bias, .activation = activation,
  };
  multiply_forward(&product);
}

// From the gradient by a layer's output [rows, columns] and that output: the gradient by its sums, and by its bias.
EXPORT(denseGradient) void dense_gradient(
  const float *gradient, const float *output, float *sums_gradient, float *bias_gradient, int rows, int columns, int activation
) {
  for (int column = 0; column < columns; column += 4) {
    const int count = min_int(4, columns - column);
    f32x4 total = splat(0);
    for (int row = 0; row < rows; row++) {
      const int at = row * columns + column;
      const f32x4 own = through_activation(load_part(gradient + at, count), load_part(output + at, count), activation);
      store_part(sums_gradient + at, own, count);
      total = add4(total, own);
    }
    store_part(bias_gradient + column, total, count);
  }
}

// Mean cross-entropy; gradient [samples, classes] = (softmax - one-hot) / samples. Every label is below `classes`.
EXPORT(softmaxCrossEntropy) double softmax_cross_entropy(
  const float *logits, const uint32_t *labels, float *gradient, int samples, int classes
) {
  for (int i = 0; i < samples * classes; i++) gradient[i] = logits[i];
  return cross_entropy(gradient, labels, samples, classes, 1.0f / samples) / samples;
}

// velocity = momentum velocity + gradient; weights -= rate velocity. Without momentum the velocity is not looked at.
EXPORT(sgd) void sgd(float *weights, float *velocity, const float *gradient, int count, float rate, float momentum) {
  for (int i = 0; i < count; i += 4) {
    const int part = min_int(4, count - i);
    const f32x4 g = load_part(gradient + i, part);
    if (momentum == 0) plain_step(weights + i, g, splat(rate), part);
    else momentum_step(weights + i, velocity + i, g, splat(rate), splat(momentum), part);
  }
}

// Adam (Kingma and Ba 2015, algorithm 1). The corrections are 1 - beta^t.
EXPORT(adam) void adam(
  float *weights, float *first, float *second, const float *gradient, int count, float rate, float beta1, float beta2,
  float epsilon, float correction1, float correction2
) {
  const f32x4 rest1 = splat(1 - beta1), rest2 = splat(1 - beta2);
  for (int i = 0; i < count; i += 4) {
    const int part = min_int(4, count - i);
    const f32x4 g = load_part(gradient + i, part);
    const f32x4 m = fma4(splat(beta1), load_part(first + i, part), mul4(rest1, g));
    const f32x4 v = fma4(splat(beta2), load_part(second + i, part), mul4(rest2, mul4(g, g)));
    store_part(first + i, m, part);
    store_part(second + i, v, part);
    const f32x4 root = wasm_f32x4_sqrt(wasm_f32x4_div(v, splat(correction2)));
    const f32x4 step = wasm_f32x4_div(wasm_f32x4_div(m, splat(correction1)), add4(root, splat(epsilon)));
    store_part(weights + i, sub4(load_part(weights + i, part), mul4(splat(rate), step)), part);
  }
}
