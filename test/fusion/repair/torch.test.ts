// Against PyTorch: numbers of test/fixtures/repair_torch.py.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { reestimateBatchNorm } from '../../../fusion/repair/batch-norm.ts';
import { repairActivations } from '../../../fusion/repair/repair.ts';
import { close, plainNetwork } from './plain-networks.ts';

const numbers = z.array(z.number());
const fixture = z
  .strictObject({
    widths: numbers,
    inputs: z.array(numbers),
    ends: z.array(numbers),
    merged: numbers,
    batchNorm: z.array(z.strictObject({ mean: numbers, variance: numbers })),
    repaired: numbers,
  })
  .parse(JSON.parse(readFileSync(new URL('../../fixtures/repair-torch.json', import.meta.url), 'utf8')));
const { widths, inputs } = fixture;

describe('repair as PyTorch does it', () => {
  it('gives REPAIR the same weights as resetting wrapped layers and folding them in', () => {
    const { layout, activations } = plainNetwork(widths, { norms: false, inputs });
    const { weights } = repairActivations({
      layout,
      ends: fixture.ends.map((end) => Float32Array.from(end)),
      merged: Float32Array.from(fixture.merged),
      preActivations: activations,
    });
    close(weights, fixture.repaired, 2e-6);
  });

  it('gives batch norm the same statistics as a cumulative average over one batch', () => {
    const { layout, activations } = plainNetwork(widths, { norms: true, inputs });
    const merged = new Float32Array(layout.size);
    let read = 0;
    for (const { name, offset, size } of layout.tensors) {
      const isDense = name.startsWith('d');
      for (let i = offset; i < offset + size; i++) merged[i] = isDense ? fixture.merged[read++] : 1;
    }
    const { weights } = reestimateBatchNorm({ layout, weights: merged, inputsOf: activations });
    for (const [layer, { mean, variance }] of fixture.batchNorm.entries()) {
      for (const [kind, expected] of [
        ['mean', mean],
        ['variance', variance],
      ] as const) {
        const tensor = layout.tensors.find(({ name }) => name === `n${layer}/moving_${kind}`);
        const { offset = 0, size = 0 } = tensor ?? {};
        close(weights.subarray(offset, offset + size), expected, 2e-6);
      }
    }
  });
});
