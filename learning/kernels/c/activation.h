// Activations and the exponential function, four values at a time. NaN stays NaN.
#pragma once
#include "simd.h"

// e^x = 2^n e^r with |r| <= ln2 / 2; the Taylor polynomial of degree 7 is then off by less than 2^-27. Below -87 the
// result stops at 1.6e-38, above 88 at 1.7e38.
INLINE f32x4 exp4(f32x4 x) {
  x = wasm_f32x4_min(wasm_f32x4_max(x, splat(-87.0f)), splat(88.0f));
  const f32x4 n = wasm_f32x4_nearest(mul4(x, splat(1.44269504f)));
  // ln2 in two parts, the first short enough for an exact product.
  const f32x4 r = fma4(n, splat(2.12194440e-4f), fma4(n, splat(-0.693359375f), x));
  f32x4 p = splat(1.0f / 5040);
  p = fma4(p, r, splat(1.0f / 720));
  p = fma4(p, r, splat(1.0f / 120));
  p = fma4(p, r, splat(1.0f / 24));
  p = fma4(p, r, splat(1.0f / 6));
  p = fma4(p, r, splat(0.5f));
  p = fma4(p, r, splat(1.0f));
  p = fma4(p, r, splat(1.0f));
  const v128_t exponent = wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127));
  return mul4(p, wasm_i32x4_shl(exponent, 23));
}

// Near zero the series x - x^3/3 + 2x^5/15 - ..., for the quotient loses digits there; |x| < 0.25 leaves 2e-8 of x.
NOINLINE f32x4 tanh4(f32x4 x) {
  const f32x4 square = mul4(x, x);
  f32x4 p = splat(62.0f / 2835);
  p = fma4(p, square, splat(-17.0f / 315));
  p = fma4(p, square, splat(2.0f / 15));
  p = fma4(p, square, splat(-1.0f / 3));
  const f32x4 small = fma4(mul4(p, square), x, x);
  const f32x4 large = sub4(splat(1), wasm_f32x4_div(splat(2), add4(exp4(add4(x, x)), splat(1))));
  return wasm_v128_bitselect(small, large, wasm_f32x4_lt(wasm_f32x4_abs(x), splat(0.25f)));
}

INLINE f32x4 activate(f32x4 sums, int activation) {
  if (activation == RELU) return wasm_f32x4_max(sums, splat(0));
  if (activation == TANH) return tanh4(sums);
  return sums;
}

// The gradient by the sums, from the gradient by the activation's output and that output.
INLINE f32x4 through_activation(f32x4 gradient, f32x4 output, int activation) {
  if (activation == RELU) return wasm_v128_and(gradient, wasm_f32x4_gt(output, splat(0)));
  if (activation == TANH) return mul4(gradient, sub4(splat(1), mul4(output, output)));
  return gradient;
}
