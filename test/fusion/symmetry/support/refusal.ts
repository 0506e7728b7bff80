// How the tests of this folder expect a caller's mistake to be told: a FusionError with its code, and a message that
// names what is wrong. It knows no rule itself.
import assert from 'node:assert/strict';
import { FusionError, type FusionErrorCode } from '../../../../fusion/errors.ts';

export function refuses(run: () => unknown, code: FusionErrorCode, why: RegExp): void {
  assert.throws(run, (error) => {
    assert(error instanceof FusionError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, why);
    return true;
  });
}

export const refusesSpec = (run: () => unknown, why: RegExp): void =>
  refuses(run, 'MELDMESH_FUSION_SPEC', why);
