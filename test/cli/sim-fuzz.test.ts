import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { parseFailure, parseScenario, runBowlWorld, type Scenario, tryWorld } from '../../sim/index.ts';
import { lastLine, runProgram, sim } from './sim-command.ts';

const PLANTED = fileURLToPath(new URL('./planted-fuzz.ts', import.meta.url));
const CONSERVATION = 'what was left out plus what was sent is what was trained';
const PATIENCE = 'nobody waits for ever';

/** Fails without any bug: what is promised is more than any network can do. */
function impossible(peers = 5): Scenario {
  const parsed = parseScenario({
    name: 'no network is so quick',
    peers,
    manifest: { model: 'mlp:3', data: { inputs: 3, classes: 2 }, codec: 'sign' },
    compute: { roundMs: 10 },
    network: { latencyMs: [2_000, 2_000], duplicates: 0.1 },
    faults: [{ kind: 'kill', peer: 3, atMs: 500, restartMs: 900 }],
    attackers: [{ kind: 'sign-flip', peers: [1] }],
    checks: { patienceMs: 2_500 },
  });
  assert('scenario' in parsed);
  return parsed.scenario;
}

describe('meldmesh sim fuzz and shrink', function () {
  this.timeout(60_000);
  let folder = '';
  let failureFile = '';

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-fuzz-'));
    const { failure } = await tryWorld(impossible(), runBowlWorld);
    assert.equal(failure?.violation.checker, PATIENCE);
    failureFile = join(folder, 'failure.json');
    writeFileSync(failureFile, JSON.stringify(failure));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('runs as many worlds as it is told, in words and as one object, and ends with 0 where all are well', async () => {
    const flags = ['fuzz', '--seeds', '3', '--from', '1'];
    const [words, json] = await Promise.all([sim(flags), sim([...flags, '--json'])]);
    assert.equal(words.status, 0, words.stderr);
    assert.match(words.stdout, /^Random worlds from seed 1\.$/m);
    assert.match(words.stdout, /^3 worlds, .*: all of them well\.$/m);
    assert.equal(json.status, 0, json.stderr);
    assert.equal(json.stdout.trimEnd().split('\n').length, 1, 'nothing else on standard output');
    const report = JSON.parse(lastLine(json.stdout));
    assert.equal(report.worlds, 3);
    assert.deepEqual(report.failures, []);
    assert(report.events > 0 && report.virtualSeconds > 0 && report.seconds > 0);
  });

  it('ends with 1 at a failure: its lines, a file, the command that shows it again and the one that shrinks it', async () => {
    const cwd = mkdtempSync(join(folder, 'planted-'));
    const { status, stdout, stderr } = await runProgram([PLANTED, '1', '200'], { cwd });
    assert.equal(status, 1, stderr);
    const [file, ...more] = readdirSync(cwd);
    assert.match(file, /^sim-failure-\d+\.json$/);
    assert.deepEqual(more, []);
    const [seed] = /\d+/.exec(file) ?? [];
    const parsed = parseFailure(JSON.parse(readFileSync(join(cwd, file), 'utf8')));
    assert('failure' in parsed);
    assert.equal(parsed.failure.violation.checker, CONSERVATION);
    const { failures } = JSON.parse(lastLine(stdout));
    assert.equal(failures.length, 1);
    assert.equal(failures[0].seed, seed);
    assert.match(stderr, new RegExp(`^World ${seed} failed after .*: ${CONSERVATION}: `, 'm'));
    assert.match(stderr, /^ +\d+\.\d{3} s {2}\S{6} {2}\w+/m);
    assert.match(stderr, new RegExp(`^See it again: {2}meldmesh sim fuzz --from ${seed} --seeds 1$`, 'm'));
    assert.match(stderr, new RegExp(`^Make it small: meldmesh sim shrink ${file}$`, 'm'));
    // Members without the bug are well in this world.
    const [again, shrunk] = await Promise.all([
      sim(['fuzz', '--from', seed ?? '', '--seeds', '1'], { cwd }),
      sim(['shrink', file], { cwd }),
    ]);
    assert.equal(again.status, 0, again.stdout);
    assert.equal(shrunk.status, 1);
    assert.match(shrunk.stdout, /does not fail any more: nothing to shrink/);
    assert.deepEqual(readdirSync(cwd), [file], 'and nothing is written');
  });

  for (const name of ['small.yaml', 'small.json']) {
    it(`shrinks a failure to a scenario that fails in the same way when it is run (${name})`, async () => {
      const out = join(folder, name);
      const { status, stdout, stderr } = await sim(['shrink', failureFile, '-o', out, '--json']);
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^Shrinking 5 peers, 1 faults, 1 liars, 20 generations\.$/m);
      const { scenario, isSmallest, file } = JSON.parse(lastLine(stdout));
      assert.equal(file, out);
      assert(isSmallest);
      assert.deepEqual(parse(readFileSync(out, 'utf8')), scenario);
      assert.deepEqual([scenario.peers, scenario.faults, scenario.attackers], [2, [], []]);
      const replayed = await sim([out]);
      assert.equal(replayed.status, 1);
      assert.match(replayed.stdout, new RegExp(`^VIOLATED: ${PATIENCE}$`, 'm'));
    });
  }

  it('writes beside the failure where nothing else is said', async () => {
    const { status, stdout } = await sim(['shrink', failureFile]);
    assert.equal(status, 0);
    const out = join(folder, 'failure-small.json');
    assert(existsSync(out));
    assert(stdout.includes(`See it fail: meldmesh sim ${out}`));
  });

  it('ends at Ctrl-C with what there is so far', async () => {
    // So many peers that making them fewer takes longer than a signal does.
    const { failure } = await tryWorld(impossible(48), runBowlWorld);
    const large = join(folder, 'large.json');
    writeFileSync(large, JSON.stringify(failure));
    const onOutput = { onOutput: (child: { kill(signal: 'SIGINT'): void }) => child.kill('SIGINT') };
    const [fuzzed, shrunk] = await Promise.all([
      sim(['fuzz', '--seeds', '100000'], onOutput),
      sim(['shrink', large, '-o', join(folder, 'stopped.json')], onOutput),
    ]);
    assert.deepEqual([fuzzed.status, shrunk.status], [130, 130]);
    assert.match(fuzzed.stdout, /^Stopped by Ctrl-C; .*\n.* worlds, .*: all of them well\.$/m);
    assert.match(shrunk.stdout, /^Stopped by Ctrl-C/m);
    assert.deepEqual([fuzzed.stderr, shrunk.stderr], ['', '']);
  });

  it('refuses what is no failure and no number with a sentence', async () => {
    const notOne = join(folder, 'no-failure.json');
    writeFileSync(notOne, '{"scenario":{"name":"x","peers":0}}');
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, '{');
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [
        ['shrink', notOne],
        /^MELDMESH_SIM_FILE: .*no-failure\.json is not the file of a failure: scenario: peers/,
      ],
      [['shrink', broken], /^MELDMESH_SIM_FILE: .*broken\.json cannot be read as JSON/],
      [['shrink', join(folder, 'none.json')], /^MELDMESH_SIM_FILE: .*What to do: Give the file that/s],
      [['shrink'], /^MELDMESH_USAGE: /],
      [['fuzz', '--seeds', 'many'], /^MELDMESH_USAGE: .*Give a whole number from 1/],
      [['fuzz', '--minutes', '0'], /^MELDMESH_USAGE: .*Give a number above 0/],
      [['fuzz', 'clean'], /^MELDMESH_USAGE: /],
    ];
    const ends = await Promise.all(cases.map(([words]) => sim(words)));
    for (const [i, { status, stderr, stdout }] of ends.entries()) {
      assert.equal(status, 1, cases[i][0].join(' '));
      assert.match(stderr, cases[i][1]);
      assert.equal(stdout, '');
    }
  });
});
