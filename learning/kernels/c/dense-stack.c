// A stack of dense layers: the way forward, and one whole training step, each in one call. The host lays out memory and
// fills in the structures below (learning/kernels/dense-stack.ts writes them as words in this order).
#include "loss.h"
#include "matmul.h"
#include "sparse.h"

typedef struct {
  int inputs, units, activation;
  float *kernel;           // [inputs, units]
  float *bias;             // [units]
  float *kernel_velocity;
  float *bias_velocity;
  float *outputs;          // [samples, units]
} Layer;

typedef struct {
  int samples;
  float *inputs;             // [samples, layers[0].inputs]
  const uint8_t *raw;        // the same as bytes, to be looked up in `scaled`; 0: inputs are filled in already
  const float *scaled;       // [256]
  const uint32_t *labels;    // [samples]
  float rate, momentum;
  float *gradients[2];       // [samples, most units] each
  float *panels;
  Lists by_sample, by_input; // of the inputs
  int layer_count;
  Layer layers[];
} Stack;

// From this share of zeros on, lists are faster than tiles.
enum { SPARSE_NUMERATOR = 1, SPARSE_DENOMINATOR = 2 };

INLINE void read_bytes(Stack *stack, int count) {
  for (int i = 0; i < count; i++) stack->inputs[i] = stack->scaled[stack->raw[i]];
}

// Whether the lists were made.
INLINE int prepare_inputs(Stack *stack) {
  const int inputs = stack->layers[0].inputs;
  const int count = stack->samples * inputs;
  if (stack->raw != 0) read_bytes(stack, count);
  const int nonzero = count_nonzero(stack->inputs, count);
  if ((int64_t)nonzero * SPARSE_DENOMINATOR > (int64_t)count * SPARSE_NUMERATOR) return 0;
  list_nonzero(stack->inputs, stack->samples, inputs, stack->by_sample, stack->by_input);
  return 1;
}

INLINE void go_forward(const Stack *stack, int sparse) {
  const float *values = stack->inputs;
  for (int i = 0; i < stack->layer_count; i++) {
    const Layer *layer = &stack->layers[i];
    const Product product = {
      .left = values, .left_row = layer->inputs, .left_step = 1,
      .right = layer->kernel, .out = layer->outputs, .panels = stack->panels,
      .rows = stack->samples, .columns = layer->units, .depth = layer->inputs,
      .bias = layer->bias, .activation = layer->activation,
    };
    if (i == 0 && sparse) multiply_lists_forward(&product, stack->by_sample);
    else multiply_forward(&product);
    values = layer->outputs;
  }
}

INLINE void update_bias(const Stack *stack, const Layer *layer, const float *gradient) {
  for (int column = 0; column < layer->units; column += 4) {
    const int count = min_int(4, layer->units - column);
    f32x4 sums = splat(0);
    for (int sample = 0; sample < stack->samples; sample++)
      sums = add4(sums, load_part(gradient + sample * layer->units + column, count));
    const f32x4 rate = splat(stack->rate);
    if (stack->momentum == 0) plain_step(layer->bias + column, sums, rate, count);
    else momentum_step(layer->bias + column, layer->bias_velocity + column, sums, rate, splat(stack->momentum), count);
  }
}

INLINE void go_back(const Stack *stack, int sparse) {
  const float *gradient = stack->layers[stack->layer_count - 1].outputs;
  for (int i = stack->layer_count - 1; i >= 0; i--) {
    const Layer *layer = &stack->layers[i];
    const float *next = stack->gradients[i & 1];
    if (i > 0) {
      // Before this layer's weights change.
      const Layer *below = &stack->layers[i - 1];
      const Product product = {
        .left = gradient, .left_row = layer->units, .left_step = 1,
        .right = layer->kernel, .right_transposed = 1, .out = stack->gradients[i & 1], .panels = stack->panels,
        .rows = stack->samples, .columns = layer->inputs, .depth = layer->units,
        .values = below->outputs, .activation = below->activation,
      };
      multiply_backward(&product);
    }
    const Product product = {
      .left = i == 0 ? stack->inputs : stack->layers[i - 1].outputs, .left_row = 1, .left_step = layer->inputs,
      .right = gradient, .out = layer->kernel, .velocity = layer->kernel_velocity, .panels = stack->panels,
      .rows = layer->inputs, .columns = layer->units, .depth = stack->samples,
      .rate = stack->rate, .momentum = stack->momentum,
    };
    if (i == 0 && sparse) multiply_lists_update(&product, stack->by_input);
    else multiply_update(&product);
    update_bias(stack, layer, gradient);
    gradient = next;
  }
}

// Fills in the outputs of every layer.
EXPORT(stackForward) void stack_forward(Stack *stack) {
  go_forward(stack, prepare_inputs(stack));
}

// One step of SGD with classical momentum on the mean cross-entropy of the batch. Returns that mean, before the step.
EXPORT(stackTrain) double stack_train(Stack *stack) {
  const int sparse = prepare_inputs(stack);
  go_forward(stack, sparse);
  const Layer *last = &stack->layers[stack->layer_count - 1];
  const double loss = cross_entropy(last->outputs, stack->labels, stack->samples, last->units, 1.0f / stack->samples);
  go_back(stack, sparse);
  return loss / stack->samples;
}
