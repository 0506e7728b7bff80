// Four floats at a time. `fma4` rounds once where the processor can (all of x86-64 since 2013 and all of ARM64), so
// such machines give the same bits; older ones round twice.
#pragma once
#include <stdint.h>
#include <wasm_simd128.h>

typedef v128_t f32x4;

#define EXPORT(name) __attribute__((export_name(#name)))
// Tiles live in registers only if their loops are unrolled, and that needs them inlined.
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

enum Activation { LINEAR = 0, RELU = 1, TANH = 2 };

INLINE f32x4 splat(float value) { return wasm_f32x4_splat(value); }
INLINE f32x4 load(const float *from) { return wasm_v128_load(from); }
INLINE f32x4 load_splat(const float *from) { return wasm_v128_load32_splat(from); }
INLINE void store(float *to, f32x4 values) { wasm_v128_store(to, values); }
INLINE f32x4 add4(f32x4 a, f32x4 b) { return wasm_f32x4_add(a, b); }
INLINE f32x4 sub4(f32x4 a, f32x4 b) { return wasm_f32x4_sub(a, b); }
INLINE f32x4 mul4(f32x4 a, f32x4 b) { return wasm_f32x4_mul(a, b); }
INLINE f32x4 fma4(f32x4 a, f32x4 b, f32x4 c) { return wasm_f32x4_relaxed_madd(a, b, c); }

INLINE int min_int(int a, int b) { return a < b ? a : b; }

// The first `count` floats, at most four, and zeros after them. Nothing behind them is read.
INLINE f32x4 load_part(const float *from, int count) {
  if (count >= 4) return load(from);
  if (count == 1) return wasm_v128_load32_zero(from);
  if (count == 2) return wasm_v128_load64_zero(from);
  if (count == 3) return wasm_v128_load32_lane(from + 2, wasm_v128_load64_zero(from), 2);
  return splat(0);
}

// Nothing behind the first `count` floats is written.
INLINE void store_part(float *to, f32x4 values, int count) {
  if (count >= 4) {
    store(to, values);
  } else if (count == 1) {
    wasm_v128_store32_lane(to, values, 0);
  } else if (count >= 2) {
    wasm_v128_store64_lane(to, values, 0);
    if (count == 3) wasm_v128_store32_lane(to + 2, values, 2);
  }
}

INLINE float sum_of(f32x4 v) {
  return (wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1)) +
         (wasm_f32x4_extract_lane(v, 2) + wasm_f32x4_extract_lane(v, 3));
}
