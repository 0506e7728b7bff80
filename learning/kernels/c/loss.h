// Softmax and cross-entropy of logits, and its gradient in place of them.
#pragma once
#include "activation.h"

// ln x for x >= 1, by ln(2^n m) = n ln2 + 2 artanh((m - 1) / (m + 1)) with m from 0.7 to 1.42: 1e-14 after nine terms.
static double log_from_one(double x) {
  union { double number; uint64_t bits; } mantissa = { x };
  int exponent = (int)(mantissa.bits >> 52) - 1023;
  if (exponent == 1024) return x;
  mantissa.bits = (mantissa.bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL;
  if (mantissa.number > 1.4142135623730951) {
    mantissa.number /= 2;
    exponent++;
  }
  const double s = (mantissa.number - 1) / (mantissa.number + 1);
  const double square = s * s;
  double series = 0;
  for (int term = 17; term >= 1; term -= 2) series = series * square + 1.0 / term;
  return exponent * 0.6931471805599453 + 2 * s * series;
}

INLINE float largest_of(const float *values, int count) {
  float largest = values[0];
  // NaN is neither larger nor smaller: it gets in by the second comparison, and stays.
  for (int i = 1; i < count; i++) if (values[i] > largest || values[i] != values[i]) largest = values[i];
  return largest;
}

// Sum over the samples of -ln softmax(logits)[label]; logits become (softmax - one-hot) * scale.
INLINE double cross_entropy(float *logits, const uint32_t *labels, int samples, int classes, float scale) {
  double loss = 0;
  for (int sample = 0; sample < samples; sample++) {
    float *row = logits + sample * classes;
    const float largest = largest_of(row, classes);
    const float own = row[labels[sample]];
    f32x4 sums = splat(0);
    for (int i = 0; i < classes; i += 4) {
      const int count = min_int(4, classes - i);
      f32x4 powers = exp4(sub4(load_part(row + i, count), splat(largest)));
      store_part(row + i, powers, count);
      sums = add4(sums, load_part(row + i, count));
    }
    const float sum = sum_of(sums);
    loss += log_from_one(sum) - ((double)own - (double)largest);
    const f32x4 factor = splat(scale / sum);
    for (int i = 0; i < classes; i += 4) {
      const int count = min_int(4, classes - i);
      store_part(row + i, mul4(load_part(row + i, count), factor), count);
    }
    row[labels[sample]] -= scale;
  }
  return loss;
}
