import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { CliError, formatError } from '../../cli/errors.ts';

const plain = { debug: false };

function caught(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('an error on the command line', () => {
  it('is a code, one sentence and what to do', () => {
    const error = new CliError('MELDMESH_USAGE', 'There is no data', { hint: 'Give --data PATH' });
    assert.equal(
      formatError(error, plain),
      'MELDMESH_USAGE: There is no data.\nWhat to do: Give --data PATH.',
    );
  });

  it('of another room keeps its code and its own sentence', () => {
    const error = Object.assign(new Error('The store is locked: stop the other node.'), {
      code: 'MELDMESH_STORE_LOCKED',
    });
    assert.equal(
      formatError(error, plain),
      'MELDMESH_STORE_LOCKED: The store is locked: stop the other node.',
    );
  });

  it('of the operating system gets a code of ours and a way out', () => {
    const missing = formatError(
      caught(() => readFileSync('/nowhere/at/all')),
      plain,
    );
    assert.match(missing, /^MELDMESH_ENOENT: .*\/nowhere\/at\/all'\.\nWhat to do: Check the path/);
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    assert.match(formatError(full, plain), /MELDMESH_ENOSPC.*\n.*nothing is lost\.$/);
  });

  it('that nobody foresaw says how to look closer, and shows its stack only when asked', () => {
    const error = new TypeError('x is undefined', { cause: new RangeError('because of y') });
    assert.match(formatError(error, plain), /^MELDMESH_UNEXPECTED: x is undefined\.\nWhat to do: .*--debug/);
    assert.doesNotMatch(formatError(error, plain), /\n\s+at /);
    const deep = formatError(error, { debug: true });
    assert.match(deep, /TypeError: x is undefined\n\s+at /);
    assert.match(deep, /RangeError: because of y/);
  });
});
