import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FusionError } from '../../../fusion/errors.ts';
import { mergePartially, type PartialMatchingOptions } from '../../../fusion/matching/partial.ts';
import { zipUnits } from '../../../fusion/matching/zip-groups.ts';
import { createRandom } from '../../../fusion/random.ts';
import { randomPermutations } from '../../../fusion/symmetry/permutations.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import * as small from './small-models.ts';

const model = small.mlp([5, 8, 6, 3]);
const inputs = small.randomInputs(200, 5, createRandom('probe'));
const activations = small.activationsOf(model, inputs, 50);

function pair(seed: string): PartialMatchingOptions {
  const [reference, other] = ['a', 'b'].map((name) =>
    small.randomWeights(model, createRandom(`${seed} ${name}`)),
  );
  return { ...model, reference, model: other, activations, outputs: 'apart' };
}

/** The logits of both models one after the other, and those of the merged one. */
function compare(options: PartialMatchingOptions, input: readonly number[]) {
  const merged = mergePartially(options);
  const wide = small.forward({ ...model, layout: merged.layout }, merged.weights, input);
  const both = [options.reference, options.model].flatMap((weights) => small.forward(model, weights, input));
  return { merged, wide, both };
}

function assertNear(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [at, value] of expected.entries())
    assert.ok(Math.abs(actual[at] - value) < 1e-4, `${actual} ${expected}`);
}

/** The whole of the greedy grouping, told as the paper tells it. */
function slowGroups(correlations: readonly number[][], size: number, min: number): string {
  let groups = correlations.map((_, unit) => [unit]);
  let similarity = correlations.map((row) => [...row]);
  const kinds = (group: readonly number[]) => new Set(group.map((unit) => unit < size));
  for (;;) {
    let best: [number, number] | undefined;
    for (const i of groups.keys()) {
      for (let j = i + 1; j < groups.length; j++) {
        const isMixed = kinds([...groups[i], ...groups[j]]).size === 2;
        const isOwn = kinds(groups[i]).size === 1 && kinds(groups[j]).size === 1 && !isMixed;
        if (isOwn || similarity[i][j] < min) continue;
        if (best === undefined || similarity[i][j] > similarity[best[0]][best[1]]) best = [i, j];
      }
    }
    if (best === undefined) return JSON.stringify(groups.map((group) => group.sort((a, b) => a - b)).sort());
    const [i, j] = best;
    const row = similarity[i].map((value, k) => 0.3 * Math.min(value, similarity[j][k]));
    similarity = similarity.map((values, k) =>
      values.map((value, l) => (k === i ? row[l] : l === i ? row[k] : value)),
    );
    similarity = similarity.filter((_, k) => k !== j).map((values) => values.filter((_, k) => k !== j));
    groups = groups.map((group, k) => (k === i ? [...group, ...groups[j]] : group)).filter((_, k) => k !== j);
  }
}

const codeOf = (options: PartialMatchingOptions): unknown => {
  try {
    mergePartially(options);
  } catch (error) {
    return error instanceof FusionError ? error.code : error;
  }
  return undefined;
};

describe('partial matching', () => {
  const input = [0.5, -1, 2, 0, 0.25];

  it('computes exactly what both models do where nothing is joined', () => {
    const { merged, wide, both } = compare({ ...pair('apart'), correlationMin: 1.1 }, input);
    assertNear(wide, both);
    assert.deepEqual(
      merged.layout.tensors.map(({ shape }) => shape.join()),
      ['5,16', '16', '16,12', '12', '12,6', '6'],
    );
  });

  it('is no wider than one model where both are the same but for the order of their units', () => {
    const options = pair('same');
    const permutations = randomPermutations(model.spec, createRandom('moves'));
    const moved = permuteModel({ weights: options.reference, ...model, permutations });
    const { merged, wide, both } = compare({ ...options, model: moved, correlationMin: 0.999 }, input);
    assertNear(wide, both);
    assert.deepEqual(merged.layout.tensors[2].shape, [8, 6]);
    const averaged = mergePartially({ ...options, model: moved, outputs: 'averaged' });
    assert.equal(averaged.layout.size, model.layout.size);
    assertNear(small.forward(model, averaged.weights, input), both.slice(0, 3));
  });

  it('joins what the models share and keeps the rest, with their functions unchanged', () => {
    const options = pair('half');
    const other = options.model.slice();
    const [kernel, bias] = model.layout.tensors;
    // Units 0 to 3 of the first layer are units 7 to 4 of the other model.
    for (let unit = 0; unit < 4; unit++) {
      other[bias.offset + 7 - unit] = options.reference[bias.offset + unit];
      for (let row = 0; row < 5; row++) {
        other[kernel.offset + 8 * row + 7 - unit] = options.reference[kernel.offset + 8 * row + unit];
      }
    }
    const { merged, wide, both } = compare({ ...options, model: other, correlationMin: 0.9999 }, input);
    assertNear(wide, both);
    assert.deepEqual(merged.layout.tensors[0].shape, [5, 12]);
    assert.equal(merged.groups.get('hidden_0')?.groupOf[0], merged.groups.get('hidden_0')?.groupOf[8 + 7]);
  });

  it('stops at the width that is asked for', () => {
    const { layout } = mergePartially({ ...pair('width'), correlationMin: -1, widthMin: 1.5 });
    assert.deepEqual(layout.tensors[0].shape, [5, 12]);
    assert.deepEqual(layout.tensors[2].shape, [12, 9]);
  });

  it('averages what a group puts out and adds up what was read from it', () => {
    const tiny = small.mlp([1, 1, 1]);
    const merged = mergePartially({
      ...{ ...tiny, reference: Float32Array.of(1, 2, 3, 4), model: Float32Array.of(3, 6, 5, 8) },
      activations: () => [Float32Array.of(1, 2, 3)],
      outputs: 'averaged',
    });
    assert.deepEqual([...merged.weights], [2, 4, 4, 6]);
  });

  it('merges convolutions with their statistics and the dense layer behind a flattening', () => {
    const net = small.convolutional(4, 3);
    const random = createRandom('conv');
    const reference = small.randomWeights(net, random);
    const channels = (weights: Float32Array) => [weights.slice(0, 12)];
    const options = {
      ...net,
      reference,
      model: reference,
      activations: channels,
      outputs: 'averaged',
    } as const;
    assert.deepEqual(mergePartially(options).weights, reference);
    const wide = mergePartially({ ...options, correlationMin: 1.1, outputs: 'apart' });
    assert.deepEqual(
      wide.layout.tensors.map(({ shape }) => shape.join()),
      ['3,3,3,8', '8', '8', '8', '8', '3,3,8,8', '8', '8', '8', '8', '24,20'],
    );
  });

  it('groups as the slow version of the greedy rule does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer(),
        fc.constantFrom(-2, 0, 0.1, 0.5),
        (size, seed, min) => {
          const random = createRandom(`groups ${seed}`);
          const matrix = Array.from({ length: 2 * size }, () => new Array<number>(2 * size).fill(1));
          for (let i = 0; i < 2 * size; i++) {
            for (let j = 0; j < i; j++) {
              matrix[i][j] = 2 * random.float() - 1;
              matrix[j][i] = matrix[i][j];
            }
          }
          const { groupOf, count } = zipUnits({
            ...{ correlations: Float64Array.from(matrix.flat()), size, correlationMin: min },
            ...{ groupsMin: 1, sameModelShare: 0 },
          });
          const groups = Array.from({ length: count }, (_, group) =>
            [...groupOf.keys()].filter((unit) => groupOf[unit] === group),
          );
          assert.equal(JSON.stringify(groups.sort()), slowGroups(matrix, size, min));
        },
      ),
      { seed: 67, numRuns: 100 },
    );
  });

  it('joins units of one model only as far as it may', () => {
    const correlations = Float64Array.from({ length: 64 }, (_, at) => (at >> 5 === (at & 7) >> 2 ? 0.9 : 0));
    const options = { correlations, size: 4, correlationMin: 0.1, groupsMin: 1 };
    assert.equal(zipUnits({ ...options, sameModelShare: 0 }).count, 8);
    assert.equal(zipUnits({ ...options, sameModelShare: 0.25 }).count, 6);
  });

  it('refuses activations that do not fit, and permutations that it cannot group', () => {
    const fine = pair('bad');
    assert.equal(codeOf({ ...fine, activations: () => [] }), 'MELDMESH_FUSION_TOO_FEW');
    const uneven = (weights: Float32Array) => [new Float32Array(weights === fine.model ? 24 : 48)];
    assert.equal(codeOf({ ...fine, activations: uneven }), 'MELDMESH_FUSION_SHAPE');
    const broken = () => [new Float32Array(48).fill(Number.NaN)];
    assert.equal(codeOf({ ...fine, activations: broken }), 'MELDMESH_FUSION_NOT_FINITE');
    assert.equal(codeOf({ ...fine, model: fine.model.subarray(1) }), 'MELDMESH_FUSION_SHAPE');
    const heads = small.transformer({ vocabulary: 3, width: 4, heads: 2, headWidth: 2, hidden: 3 });
    const weights = small.randomWeights(heads, createRandom('heads'));
    const nested = { ...heads, reference: weights, model: weights, activations, outputs: 'apart' } as const;
    assert.equal(codeOf(nested), 'MELDMESH_FUSION_SPEC');
  });
});
