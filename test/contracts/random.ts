// What every `RandomSource` promises: seeded, forked by name, and no draw of one stream shifts another.
import assert from 'node:assert/strict';
import type { RandomSource } from '../../protocols/index.ts';

const DRAWS = 4_000;

const draws = (source: RandomSource, count = 20): readonly number[] =>
  Array.from({ length: count }, () => source.uint32());

/** Registers the suite. `make` gives the same source for the same seed. */
export function randomContract(name: string, make: (seed: string) => RandomSource): void {
  describe(`the random contract: ${name}`, () => {
    it('repeats itself for a seed, and differs for another', () => {
      assert.deepEqual(draws(make('one')), draws(make('one')));
      assert.notDeepEqual(draws(make('one')), draws(make('two')));
    });

    it('gives a child its own stream by name, whatever was drawn or forked before', () => {
      const expected = draws(make('one').fork('network'));
      const used = make('one');
      draws(used, 33);
      draws(used.fork('learner'));
      assert.deepEqual(draws(used.fork('network')), expected);
      assert.notDeepEqual(draws(used.fork('learner')), expected);
      assert.notDeepEqual(draws(make('two').fork('network')), expected);
      assert.notDeepEqual(draws(make('one').fork('network').fork('network')), expected);
    });

    it('is not shifted by its children, nor they by one another', () => {
      const alone = draws(make('one'));
      const parent = make('one');
      const [first, second] = [parent.fork('a'), parent.fork('b')];
      const mixed = alone.map(() => [first.uint32(), parent.uint32(), second.uint32()]);
      assert.deepEqual(
        mixed.map(([, own]) => own),
        alone,
      );
      assert.deepEqual(
        mixed.map(([own]) => own),
        draws(make('one').fork('a')),
      );
      assert.deepEqual(
        mixed.map(([, , own]) => own),
        draws(make('one').fork('b')),
      );
    });

    it('stays in its ranges and reaches all of them evenly', () => {
      const source = make('ranges');
      const counts = new Array<number>(7).fill(0);
      let [words, floats] = [0, 0];
      for (let draw = 0; draw < DRAWS; draw++) {
        const word = source.uint32();
        assert(Number.isInteger(word) && word >= 0 && word < 2 ** 32);
        words += word / 2 ** 32;
        const float = source.float();
        assert(float >= 0 && float < 1);
        floats += float;
        counts[source.below(7)]++;
        assert.equal(source.below(1), 0);
      }
      // Four standard deviations, for a seed that is fixed.
      const slack = 4 * Math.sqrt(DRAWS / 12);
      for (const sum of [words, floats]) assert(Math.abs(sum - DRAWS / 2) < slack, `${sum}`);
      for (const count of counts) assert(Math.abs(count - DRAWS / 7) < 4 * Math.sqrt(DRAWS / 7), `${counts}`);
    });
  });
}
