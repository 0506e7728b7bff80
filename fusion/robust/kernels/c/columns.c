// Blocks of columns: row r of a block begins at r * stride, and each row is one update's values at the same places. Plain
// SIMD without relaxed instructions and without fused multiply-adds, so that every machine gets the same bits. Widths and
// strides are whole groups of four; what pads a row is zero.
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define INLINE static inline __attribute__((always_inline))

enum { TILE = 3, LANES = 4, LINE = 16 };

INLINE v128_t load_doubles(const float *two) { return wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(two)); }

// The first row that holds NaN or an infinity, or -1.
EXPORT(notFinite) int not_finite(const float *rows, int stride, int count, int width) {
  const v128_t most = wasm_f32x4_const_splat(0x1.fffffep127f);
  for (int row = 0; row < count; row++) {
    const float *values = rows + row * stride;
    v128_t all = wasm_i32x4_const_splat(-1);
    for (int i = 0; i < width; i += LANES)
      all = wasm_v128_and(all, wasm_f32x4_le(wasm_f32x4_abs(wasm_v128_load(values + i)), most));
    if (!wasm_i32x4_all_true(all)) return row;
  }
  return -1;
}

// out = round32(sum of coefficients[k] * row chosen[k], in this order and in float64, / divisor). Whole cache lines at a time:
// strides leave room for what lies between the width and the end of its last one.
EXPORT(combine) void combine(
  const float *rows, int stride, const int *chosen, const double *coefficients, int count, double divisor, float *out,
  int width
) {
  const v128_t by = wasm_f64x2_splat(divisor);
  for (int i = 0; i < width; i += LINE) {
    v128_t sums[LINE / 2];
#pragma clang loop unroll(full)
    for (int j = 0; j < LINE / 2; j++) sums[j] = wasm_f64x2_const_splat(0);
    for (int k = 0; k < count; k++) {
      const float *values = rows + chosen[k] * stride + i;
      const v128_t coefficient = wasm_f64x2_splat(coefficients[k]);
#pragma clang loop unroll(full)
      for (int j = 0; j < LINE / 2; j++)
        sums[j] = wasm_f64x2_add(sums[j], wasm_f64x2_mul(coefficient, load_doubles(values + 2 * j)));
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < LINE / 2; j += 2) {
      const v128_t first = wasm_f32x4_demote_f64x2_zero(wasm_f64x2_div(sums[j], by));
      const v128_t second = wasm_f32x4_demote_f64x2_zero(wasm_f64x2_div(sums[j + 1], by));
      wasm_v128_store(out + i + 2 * j, wasm_i64x2_shuffle(first, second, 0, 2));
    }
  }
}

// Sorts every column, ascending, by a network: pairs of rows, the smaller value to the first.
EXPORT(sortColumns) void sort_columns(float *rows, int stride, int width, const int *network, int comparators) {
  for (int step = 0; step < comparators; step++) {
    float *upper = rows + network[2 * step] * stride, *lower = rows + network[2 * step + 1] * stride;
    for (int i = 0; i < width; i += LANES) {
      const v128_t a = wasm_v128_load(upper + i), b = wasm_v128_load(lower + i);
      wasm_v128_store(upper + i, wasm_f32x4_pmin(a, b));
      wasm_v128_store(lower + i, wasm_f32x4_pmax(a, b));
    }
  }
}

// The same with the owner of each value beside it. Of equal values the one of the lower owner goes first.
EXPORT(sortOwnedColumns) void sort_owned_columns(
  float *rows, int *owners, int stride, int width, const int *network, int comparators
) {
  for (int step = 0; step < comparators; step++) {
    const int first = network[2 * step] * stride, second = network[2 * step + 1] * stride;
    for (int i = 0; i < width; i += LANES) {
      const v128_t a = wasm_v128_load(rows + first + i), b = wasm_v128_load(rows + second + i);
      const v128_t p = wasm_v128_load(owners + first + i), q = wasm_v128_load(owners + second + i);
      const v128_t swap =
        wasm_v128_or(wasm_f32x4_gt(a, b), wasm_v128_and(wasm_f32x4_eq(a, b), wasm_i32x4_gt(p, q)));
      wasm_v128_store(rows + first + i, wasm_v128_bitselect(b, a, swap));
      wasm_v128_store(rows + second + i, wasm_v128_bitselect(a, b, swap));
      wasm_v128_store(owners + first + i, wasm_v128_bitselect(q, p, swap));
      wasm_v128_store(owners + second + i, wasm_v128_bitselect(p, q, swap));
    }
  }
}

INLINE void add_lanes(double *sum, v128_t lanes) {
  *sum += wasm_f64x2_extract_lane(lanes, 0) + wasm_f64x2_extract_lane(lanes, 1);
}

// Inner products of three rows with three others, nine sums in registers.
INLINE void multiply_tile(const double *left, const double *right, int width, double *gram, int count) {
  v128_t sums[TILE][TILE];
  for (int a = 0; a < TILE; a++)
    for (int b = 0; b < TILE; b++) sums[a][b] = wasm_f64x2_const_splat(0);
  for (int i = 0; i < width; i += 2) {
    v128_t x[TILE], y[TILE];
    for (int a = 0; a < TILE; a++) x[a] = wasm_v128_load(left + a * width + i);
    for (int b = 0; b < TILE; b++) y[b] = wasm_v128_load(right + b * width + i);
    for (int a = 0; a < TILE; a++)
      for (int b = 0; b < TILE; b++) sums[a][b] = wasm_f64x2_add(sums[a][b], wasm_f64x2_mul(x[a], y[b]));
  }
  for (int a = 0; a < TILE; a++)
    for (int b = 0; b < TILE; b++) add_lanes(gram + a * count + b, sums[a][b]);
}

// gram [count, count] += rows rowsᵀ on and below the diagonal, in whole tiles: count is a multiple of three and rows that
// pad are zero. `wide` has room for count * width doubles. Even and odd columns of a block are summed apart, then together.
EXPORT(addGram) void add_gram(const float *rows, int stride, int count, int width, double *wide, double *gram) {
  for (int row = 0; row < count; row++)
    for (int i = 0; i < width; i += 2) wasm_v128_store(wide + row * width + i, load_doubles(rows + row * stride + i));
  for (int a = 0; a < count; a += TILE)
    for (int b = 0; b <= a; b += TILE)
      multiply_tile(wide + a * width, wide + b * width, width, gram + a * count + b, count);
}
