import assert from 'node:assert/strict';
import {
  type FuseContext,
  fuse,
  robustMeanNamed,
  ruleWords,
  type Update,
} from '../../../fusion/robust/index.ts';

const SIZE = 6;
/** All rules, with parameters for which seven members are enough. */
const RULES = ruleWords.map((word) => (word === 'bulyan' ? 'bulyan:0.1' : word));

function good(count: number): Update[] {
  return Array.from({ length: count }, (_, i) => ({
    values: Float32Array.from({ length: SIZE }, (_, k) => i + k),
    weight: 1,
  }));
}

function refuses(
  { updates, name = 'mean', ...context }: FuseContext & { updates: readonly Update[]; name?: string },
  code: string,
  message: RegExp,
): void {
  const run = () => fuse({ size: SIZE, updates }, robustMeanNamed(name), context);
  assert.throws(run, { code: `MELDMESH_FUSION_${code}`, message }, name);
}

describe('a robust mean refuses', () => {
  it('an empty set', () => {
    for (const name of RULES) refuses({ updates: [], name }, 'TOO_FEW', /no update to fuse/);
  });

  it('fewer updates than its promise takes, and says how many', () => {
    const needs = { trimmed: 3, krum: 5, 'multi-krum': 5, 'bulyan:0.1': 7, 'minimum-diameter': 3, median: 3 };
    for (const [name, count] of Object.entries({ ...needs, 'sign-election': 3, 'nnm|mean': 3 })) {
      for (let given = 1; given < count; given++) {
        refuses(
          { updates: good(given), name },
          'TOO_FEW',
          /needs \d+ updates and has \d; add updates, or an altern/,
        );
      }
      fuse({ size: SIZE, updates: good(count) }, robustMeanNamed(name));
    }
    refuses({ updates: good(2), name: 'krum' }, 'TOO_FEW', /^krum:0.2 needs 5 updates and has 2;/);
    refuses(
      { updates: good(5), name: 'bucket|krum', seed: '' },
      'TOO_FEW',
      /krum:0.2 needs 5 updates and has 3/,
    );
  });

  it('a number that is not finite, and names update and place', () => {
    for (const name of RULES.concat('clip|mean', 'nnm|median')) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        const updates = good(7);
        updates[4].values[5] = bad;
        const reference = { values: new Float32Array(SIZE).fill(1) };
        const message = new RegExp(`^update 4 has ${bad} at place 5; leave this update out`);
        refuses({ updates, name, reference }, 'NOT_FINITE', message);
        updates[4] = {
          places: Uint32Array.of(1, 3),
          values: Float32Array.of(0, bad),
          weight: 1,
          name: 'bob',
        };
        refuses({ updates, name, reference }, 'NOT_FINITE', /^bob has .* at place 3/);
      }
    }
  });

  it('values or places of another form than the model', () => {
    const values = Float32Array.of(1, 2);
    const withOne = (update: Partial<Update>) => [...good(3), { values, weight: 1, ...update }];
    refuses({ updates: withOne({}) }, 'SHAPE', /^update 3 has 2 values, the model has 6\./);
    refuses({ updates: withOne({ places: Uint32Array.of(1) }) }, 'SHAPE', /has 1 places and 2 values/);
    refuses(
      { updates: withOne({ places: Uint32Array.of(1, 6) }) },
      'SHAPE',
      /names the place 6 of a model of 6/,
    );
    for (const places of [Uint32Array.of(3, 1), Uint32Array.of(2, 2)]) {
      refuses({ updates: withOne({ places }) }, 'SHAPE', /names its places out of order/);
    }
  });

  it('a weight that is none', () => {
    for (const weight of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const updates = [...good(3), { ...good(1)[0], weight }];
      refuses({ updates }, 'SPEC', /^update 3 weighs .*; give a weight above 0/);
    }
  });

  it('to draw without a seed, and to trust without a reference', () => {
    refuses(
      { updates: good(7), name: 'bucket|mean' },
      'SPEC',
      /bucket:2 draws buckets, and no seed was given/,
    );
    refuses({ updates: good(7), name: 'fltrust' }, 'SPEC', /fltrust measures by a reference update/);
    const zero = { values: new Float32Array(SIZE) };
    refuses(
      { updates: good(7), name: 'fltrust', reference: zero },
      'SPEC',
      /a reference update that is not zero/,
    );
    const short = { values: new Float32Array(2) };
    refuses({ updates: good(7), name: 'fltrust', reference: short }, 'SHAPE', /^The reference has 2 values/);
    const infinite = { values: new Float32Array(SIZE).fill(Number.POSITIVE_INFINITY) };
    refuses(
      { updates: good(7), name: 'fltrust', reference: infinite },
      'NOT_FINITE',
      /^The reference has Infinity/,
    );
  });

  it('to search for more attackers than it can', () => {
    const updates = Array.from({ length: 90 }, () => good(1)[0]);
    refuses(
      { updates, name: 'minimum-diameter' },
      'SPEC',
      /for 18 attackers among 90 updates; it can for up to 16/,
    );
  });
});

describe('a robust mean of zeros', () => {
  it('is zero, also where all members but one are zero', () => {
    const zeros: Update[] = good(7).map((update) => ({ ...update, values: new Float32Array(SIZE) }));
    const reference = { values: new Float32Array(SIZE).fill(1) };
    for (const name of RULES.concat('clip|mean', 'nnm|trimmed')) {
      const { change } = fuse({ size: SIZE, updates: zeros }, robustMeanNamed(name), { reference });
      assert.deepEqual(change.values, new Float32Array(SIZE), name);
    }
    const one = [...zeros.slice(1), { values: new Float32Array(SIZE).fill(3), weight: 1 }];
    for (const name of ['median', 'trimmed', 'krum', 'centred-clip', 'clip|mean', 'minimum-diameter']) {
      const { change } = fuse({ size: SIZE, updates: one }, robustMeanNamed(name));
      assert.deepEqual(change.values, new Float32Array(SIZE), name);
    }
    const { change } = fuse({ size: SIZE, updates: one }, robustMeanNamed('geometric-median'));
    for (const value of change.values) assert(Math.abs(value) < 1e-9, `${value}`);
  });

  it('gives no trust to an update of norm zero', () => {
    const updates = [{ values: new Float32Array(SIZE), weight: 9 }, ...good(3)];
    const reference = { values: new Float32Array(SIZE).fill(2) };
    const { scores, change } = fuse({ size: SIZE, updates }, robustMeanNamed('fltrust'), { reference });
    assert.equal(scores?.[0], 0);
    assert(change.values.every((value) => value > 0));
  });

  it('of updates without any place has no place', () => {
    const empty = { places: new Uint32Array(0), values: new Float32Array(0), weight: 1 };
    for (const name of ['mean', 'median', 'trimmed', 'krum', 'clip|nnm|trimmed', 'geometric-median']) {
      const { change } = fuse({ size: SIZE, updates: Array(5).fill(empty) }, robustMeanNamed(name));
      assert.deepEqual(change, { places: new Uint32Array(0), values: new Float32Array(0) }, name);
    }
  });
});
