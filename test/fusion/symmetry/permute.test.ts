import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createRandom } from '../../../fusion/random.ts';
import { permutationSpecOf } from '../../../fusion/symmetry/dense-model.ts';
import { inferSpec } from '../../../fusion/symmetry/infer.ts';
import type { PermutationSpec, Permutations } from '../../../fusion/symmetry/permutation-spec.ts';
import {
  composePermutations,
  identityPermutations,
  invertPermutations,
  randomPermutations,
} from '../../../fusion/symmetry/permutations.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import type { ModelLayout, TensorLayout } from '../../../fusion/types.ts';
import { randomCases } from './support/random-spec.ts';
import { refuses, refusesSpec } from './support/refusal.ts';
import { layoutOfShapes, numbers } from './support/tiny-model.ts';
import { BERT, GPT2, LLAMA } from './support/transformers.ts';

const countedFrom = ({ size }: ModelLayout): Float32Array => Float32Array.from({ length: size }, (_, i) => i);

interface Moved {
  readonly weights: Float32Array;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
  readonly permutations: Permutations;
}

/**
 * One permutation after the other, one axis after the other, one value after the other, straight from the definition.
 */
function permuteSlowly({ weights, layout, spec, permutations }: Moved): Float32Array {
  let values = weights.slice();
  for (const { name, size, axes } of spec.permutations) {
    const permutation = permutations.get(name);
    if (permutation === undefined) continue;
    for (const { tensor, axis, start = 0, repeats = 1, block = 1 } of axes) {
      const place = layout.tensors.find((each) => each.name === tensor) as TensorLayout;
      const before = values.slice();
      for (let flat = 0; flat < place.size; flat++) {
        const index = unravel(flat, place.shape);
        const entry = index[axis] - start;
        if (entry < 0 || entry >= repeats * size * block) continue;
        const [unit, repeat] = [Math.floor(entry / block) % size, Math.floor(entry / block / size)];
        const source = index.with(
          axis,
          start + (repeat * size + permutation[unit]) * block + (entry % block),
        );
        values[place.offset + flat] = before[place.offset + ravel(source, place.shape)];
      }
      values = values.slice();
    }
  }
  return values;
}

function unravel(flat: number, shape: readonly number[]): number[] {
  let rest = flat;
  return shape
    .toReversed()
    .map((length) => {
      const index = rest % length;
      rest = Math.floor(rest / length);
      return index;
    })
    .toReversed();
}

const ravel = (index: readonly number[], shape: readonly number[]): number =>
  index.reduce((flat, each, axis) => flat * shape[axis] + each, 0);

describe('permuting a model', () => {
  it('moves what the definition moves, one value at a time', () => {
    fc.assert(
      fc.property(randomCases, ({ layout, spec, seed }) => {
        const permutations = randomPermutations(spec, createRandom(seed));
        const moved = { weights: countedFrom(layout), layout, spec, permutations };
        assert.deepEqual(permuteModel(moved), permuteSlowly(moved));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('moves long runs of values as it moves short ones', () => {
    const layout = layoutOfShapes({ a: [3, 4, 100], b: [4, 200] });
    const axes = [
      { tensor: 'a', axis: 1 },
      { tensor: 'b', axis: 0 },
    ];
    const spec = { permutations: [{ name: 'p', size: 4, axes }], untouched: [] };
    const permutations = new Map([['p', Uint32Array.of(2, 0, 3, 1)]]);
    const moved = { weights: countedFrom(layout), layout, spec, permutations };
    assert.deepEqual(permuteModel(moved), permuteSlowly(moved));
  });

  it('puts at place i the unit that was at place permutation[i], in every tensor that has it', () => {
    const spec = permutationSpecOf({
      kind: 'dense',
      inputs: 1,
      layers: [
        { units: 3, activation: 'relu' },
        { units: 1, activation: 'linear' },
      ],
      loss: 'softmax-cross-entropy',
    });
    const layout = layoutOfShapes({
      'dense_0/kernel': [1, 3],
      'dense_0/bias': [3],
      'dense_1/kernel': [3, 1],
      'dense_1/bias': [1],
    });
    const weights = Float32Array.of(10, 20, 30, 1, 2, 3, 100, 200, 300, 7);
    const permutations = new Map([['dense_0', Uint32Array.of(2, 0, 1)]]);
    const permuted = permuteModel({ weights, layout, spec, permutations });
    assert.deepEqual([...permuted], [30, 10, 20, 3, 1, 2, 300, 100, 200, 7]);
    assert.equal(weights[0], 10, 'the model itself stays as it is');
  });

  it('leaves units where they are that nobody names', () => {
    fc.assert(
      fc.property(randomCases, ({ layout, spec }) => {
        const weights = countedFrom(layout);
        for (const permutations of [new Map(), identityPermutations(spec)])
          assert.deepEqual(permuteModel({ weights, layout, spec, permutations }), weights);
      }),
      { seed: 2, numRuns: 50 },
    );
  });

  it('keeps every bit, those of NaN and minus zero included', () => {
    const layout = layoutOfShapes({ a: [4] });
    const spec = { permutations: [{ name: 'p', size: 4, axes: [{ tensor: 'a', axis: 0 }] }], untouched: [] };
    const weights = Float32Array.of(Number.NaN, -0, 1e-45, Number.NEGATIVE_INFINITY);
    const permutations = new Map([['p', Uint32Array.of(3, 2, 1, 0)]]);
    const permuted = permuteModel({ weights, layout, spec, permutations });
    assert.deepEqual([...permuted], [...weights].reverse());
    assert(Object.is(permuted[2], -0));
  });

  const layout = layoutOfShapes({ a: [3] });
  const spec = { permutations: [{ name: 'p', size: 3, axes: [{ tensor: 'a', axis: 0 }] }], untouched: [] };
  const permuting = (permutations: Permutations) => () =>
    permuteModel({ weights: new Float32Array(3), layout, spec, permutations });

  it('refuses permutations that the spec does not have, of another size, or that are none', () => {
    refusesSpec(permuting(new Map([['q', Uint32Array.of(0)]])), /no permutation "q"/);
    refusesSpec(permuting(new Map([['p', Uint32Array.of(0, 1)]])), /"p" has 2 units, but the spec says 3/);
    refusesSpec(permuting(new Map([['p', Uint32Array.of(0, 1, 1)]])), /"p" does not name each/);
    refusesSpec(permuting(new Map([['p', Uint32Array.of(0, 1, 3)]])), /"p" does not name each/);
  });

  it('refuses weights of another size', () => {
    const weights = new Float32Array(4);
    const run = () => permuteModel({ weights, layout, spec, permutations: new Map() });
    refuses(run, 'MELDMESH_FUSION_SHAPE', /4 values, but the layout says 3/);
  });
});

describe('the permutations of a spec', () => {
  const cases = fc.oneof(
    randomCases,
    fc.constantFrom(
      ...[GPT2, LLAMA, BERT].map(({ shapes, name }) => {
        const layout = layoutOfShapes(shapes);
        return { layout, spec: inferSpec(layout, { heads: name === 'llama' ? 4 : 2 }).spec, seed: name };
      }),
    ),
  );

  it('are undone by their inverse', () => {
    fc.assert(
      fc.property(cases, ({ layout, spec, seed }) => {
        const weights = countedFrom(layout);
        const permutations = randomPermutations(spec, createRandom(seed));
        const there = permuteModel({ weights, layout, spec, permutations });
        const inverse = invertPermutations(spec, permutations);
        assert.deepEqual(permuteModel({ weights: there, layout, spec, permutations: inverse }), weights);
      }),
      { seed: 3, numRuns: 150 },
    );
  });

  it('compose to what they do one after the other', () => {
    fc.assert(
      fc.property(cases, ({ layout, spec, seed }) => {
        const weights = countedFrom(layout);
        const first = randomPermutations(spec, createRandom(`${seed} first`));
        const second = randomPermutations(spec, createRandom(`${seed} second`));
        const between = permuteModel({ weights, layout, spec, permutations: first });
        const after = permuteModel({ weights: between, layout, spec, permutations: second });
        const permutations = composePermutations(spec, { first, second });
        assert.deepEqual(permuteModel({ weights, layout, spec, permutations }), after);
      }),
      { seed: 4, numRuns: 150 },
    );
  });

  it('have no product where only some units move inside', () => {
    const inside = { name: 'inside', size: 2, axes: [{ tensor: 'a', axis: 0 }] };
    const whole = { name: 'whole', size: 2, axes: [{ tensor: 'a', axis: 0, block: 2 }] };
    const spec = { permutations: [inside, whole], untouched: [] };
    const swap = Uint32Array.of(1, 0);
    const first = new Map([['whole', swap]]);
    const second = new Map([['inside', swap]]);
    refusesSpec(() => composePermutations(spec, { first, second }), /axis 0 of tensor "a".*every unit/);
  });

  it('are drawn uniformly, each by its own name', () => {
    const drawn = (names: readonly string[], seed: string) => {
      const permutations = names.map((name) => ({ name, size: 3, axes: [] }));
      return randomPermutations({ permutations, untouched: [] }, createRandom(seed));
    };
    assert.deepEqual(drawn(['a', 'b'], 'seed').get('b'), drawn(['b'], 'seed').get('b'));
    const counts = new Map<string, number>();
    for (let i = 0; i < 600; i++) {
      const order = `${drawn(['a'], `${i}`).get('a')}`;
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.equal(counts.size, 6);
    // Five degrees of freedom: above 20 once in a thousand seeds.
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0);
    assert(chiSquare < 20, `${chiSquare}`);
  });

  it('are checked before they are combined', () => {
    const spec = { permutations: [{ name: 'p', size: 2, axes: [] }], untouched: [] };
    const wrong = new Map([['p', Uint32Array.of(0, 0)]]);
    refusesSpec(() => invertPermutations(spec, wrong), /"p"/);
    refusesSpec(() => composePermutations(spec, { first: new Map(), second: wrong }), /"p"/);
  });
});

describe('the numbers of the tiny models', () => {
  it('are those of their generator', () => {
    // State 1 becomes 1664525 + 1013904223 = 1015568748, and so on.
    assert.deepEqual(numbers(1, 1), [Math.floor(1015568748 / 256) / 2 ** 24 - 0.5]);
  });
});
