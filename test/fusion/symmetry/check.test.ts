import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkSpec } from '../../../fusion/symmetry/check.ts';
import type { PermutationOfUnits, PermutedAxis } from '../../../fusion/symmetry/permutation-spec.ts';
import { randomCases } from './support/random-spec.ts';
import { refusesSpec } from './support/refusal.ts';
import { layoutOfShapes } from './support/tiny-model.ts';

const layout = layoutOfShapes({ a: [8, 3], b: [3] });
const permutation = (name: string, size: number, ...axes: PermutedAxis[]): PermutationOfUnits => ({
  name,
  size,
  axes,
});
const check = (permutations: readonly PermutationOfUnits[], untouched: readonly string[]) => () =>
  checkSpec({ permutations, untouched }, layout);
const onA = (place: Partial<PermutedAxis> = {}): PermutedAxis => ({ tensor: 'a', axis: 0, ...place });

describe('a permutation spec', () => {
  it('accounts for every tensor by name', () => {
    check([permutation('p', 3, onA({ axis: 1 }), { tensor: 'b', axis: 0 })], [])();
    check([], ['a', 'b'])();
    refusesSpec(check([permutation('p', 8, onA())], []), /no permutation moves tensor "b": add it/);
    refusesSpec(check([], []), /"a", "b"/);
    refusesSpec(check([permutation('p', 8, onA())], ['a', 'b']), /both moves and leaves untouched "a"/);
    refusesSpec(check([], ['a', 'b', 'c']), /no tensor "c"/);
    refusesSpec(check([permutation('p', 3, { tensor: 'c', axis: 0 })], ['a', 'b']), /no tensor "c"/);
  });

  it('lists the first tensors only where there are many', () => {
    const many = layoutOfShapes(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`t${i}`, [1]])));
    refusesSpec(() => checkSpec({ permutations: [], untouched: [] }, many), /"t7" and 12 more/);
  });

  it('cuts names that are longer than anybody reads', () => {
    const long = layoutOfShapes({ ['x'.repeat(10_000)]: [1] });
    refusesSpec(() => checkSpec({ permutations: [], untouched: [] }, long), /^.{0,300}$/);
  });

  it('keeps its segments inside the axes', () => {
    refusesSpec(check([permutation('p', 3, onA({ axis: 2 }))], ['b']), /no axis 2 of tensor "a".*\[8, 3\]/);
    refusesSpec(check([permutation('p', 9, onA())], ['b']), /"p" reaches entry 9 of axis 0 of tensor "a"/);
    refusesSpec(check([permutation('p', 4, onA({ start: 1, repeats: 2 }))], ['b']), /reaches entry 9/);
    refusesSpec(check([permutation('p', 4, onA({ start: 1, block: 2 }))], ['b']), /reaches entry 9/);
    check([permutation('p', 2, onA({ start: 2, block: 3 }))], ['b'])();
  });

  it('has whole numbers and unique names', () => {
    refusesSpec(check([permutation('p', 0, onA())], ['b']), /"p" has no whole number of units/);
    refusesSpec(check([permutation('p', 1.5, onA())], ['b']), /"p" has no whole number of units/);
    const places = [{ start: -1 }, { block: 0 }, { repeats: 0.5 }, { axis: Number.NaN }, { block: 2 ** 60 }];
    for (const place of places)
      refusesSpec(
        check([permutation('p', 2, onA(place))], ['b']),
        /"p" has an impossible place on tensor "a"/,
      );
    const twice = [permutation('p', 2, onA()), permutation('p', 2, onA({ start: 2 }))];
    refusesSpec(check(twice, ['b']), /two permutations are called "p"/);
  });

  it('may have segments side by side, of one permutation too', () => {
    check([permutation('p', 4, onA(), onA({ start: 4 }))], ['b'])();
    check([permutation('p', 4, onA()), permutation('q', 4, onA({ start: 4 }))], ['b'])();
  });

  it('nests what lies inside single units, inside first', () => {
    const heads = permutation('heads', 2, onA({ block: 4 }));
    const nested = [
      onA(),
      onA({ start: 1 }),
      onA({ start: 5 }),
      onA({ repeats: 2 }),
      onA({ start: 4, repeats: 2 }),
      onA({ repeats: 4 }),
    ];
    for (const place of nested) {
      const inside = permutation('inside', 2, place);
      check([inside, heads], ['b'])();
      refusesSpec(
        check([heads, inside], ['b']),
        /overlap on axis 0 of tensor "a": one must lie in single units/,
      );
    }
    for (const place of [onA({ start: 3 }), onA({ start: 1, repeats: 3 }), onA({ block: 3 })])
      refusesSpec(check([permutation('inside', 2, place), heads], ['b']), /"inside" and "heads" overlap/);
  });

  it('does not overlap itself or cut across another one', () => {
    refusesSpec(check([permutation('p', 4, onA(), onA())], ['b']), /"p" and "p" overlap/);
    refusesSpec(check([permutation('p', 4, onA(), onA({ start: 3 }))], ['b']), /"p" and "p" overlap/);
    const two = [permutation('p', 4, onA({ start: 1 })), permutation('q', 4, onA({ start: 4 }))];
    refusesSpec(check(two, ['b']), /"q" and "p" overlap/);
  });

  it('is accepted exactly where entry by entry no unit is torn', () => {
    const place = fc.record({
      size: fc.integer({ min: 2, max: 3 }),
      start: fc.nat(4),
      repeats: fc.integer({ min: 1, max: 3 }),
      block: fc.integer({ min: 1, max: 3 }),
    });
    const wide = layoutOfShapes({ a: [32] });
    fc.assert(
      fc.property(place, place, (inner, outer) => {
        const entries = ({ start, repeats, size, block }: typeof inner, wanted: 'periods' | 'blocks') => {
          const [length, times] = wanted === 'periods' ? [size * block, repeats] : [block, repeats * size];
          return Array.from({ length: times }, (_, i) =>
            Array.from({ length }, (_, k) => start + i * length + k),
          );
        };
        const blocks = entries(outer, 'blocks');
        const isNested = entries(inner, 'periods').every((period) =>
          blocks.some((block) => period.every((entry) => block.includes(entry))),
        );
        const isApart = !entries(inner, 'blocks')
          .flat()
          .some((entry) => blocks.flat().includes(entry));
        const permutations = [inner, outer].map(({ size, ...rest }, index) =>
          permutation(`${index}`, size, { tensor: 'a', axis: 0, ...rest }),
        );
        const run = () => checkSpec({ permutations, untouched: [] }, wide);
        if (isNested || isApart) run();
        else assert.throws(run);
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it('is accepted where random ones are nested by construction', () => {
    fc.assert(
      fc.property(randomCases, (each) => checkSpec(each.spec, each.layout)),
      { seed: 6, numRuns: 100 },
    );
  });

  it('of a stranger takes no longer for many segments on one axis', () => {
    const long = layoutOfShapes({ a: [200_000] });
    const permutations = Array.from({ length: 100_000 }, (_, i) =>
      permutation(`${i}`, 2, { tensor: 'a', axis: 0, start: 2 * i }),
    );
    checkSpec({ permutations, untouched: [] }, long);
  });
});
