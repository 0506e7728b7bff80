import assert from 'node:assert/strict';
import { fuse, robustMeanNamed, ruleWords, stepWords } from '../../../fusion/robust/index.ts';

const code = 'MELDMESH_FUSION_SPEC';

function refuses(name: string, message: RegExp): void {
  assert.throws(() => robustMeanNamed(name), { code, message }, name);
}

describe('the name of a robust mean', () => {
  it('is filled up with defaults to its canonical form, which stays as it is', () => {
    const canonical = {
      mean: 'mean',
      median: 'median:3',
      'clip|nnm|trimmed:0.2': 'clip:1|nnm:0.2|trimmed:0.2,1',
      'equal|bucket|geometric-median': 'equal|bucket:2|geometric-median',
      'bulyan:0.10/krum/centred-clip:2': 'bulyan:0.1/krum:0.2/centred-clip:2,3',
    };
    for (const [name, expected] of Object.entries(canonical)) {
      assert.equal(robustMeanNamed(name).name, expected);
      assert.equal(robustMeanNamed(expected).name, expected);
    }
  });

  it('may use every word', () => {
    for (const rule of ruleWords) {
      for (const step of stepWords) {
        const { name } = robustMeanNamed(`${step}|${rule}`);
        assert(name.startsWith(step) && name.includes(`|${rule}`), name);
      }
    }
  });

  it('with a wrong word is refused with those that there are', () => {
    refuses('medain', /There is no rule "medain"; use one of mean, median, trimmed/);
    refuses('klip|mean', /There is no step "klip"; use one of equal, clip, nnm, bucket/);
    refuses('', /There is no rule ""/);
    refuses('clip|', /There is no rule ""/);
    refuses('mean/', /There is no rule ""/);
    refuses('toString', /There is no rule "toString"/);
    refuses('mean|mean', /"mean" is no step, and only steps stand in front of a rule/);
    refuses('clip', /"clip" is no rule, and the last word is a rule/);
  });

  it('with a wrong number is refused with the range', () => {
    refuses('trimmed:0.5', /The share of attackers in "trimmed:0.5" is a number .* from 0 to 0.499/);
    refuses('median:0', /The support in "median:0" is a whole number from 1 to 9999/);
    refuses('median:2.5', /whole number/);
    refuses('krum:1e-1', /share of attackers/);
    refuses('krum:0.1234', /up to three digits/);
    refuses('krum: 0.1', /share of attackers/);
    refuses('krum:', /share of attackers/);
    refuses('krum:-0.1', /share of attackers/);
    refuses('krum:0.1,2', /has more than 1 parameters/);
    refuses('mean:1', /has more than 0 parameters/);
    refuses('krum:0.1:2', /share of attackers/);
    refuses('mean/'.repeat(50), /at most 200 letters/);
  });

  it('with alternatives means the first that has enough members', () => {
    const mean = robustMeanNamed('clip|krum:0.2/median/mean');
    const used = (count: number): string => {
      const updates = Array.from({ length: count }, (_, i) => ({ values: Float32Array.of(i), weight: 1 }));
      return fuse({ size: 1, updates }, mean).rule;
    };
    // Of six, 20 % may be two: one more than Krum can bear then.
    assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map(used), [
      'mean',
      'mean',
      'median:3',
      'median:3',
      'clip:1|krum:0.2',
      'median:3',
      'clip:1|krum:0.2',
    ]);
  });
});
