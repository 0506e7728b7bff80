import assert from 'node:assert/strict';
import fc from 'fast-check';
import { denseModelOf } from '../../cli/connect/foreign-stack.ts';
import { createRandom, type DenseSpec, initialWeights, layoutOf } from '../../fusion/index.ts';

type Layout = 'torch' | 'tfjs';

function specOf(widths: readonly number[]): DenseSpec {
  const [inputs, ...units] = widths;
  const layers = units.map((each, i) => ({
    units: each,
    activation: i + 1 < units.length ? ('relu' as const) : ('linear' as const),
  }));
  return { kind: 'dense', inputs, layers, loss: 'softmax-cross-entropy' };
}

/** The model as another program would have written it, tensors in an order of chance. */
function checkpointOf(
  spec: DenseSpec,
  weights: Float32Array,
  as: { readonly layout: Layout; readonly seed: string },
) {
  const isTorch = as.layout === 'torch';
  const random = createRandom(as.seed);
  const { tensors } = layoutOf(spec);
  const named = tensors.map(({ name, shape, offset, size }) => {
    const data = weights.slice(offset, offset + size);
    const [layer, kind] = name.replace('dense_', 'net.').split('/');
    if (!isTorch) return { name: `${layer}/${kind}`, shape, data };
    const [inputs, units] = shape;
    const turned = data.map((_, i) => data[(i % inputs) * units + Math.floor(i / inputs)]);
    return kind === 'bias'
      ? { name: `${layer}.bias`, shape, data }
      : { name: `${layer}.weight`, shape: [units, inputs], data: turned };
  });
  named.sort(() => random.float() - 0.5);
  return checkpoint(named);
}

function checkpoint(
  named: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }[],
) {
  let size = 0;
  const tensors = named.map(({ name, shape, data }) => {
    size += data.length;
    return { name, shape, offset: size - data.length, size: data.length };
  });
  const weights = Float32Array.from(named.flatMap(({ data }) => Array.from(data)));
  const file = { tensors: named, opaque: [], metadata: {} };
  return { path: 'x.safetensors', layout: { tensors, size }, weights, momentum: undefined, file };
}

const zeros = (name: string, ...shape: number[]) => ({
  name,
  shape,
  data: new Float32Array(shape.reduce((product, length) => product * length, 1)),
});

describe('a stack of dense layers from elsewhere', () => {
  it('is the same model, whatever the layout of its kernels and the order of its tensors', () => {
    const widths = fc.array(fc.integer({ min: 2, max: 6 }), { minLength: 3, maxLength: 6 });
    fc.assert(
      fc.property(widths, fc.constantFrom<Layout>('torch', 'tfjs'), fc.string(), (sizes, layout, seed) => {
        const spec = specOf(sizes);
        const weights = initialWeights(spec, seed).map((value, i) => value + i);
        const found = denseModelOf(checkpointOf(spec, weights, { layout, seed }), {
          layout,
          activation: 'relu',
        });
        assert.deepEqual(found, { spec, weights });
      }),
      { seed: 3 },
    );
  });

  it('needs no word about the layout where its shapes tell', () => {
    const spec = specOf([5, 4, 3, 2]);
    const weights = initialWeights(spec, 'shapes');
    for (const layout of ['torch', 'tfjs'] as const) {
      const file = checkpointOf(spec, weights, { layout, seed: '1' });
      const { spec: found } = denseModelOf(file, { layout: undefined, activation: 'tanh' });
      assert.deepEqual(
        found.layers.map(({ activation }) => activation),
        ['tanh', 'tanh', 'linear'],
      );
    }
  });

  it('with square kernels asks for the layout', () => {
    const spec = specOf([3, 3, 3]);
    const file = checkpointOf(spec, initialWeights(spec, 'square'), { layout: 'torch', seed: '1' });
    assert.throws(() => denseModelOf(file, { layout: undefined, activation: 'relu' }), {
      code: 'MELDMESH_FUSION_SPEC',
      message: /--layout/,
    });
  });

  it('is refused where it is something else, with the tensor', () => {
    const words = { layout: 'torch', activation: 'relu' } as const;
    const code = 'MELDMESH_MODEL_FILE';
    const first = [zeros('a.weight', 4, 5), zeros('a.bias', 4)];
    const second = [zeros('b.weight', 3, 4), zeros('b.bias', 3)];
    assert.equal(denseModelOf(checkpoint([...first, ...second]), words).spec.inputs, 5);
    for (const [tensors, message] of [
      [[...first, zeros('b.weight', 3, 4, 1, 1)], /b\.weight has 4 axes/],
      [[first[0], ...second], /no bias|do not go from one kernel with a bias/],
      [[...first, second[0]], /b\.weight has no bias/],
      [[...first], /no hidden layer/],
    ] as const) {
      assert.throws(() => denseModelOf(checkpoint(tensors), words), { code, message });
    }
  });
});
