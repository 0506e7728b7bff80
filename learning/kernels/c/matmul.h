// Matrix products in tiles of 4 rows and 8 columns: eight sums, two columns' loads and a spread row value are what sixteen
// registers hold; larger tiles spill and take twice as long. The right factor is copied, 8 columns at a time, into a
// panel whose steps lie side by side; what happens to a finished tile is the epilogue's business.
#pragma once
#include "activation.h"

enum { TILE_ROWS = 4, TILE_COLUMNS = 8, ROWS_AT_ONCE = 128 };

enum Epilogue {
  FORWARD,   // out = activation(product + bias)
  BACKWARD,  // out = product through the activation whose output is `values`
  UPDATE     // product is a gradient: velocity = momentum velocity + product; out -= rate velocity
};

typedef struct {
  const float *left;   // element (row, step) at row * left_row + step * left_step
  int left_row, left_step;
  const float *right;  // [depth, columns], or [columns, depth] where right_transposed
  int right_transposed;
  float *out;          // [rows, columns]
  int rows, columns, depth;
  float *panels;       // room for `depth` rows of two panels; for an update, of all panels
  const float *bias;   // [columns], or 0
  const float *values; // [rows, columns]
  float *velocity;     // [rows, columns]
  int activation;
  float rate, momentum;
} Product;

INLINE void momentum_step(float *weights, float *velocity, f32x4 gradient, f32x4 rate, f32x4 momentum, int count) {
  const f32x4 v = fma4(momentum, load_part(velocity, count), gradient);
  store_part(velocity, v, count);
  store_part(weights, sub4(load_part(weights, count), mul4(rate, v)), count);
}

INLINE void plain_step(float *weights, f32x4 gradient, f32x4 rate, int count) {
  store_part(weights, sub4(load_part(weights, count), mul4(rate, gradient)), count);
}

// One panel of a right factor that is stored the other way round: four rows are turned at a time.
INLINE void pack_transposed(const Product *product, float *panel, int column) {
  const int depth = product->depth;
  for (int half = 0; half < TILE_COLUMNS; half += 4) {
    const float *rows[4];
    for (int r = 0; r < 4; r++) {
      // Behind the last column the last one is repeated; nobody looks at those sums.
      rows[r] = product->right + min_int(column + half + r, product->columns - 1) * depth;
    }
    float *to = panel + half;
    int step = 0;
    for (; step + 4 <= depth; step += 4, to += 4 * TILE_COLUMNS) {
      const f32x4 a = load(rows[0] + step), b = load(rows[1] + step), c = load(rows[2] + step), d = load(rows[3] + step);
      const f32x4 ab_low = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), ab_high = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
      const f32x4 cd_low = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), cd_high = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
      store(to, wasm_i32x4_shuffle(ab_low, cd_low, 0, 1, 4, 5));
      store(to + TILE_COLUMNS, wasm_i32x4_shuffle(ab_low, cd_low, 2, 3, 6, 7));
      store(to + 2 * TILE_COLUMNS, wasm_i32x4_shuffle(ab_high, cd_high, 0, 1, 4, 5));
      store(to + 3 * TILE_COLUMNS, wasm_i32x4_shuffle(ab_high, cd_high, 2, 3, 6, 7));
    }
    for (; step < depth; step++, to += TILE_COLUMNS) {
      for (int r = 0; r < 4; r++) to[r] = rows[r][step];
    }
  }
}

// Panels `first` to `last`, without the last, one behind the other. Two at a time, because two are a cache line of the source.
NOINLINE void pack_panels(const Product *product, int first, int last) {
  const int depth = product->depth;
  for (int panel = first; panel < last; panel += 2) {
    float *low = product->panels + (panel - first) * depth * TILE_COLUMNS;
    float *high = low + depth * TILE_COLUMNS;
    const int column = panel * TILE_COLUMNS;
    const int columns = product->columns - column;
    if (product->right_transposed) {
      pack_transposed(product, low, column);
      if (panel + 1 < last) pack_transposed(product, high, column + TILE_COLUMNS);
      continue;
    }
    const float *from = product->right + column;
    for (int step = 0; step < depth; step++, from += product->columns, low += TILE_COLUMNS, high += TILE_COLUMNS) {
      store(low, load_part(from, columns));
      store(low + 4, load_part(from + 4, columns - 4));
      if (panel + 1 == last) continue;
      store(high, load_part(from + 8, columns - 8));
      store(high + 4, load_part(from + 12, columns - 12));
    }
  }
}

INLINE void finish(const Product *product, enum Epilogue epilogue, f32x4 sums, int row, int column, int count) {
  if (count <= 0) return;
  const int at = row * product->columns + column;
  float *out = product->out + at;
  if (epilogue == UPDATE) {
    const f32x4 rate = splat(product->rate);
    if (product->momentum == 0) plain_step(out, sums, rate, count);
    else momentum_step(out, product->velocity + at, sums, rate, splat(product->momentum), count);
  } else if (epilogue == BACKWARD) {
    store_part(out, through_activation(sums, load_part(product->values + at, count), product->activation), count);
  } else {
    if (product->bias != 0) sums = add4(sums, load_part(product->bias + column, count));
    store_part(out, activate(sums, product->activation), count);
  }
}

NOINLINE void finish_part(const Product *product, enum Epilogue epilogue, f32x4 sums, int row, int column) {
  finish(product, epilogue, sums, row, column, min_int(4, product->columns - column));
}

// `rows` is a constant wherever this is called, so the sums stay in registers.
INLINE void tile(const Product *product, enum Epilogue epilogue, const float *panel, int row, int column, const int rows) {
  f32x4 sums[TILE_ROWS][2];
  const float *left[TILE_ROWS];
  for (int r = 0; r < rows; r++) {
    sums[r][0] = sums[r][1] = splat(0);
    left[r] = product->left + (row + r) * product->left_row;
  }
  const int left_step = product->left_step;
  for (int step = 0; step < product->depth; step++, panel += TILE_COLUMNS) {
    const f32x4 low = load(panel);
    const f32x4 high = load(panel + 4);
    for (int r = 0; r < rows; r++) {
      const f32x4 value = load_splat(left[r]);
      sums[r][0] = fma4(value, low, sums[r][0]);
      sums[r][1] = fma4(value, high, sums[r][1]);
      left[r] += left_step;
    }
  }
  if (column + TILE_COLUMNS <= product->columns) {
    for (int r = 0; r < rows; r++) {
      finish(product, epilogue, sums[r][0], row + r, column, 4);
      finish(product, epilogue, sums[r][1], row + r, column + 4, 4);
    }
  } else {
    for (int r = 0; r < rows; r++) {
      finish_part(product, epilogue, sums[r][0], row + r, column);
      finish_part(product, epilogue, sums[r][1], row + r, column + 4);
    }
  }
}

INLINE void tile_of(const Product *product, enum Epilogue epilogue, const float *panel, int row, int column, int rows) {
  if (rows >= TILE_ROWS) tile(product, epilogue, panel, row, column, TILE_ROWS);
  else if (rows == 3) tile(product, epilogue, panel, row, column, 3);
  else if (rows == 2) tile(product, epilogue, panel, row, column, 2);
  else tile(product, epilogue, panel, row, column, 1);
}

// Two panels pass over a block of rows that stays in the second-level cache.
INLINE void multiply_by_columns(const Product *product, enum Epilogue epilogue) {
  const int panel_count = (product->columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const float *panels = product->panels;
  for (int block = 0; block < product->rows; block += ROWS_AT_ONCE) {
    const int end = min_int(block + ROWS_AT_ONCE, product->rows);
    for (int pair = 0; pair < panel_count; pair += 2) {
      pack_panels(product, pair, min_int(pair + 2, panel_count));
      for (int row = block; row < end; row += TILE_ROWS) {
        tile_of(product, epilogue, panels, row, pair * TILE_COLUMNS, end - row);
        if (pair + 1 < panel_count)
          tile_of(product, epilogue, panels + product->depth * TILE_COLUMNS, row, (pair + 1) * TILE_COLUMNS, end - row);
      }
    }
  }
}

// All panels first, for products that are large and not deep, as gradients are: the result is then gone through row by
// row, and each cache line of it is touched once.
INLINE void multiply_by_rows(const Product *product, enum Epilogue epilogue) {
  const int panel_count = (product->columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  pack_panels(product, 0, panel_count);
  for (int row = 0; row < product->rows; row += TILE_ROWS) {
    for (int panel = 0; panel < panel_count; panel++) {
      const float *from = product->panels + panel * product->depth * TILE_COLUMNS;
      tile_of(product, epilogue, from, row, panel * TILE_COLUMNS, product->rows - row);
    }
  }
}

// One function for each epilogue.
NOINLINE void multiply_forward(const Product *product) { multiply_by_columns(product, FORWARD); }
NOINLINE void multiply_backward(const Product *product) { multiply_by_columns(product, BACKWARD); }
NOINLINE void multiply_update(const Product *product) { multiply_by_rows(product, UPDATE); }
