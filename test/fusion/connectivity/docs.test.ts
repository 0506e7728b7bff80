import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as fusion from '../../../fusion/index.ts';

const page = readFileSync(new URL('../../../docs/mode-connectivity.md', import.meta.url), 'utf8');

describe('the page on mode connectivity', () => {
  it('has an example that prints what it says', () => {
    const [, program] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
    const [, expected] = /It prints\n\n```\n([\s\S]*?)```/.exec(page) ?? [];
    const door = new URL('../../../fusion/index.ts', import.meta.url).href;
    const text = program.replace("'meldmesh/fusion'", `'${door}'`);
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', text];
    const { stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
    assert.equal(stdout, expected, stderr);
  });

  it('names only what the library has', () => {
    const table = page.slice(page.indexOf('## What there is'), page.indexOf('## Measured'));
    const rows = table.split('\n').filter((line) => line.startsWith('| `'));
    assert.ok(rows.length > 10);
    for (const row of rows) {
      for (const [, name] of row.split('|')[1].matchAll(/`(\w+)`/g)) assert.ok(name in fusion, name);
    }
  });
});
