// The exact line search of a Frank–Wolfe step over relaxed permutations. A model whose tensors have two permuted axes at most is
// of degree two in the step size, so the sum of the inner products of all pairs is of degree four. It moves nothing itself.
import type { TensorLayout } from '../types.ts';

/** All models at step sizes 0, 1/2 and 1, each flat. */
export interface StepSamples {
  readonly begins: readonly Float32Array[];
  readonly middles: readonly Float32Array[];
  readonly ends: readonly Float32Array[];
}

/**
 * Coefficients by ascending power of Σ over pairs ⟨m_X(γ), m_Y(γ)⟩ = ½ (‖Σ m_X‖² − Σ ‖m_X‖²), over the entries of these tensors.
 */
export function stepPolynomial(tensors: readonly TensorLayout[], samples: StepSamples): Float64Array {
  const { begins, middles, ends } = samples;
  let [p0, p1, p2, p3, p4] = [0, 0, 0, 0, 0];
  for (const { offset, size } of tensors) {
    for (let at = offset; at < offset + size; at++) {
      let [sumA, sumB, sumC] = [0, 0, 0];
      for (let model = 0; model < begins.length; model++) {
        // a + b γ + c γ² through the three samples.
        const a = begins[model][at];
        const c = 2 * ends[model][at] - 4 * middles[model][at] + 2 * a;
        const b = ends[model][at] - a - c;
        sumA += a;
        sumB += b;
        sumC += c;
        p0 -= a * a;
        p1 -= 2 * a * b;
        p2 -= b * b + 2 * a * c;
        p3 -= 2 * b * c;
        p4 -= c * c;
      }
      p0 += sumA * sumA;
      p1 += 2 * sumA * sumB;
      p2 += sumB * sumB + 2 * sumA * sumC;
      p3 += 2 * sumB * sumC;
      p4 += sumC * sumC;
    }
  }
  return Float64Array.of(p0 / 2, p1 / 2, p2 / 2, p3 / 2, p4 / 2);
}

const GRID = 32;
/** Thirds of the bracket: what is left of it is below float32's resolution of a share. */
const NARROWINGS = 48;

/** The step in [0, 1] where the polynomial is greatest: a grid finds the hill, thirds its top. */
export function bestStep(polynomial: Float64Array): { readonly step: number; readonly value: number } {
  const valueAt = (step: number): number => polynomial.reduceRight((sum, each) => sum * step + each, 0);
  let best = 0;
  for (let point = 1; point <= GRID; point++) if (valueAt(point / GRID) > valueAt(best / GRID)) best = point;
  let [low, high] = [Math.max(0, best - 1) / GRID, Math.min(GRID, best + 1) / GRID];
  for (let narrowing = 0; narrowing < NARROWINGS; narrowing++) {
    const third = (high - low) / 3;
    if (valueAt(low + third) < valueAt(high - third)) low += third;
    else high -= third;
  }
  const candidates = [0, (low + high) / 2, 1].map((step) => ({ step, value: valueAt(step) }));
  return candidates.reduce((a, b) => (b.value > a.value ? b : a));
}
