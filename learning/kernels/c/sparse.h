// The first layer over inputs that are mostly zeros, as drawings are: only what is not zero is multiplied. The values of a
// batch are listed twice, by sample for the way forward and by input for the gradient.
#pragma once
#include "matmul.h"

typedef struct {
  int *starts;    // [groups + 1]
  int *indices;   // of the other kind, for each value
  float *values;
} Lists;

enum { WIDE = 32 };

INLINE int count_nonzero(const float *values, int count) {
  v128_t counts = wasm_i32x4_splat(0);
  int i = 0;
  for (; i + 4 <= count; i += 4) counts = wasm_i32x4_sub(counts, wasm_f32x4_ne(load(values + i), splat(0)));
  int total = wasm_i32x4_extract_lane(counts, 0) + wasm_i32x4_extract_lane(counts, 1) +
              wasm_i32x4_extract_lane(counts, 2) + wasm_i32x4_extract_lane(counts, 3);
  for (; i < count; i++) total += values[i] != 0;
  return total;
}

// values [samples, inputs]; both lists have room for every value.
NOINLINE void list_nonzero(const float *values, int samples, int inputs, Lists by_sample, Lists by_input) {
  for (int input = 0; input <= inputs; input++) by_input.starts[input] = 0;
  int total = 0;
  for (int sample = 0; sample < samples; sample++) {
    by_sample.starts[sample] = total;
    const float *row = values + sample * inputs;
    for (int input = 0; input < inputs; input++) {
      if (row[input] == 0) continue;
      by_sample.indices[total] = input;
      by_sample.values[total++] = row[input];
      by_input.starts[input + 1]++;
    }
  }
  by_sample.starts[samples] = total;
  for (int input = 0; input < inputs; input++) by_input.starts[input + 1] += by_input.starts[input];
  // Each start moves along while its list fills and ends as the next one's; the last loop moves them back.
  for (int sample = 0; sample < samples; sample++) {
    for (int at = by_sample.starts[sample]; at < by_sample.starts[sample + 1]; at++) {
      const int to = by_input.starts[by_sample.indices[at]]++;
      by_input.indices[to] = sample;
      by_input.values[to] = by_sample.values[at];
    }
  }
  for (int input = inputs; input > 0; input--) by_input.starts[input] = by_input.starts[input - 1];
  by_input.starts[0] = 0;
}

// sums += the listed values times the rows of a matrix that they name, from `column` on; `vectors` is a constant.
INLINE void add_rows(f32x4 *sums, Lists lists, int group, const float *matrix, int columns, int column, const int vectors) {
  for (int at = lists.starts[group]; at < lists.starts[group + 1]; at++) {
    const f32x4 value = load_splat(lists.values + at);
    const float *row = matrix + lists.indices[at] * columns + column;
    for (int i = 0; i < vectors; i++) sums[i] = fma4(value, load(row + 4 * i), sums[i]);
  }
}

INLINE f32x4 add_rows_part(Lists lists, int group, const float *matrix, int columns, int column, int count) {
  f32x4 sums = splat(0);
  for (int at = lists.starts[group]; at < lists.starts[group + 1]; at++) {
    const float *row = matrix + lists.indices[at] * columns + column;
    sums = fma4(load_splat(lists.values + at), load_part(row, count), sums);
  }
  return sums;
}

// The same epilogues as a product of [groups, …] and a [.., columns] matrix, of which `product` has the rest.
INLINE void multiply_lists_with(const Product *product, enum Epilogue epilogue, Lists lists) {
  const int columns = product->columns;
  int column = 0;
  for (; column + WIDE <= columns; column += WIDE) {
    for (int group = 0; group < product->rows; group++) {
      f32x4 sums[WIDE / 4];
      for (int i = 0; i < WIDE / 4; i++) sums[i] = splat(0);
      add_rows(sums, lists, group, product->right, columns, column, WIDE / 4);
      for (int i = 0; i < WIDE / 4; i++) finish(product, epilogue, sums[i], group, column + 4 * i, 4);
    }
  }
  for (; column < columns; column += 4) {
    const int count = min_int(4, columns - column);
    for (int group = 0; group < product->rows; group++) {
      finish(product, epilogue, add_rows_part(lists, group, product->right, columns, column, count), group, column, count);
    }
  }
}

NOINLINE void multiply_lists_forward(const Product *product, Lists lists) { multiply_lists_with(product, FORWARD, lists); }
NOINLINE void multiply_lists_update(const Product *product, Lists lists) { multiply_lists_with(product, UPDATE, lists); }
