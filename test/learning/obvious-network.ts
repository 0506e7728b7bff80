// The slow and obvious version of a dense network: one sample and one unit at a time, in float64.
import type { DenseSpec } from '../../fusion/index.ts';
import type { Dataset } from '../../learning/index.ts';

/** Mean loss over the data and its gradient by every weight, by the chain rule as in a textbook. */
export function obviousGradient(
  spec: DenseSpec,
  weights: ArrayLike<number>,
  data: Dataset,
): { loss: number; gradient: Float64Array } {
  const gradient = new Float64Array(weights.length);
  let loss = 0;
  for (let sample = 0; sample < data.count; sample++) {
    const input = Array.from(
      { length: spec.inputs },
      (_, i) => data.inputs[sample * spec.inputs + i] / data.scale,
    );
    const values = [input];
    let offset = 0;
    const offsets: number[] = [];
    for (const { units, activation } of spec.layers) {
      const from = values[values.length - 1];
      const bias = offset + from.length * units;
      offsets.push(offset);
      values.push(
        Array.from({ length: units }, (_, unit) => {
          let sum = weights[bias + unit];
          for (let i = 0; i < from.length; i++) sum += from[i] * weights[offset + i * units + unit];
          if (activation === 'relu') return Math.max(0, sum);
          return activation === 'tanh' ? Math.tanh(sum) : sum;
        }),
      );
      offset = bias + units;
    }
    const exponentials = values[values.length - 1].map(Math.exp);
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    const label = data.labels[sample];
    loss -= Math.log(exponentials[label] / total) / data.count;
    let upstream = exponentials.map((value, i) => (value / total - (i === label ? 1 : 0)) / data.count);
    for (let layer = spec.layers.length - 1; layer >= 0; layer--) {
      const { units, activation } = spec.layers[layer];
      const [from, to, start] = [values[layer], values[layer + 1], offsets[layer]];
      const slope = (value: number) => {
        if (activation === 'relu') return value > 0 ? 1 : 0;
        return activation === 'tanh' ? 1 - value * value : 1;
      };
      const inner = upstream.map((value, unit) => value * slope(to[unit]));
      for (let unit = 0; unit < units; unit++) {
        gradient[start + from.length * units + unit] += inner[unit];
        for (let i = 0; i < from.length; i++) gradient[start + i * units + unit] += from[i] * inner[unit];
      }
      upstream = from.map((_, i) =>
        inner.reduce((sum, g, unit) => sum + g * weights[start + i * units + unit], 0),
      );
    }
  }
  return { loss, gradient };
}
