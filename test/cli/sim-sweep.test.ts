import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectVariation, seedList, shardChoice } from '../../cli/commands/sim.ts';
import { cellsOf, isInShard } from '../../cli/sim/sweep/grid.ts';
import { NO_FLAGS, sim, TINY } from './sim-command.ts';

const GRID = ['clean', ...TINY, '--seeds', '1..2', '--vary', 'codec=top10:8,int8'];

/** The table, without the lines that depend on the machine. */
const tableOf = (text: string): string =>
  text
    .split('\n')
    .filter((line) => /^[│┌├└]/.test(line))
    .join('\n');

describe('a sweep', function () {
  this.timeout(60_000);
  let folder = '';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-sweep-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('gives the same table in one run and in parts that are merged', async () => {
    const out = join(folder, 'parts');
    const whole = await sim(GRID);
    assert.equal(whole.status, 0, whole.stderr);
    for (const part of ['1/2', '2/2']) {
      const { status, stderr } = await sim([...GRID, '--shard', part, '--out', out]);
      assert.equal(status, 0, stderr);
    }
    const merged = await sim(['merge', out]);
    assert.equal(merged.status, 0, merged.stderr);
    assert.equal(tableOf(merged.stdout), tableOf(whole.stdout));
    assert.match(tableOf(merged.stdout), /codec=int8 .* 2 of 2/);
    assert.equal(readdirSync(out).length, 4);
    const lines = (await sim(['merge', out, '--json'])).stdout.trimEnd().split('\n');
    const seeds = lines.map((line) => JSON.parse(line)).map(({ varied, seed }) => `${varied.codec} ${seed}`);
    assert.deepEqual(seeds, ['int8 1', 'int8 2', 'top10:8 1', 'top10:8 2']);
  });

  it('does not run again what is in the folder already', async () => {
    const out = join(folder, 'kept');
    const one = ['clean', ...TINY, '--seeds', '5', '--out', out, '--json'];
    const [first, second] = [await sim(one), await sim(one)];
    // Real seconds would differ.
    assert.equal(first.stdout, second.stdout);
  });

  it('refuses a damaged result and an empty folder with a sentence', async () => {
    writeFileSync(join(folder, `${'0'.repeat(64)}.json`), '{"half":');
    const [damaged, empty] = await Promise.all([
      sim(['merge', folder]),
      sim(['merge', join(folder, 'nothing')]),
    ]);
    for (const { status, stderr } of [damaged, empty]) {
      assert.equal(status, 1);
      assert.match(stderr, /^MELDMESH_SIM_SWEEP: /);
    }
  });

  it('gives every cell to exactly one part, by its content', () => {
    const grid = {
      flags: NO_FLAGS,
      seeds: seedList('1..20'),
      vary: [{ flag: 'codec', values: ['sign'] }] as const,
    };
    const cells = cellsOf('clean', grid);
    assert.equal(new Set(cells.map(({ hash }) => hash)).size, 20);
    for (const { hash } of cells) {
      const parts = [1, 2, 3].filter((part) => isInShard(hash, { part, of: 3 }));
      assert.equal(parts.length, 1);
    }
    assert.deepEqual(cells, cellsOf('clean', grid));
  });

  it('understands seeds, variations and parts, and refuses others', () => {
    assert.deepEqual(seedList('1..3,7,abc,7'), ['1', '2', '3', '7', 'abc']);
    assert.deepEqual(collectVariation('codec=top1:1,sign'), [{ flag: 'codec', values: ['top1:1', 'sign'] }]);
    assert.deepEqual(collectVariation('model="mlp:8,8",mlp:16')[0].values, ['mlp:8,8', 'mlp:16']);
    assert.deepEqual(shardChoice('3/20'), { part: 3, of: 20 });
    for (const wrong of ['5..1', '1,,2', '']) assert.throws(() => seedList(wrong), /Give /);
    for (const wrong of ['colour=red', 'codec', 'codec='])
      assert.throws(() => collectVariation(wrong), /Give /);
    for (const wrong of ['0/3', '4/3', '1']) assert.throws(() => shardChoice(wrong), /Give /);
  });

  it('refuses a value that its flag does not take before anything runs', async () => {
    const { status, stderr } = await sim(['clean', '--vary', 'peers=ten']);
    assert.equal(status, 1);
    assert.match(stderr, /MELDMESH_USAGE: --vary peers=ten: Give a whole number/);
  });
});
