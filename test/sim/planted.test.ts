// A search that finds nothing proves nothing: three bugs are put into members on purpose, and each has to be found.
import assert from 'node:assert/strict';
import { fuzz } from '../../sim/index.ts';
import { arrivalOrder, droppedDedupe, forgottenResidual, planted } from './planted/bugs.ts';

const SEEDS_MAX = 200;
const BUGS = [
  { name: 'a record applied twice', bug: droppedDedupe, checker: 'equal sets give equal digests' },
  {
    name: 'a residual forgotten at a restart',
    bug: forgottenResidual,
    checker: 'what was left out plus what was sent is what was trained',
  },
  {
    name: 'sums in float32 in the order of arrival',
    bug: arrivalOrder,
    checker: 'equal sets give equal digests',
  },
] as const;

describe('the search through random worlds finds a planted bug:', () => {
  for (const { name, bug, checker } of BUGS) {
    it(`${name}, within ${SEEDS_MAX} seeds that are clean without it`, async function () {
      this.timeout(60_000);
      const { failures, worlds } = await fuzz({ seeds: SEEDS_MAX, run: planted(bug), twiceShare: 0 });
      assert.equal(failures.length, 1, `not found in ${worlds} worlds`);
      assert.equal(failures[0].violation.checker, checker);
      const clean = await fuzz({ seeds: worlds, twiceShare: 0 });
      assert.deepEqual(clean.failures, []);
    });
  }
});
