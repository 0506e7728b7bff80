// Small models with a permutation spec drawn at random, nested as specs may be, for fast-check. It knows nothing of
// networks: the specs fit, but are nobody's symmetries.
import fc from 'fast-check';
import type { PermutationOfUnits, PermutationSpec } from '../../../../fusion/symmetry/permutation-spec.ts';
import type { ModelLayout } from '../../../../fusion/types.ts';
import { layoutOfShapes } from './tiny-model.ts';

export interface RandomCase {
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
  readonly seed: string;
}

const count = fc.integer({ min: 1, max: 3 });

/**
 * Units (outer) of `inner` entries each, which move among themselves inside each unit, on an axis of outer · inner ·
 * block entries that is read `repeats` times after `start` entries that rest, between other axes that rest or move as
 * well.
 */
export const randomCases: fc.Arbitrary<RandomCase> = fc
  .record({
    outer: count,
    inner: count,
    block: count,
    repeats: count,
    start: fc.nat(2),
    rest: fc.nat(2),
    leading: count,
    trailing: count,
    seed: fc.string({ maxLength: 4 }),
  })
  .map(({ outer, inner, block, repeats, start, rest, leading, trailing, seed }) => {
    const width = outer * inner;
    const layout = layoutOfShapes({
      kernel: [leading, start + repeats * width * block + rest, trailing, width],
      bias: [width],
      alone: [2, trailing],
    });
    const period = width * block;
    const insides = Array.from({ length: outer }, (_, unit): PermutationOfUnits => {
      const at = (repeat: number): number => start + repeat * period + unit * inner * block;
      const kernel = Array.from({ length: repeats }, (_, repeat) => ({
        tensor: 'kernel',
        axis: 1,
        start: at(repeat),
        block,
      }));
      const plain = [
        { tensor: 'kernel', axis: 3, start: unit * inner },
        { tensor: 'bias', axis: 0, start: unit * inner },
      ];
      return { name: `inside ${unit}`, size: inner, axes: [...kernel, ...plain] };
    });
    const whole: PermutationOfUnits = {
      name: 'whole',
      size: outer,
      axes: [
        { tensor: 'kernel', axis: 1, start, repeats, block: inner * block },
        { tensor: 'kernel', axis: 3, block: inner },
        { tensor: 'bias', axis: 0, block: inner },
      ],
    };
    return { layout, spec: { permutations: [...insides, whole], untouched: ['alone'] }, seed };
  });
