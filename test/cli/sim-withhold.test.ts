import assert from 'node:assert/strict';
import { withheldDigits } from '../sim/withheld-digits.ts';

/** What an attack may cost for a moment. */
const DIP_MAX = 0.02;

describe('three generations of digits, kept back and published at once', function () {
  this.timeout(120_000);

  it('by one or two of ten peers cost the others at most two points of accuracy for a moment', async () => {
    const world = { seed: '1', strength: 3, generations: 14, model: 'mlp:32' };
    const quiet = await withheldDigits({ ...world, liars: [] });
    assert.equal(quiet.corrections, 0);
    for (const liars of [[3], [3, 7]]) {
      const { corrections, largest, generation, scores } = await withheldDigits({ ...world, liars });
      assert(corrections > 8, `${corrections} corrections`);
      assert(largest <= DIP_MAX, `${liars.length} liars: ${100 * largest} points at ${generation}`);
      const behind = (quiet.scores.get(14) ?? 0) - (scores.get(14) ?? 0);
      assert(behind <= DIP_MAX, `${liars.length} liars: ${100 * behind} points behind at the end`);
    }
  });
});
