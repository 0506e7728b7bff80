import assert from 'node:assert/strict';
import {
  denseSpecSchema,
  initialWeights,
  layoutOf,
  PARAMETERS_MAX,
  parseModelName,
} from '../../fusion/index.ts';
import { toHex } from './hex.ts';

const digits = { inputs: 784, classes: 10 };

describe('a model specification', () => {
  it('comes from a short name: hidden ReLU layers and linear logits', () => {
    assert.deepEqual(parseModelName('mlp:256,32', digits), {
      kind: 'dense',
      inputs: 784,
      layers: [
        { units: 256, activation: 'relu' },
        { units: 32, activation: 'relu' },
        { units: 10, activation: 'linear' },
      ],
      loss: 'softmax-cross-entropy',
    });
  });

  it('does not come from a name that is wrong or a model that is too large', () => {
    const names = [
      '',
      'mlp',
      'mlp:',
      'mlp:0',
      'mlp:08',
      'mlp:-3',
      'mlp:3,',
      'mlp:3 ',
      'mlp:1e3',
      'cnn:3',
      'mlp:100001',
    ];
    for (const name of names) assert.equal(parseModelName(name, digits), undefined, name);
    assert.equal(parseModelName('mlp:100000,100000', digits), undefined);
    assert.equal(parseModelName(`mlp:${Array(64).fill(1).join()}`, digits), undefined);
  });

  it('lays kernel and bias of each layer end to end', () => {
    const spec = parseModelName('mlp:256', digits);
    assert(spec !== undefined);
    assert.deepEqual(layoutOf(spec), {
      size: 203_530,
      tensors: [
        { name: 'dense_0/kernel', shape: [784, 256], offset: 0, size: 200_704 },
        { name: 'dense_0/bias', shape: [256], offset: 200_704, size: 256 },
        { name: 'dense_1/kernel', shape: [256, 10], offset: 200_960, size: 2_560 },
        { name: 'dense_1/bias', shape: [10], offset: 203_520, size: 10 },
      ],
    });
  });

  it('is refused with unknown keys, fractions, no layers, or more parameters than the limit', () => {
    const spec = parseModelName('mlp:8', digits);
    assert(spec !== undefined);
    assert(denseSpecSchema.safeParse(spec).success);
    assert(!denseSpecSchema.safeParse({ ...spec, dropout: 0.5 }).success);
    assert(!denseSpecSchema.safeParse({ ...spec, inputs: 1.5 }).success);
    assert(!denseSpecSchema.safeParse({ ...spec, layers: [] }).success);
    const wide = { ...spec, inputs: 2 ** 18, layers: [{ units: 2 ** 10, activation: 'linear' as const }] };
    const parsed = denseSpecSchema.safeParse(wide);
    assert(!parsed.success);
    assert.match(parsed.error.issues[0].message, new RegExp(String(PARAMETERS_MAX)));
    assert.throws(() => layoutOf(wide));
  });
});

describe('initial weights', () => {
  const spec = parseModelName('mlp:40,30', digits);
  assert(spec !== undefined);

  it('are the same for one seed and others for another', () => {
    assert.equal(toHex(initialWeights(spec, 'mesh')), toHex(initialWeights(spec, 'mesh')));
    assert.notEqual(toHex(initialWeights(spec, 'mesh')), toHex(initialWeights(spec, 'hsem')));
  });

  it('fill each kernel evenly within its Glorot limit and leave the biases zero', () => {
    const weights = initialWeights(spec, 'mesh');
    for (const { name, shape, offset, size } of layoutOf(spec).tensors) {
      const values = weights.subarray(offset, offset + size);
      if (name.endsWith('bias')) {
        assert(values.every((value) => Object.is(value, 0)));
        continue;
      }
      const limit = Math.sqrt(6 / (shape[0] + shape[1]));
      assert(values.every((value) => Math.abs(value) <= limit));
      const variance = values.reduce((sum, value) => sum + value * value, 0) / size;
      assert(Math.abs(variance / (limit ** 2 / 3) - 1) < 0.2, `${name} has variance ${variance}`);
    }
  });

  it('of one tensor do not move when another layer changes its size', () => {
    const wider = parseModelName('mlp:40,60', digits);
    assert(wider !== undefined);
    const first = 784 * 40;
    assert.equal(
      toHex(initialWeights(spec, 'mesh').subarray(0, first)),
      toHex(initialWeights(wider, 'mesh').subarray(0, first)),
    );
  });
});
