import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simReportSchema } from '../../cli/sim/report.ts';
import { readScenario } from '../../cli/sim/scenario.ts';
import { PRESETS, parseScenario } from '../../sim/index.ts';
import { lastLine, NO_FLAGS, sim, TINY } from './sim-command.ts';

describe('meldmesh sim', function () {
  this.timeout(60_000);
  let folder = '';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-sim-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const reportOf = (text: string) => simReportSchema.parse(JSON.parse(lastLine(text)));

  it('lists every preset with its story', async () => {
    const { status, stdout } = await sim(['--list']);
    assert.equal(status, 0);
    for (const { name } of PRESETS) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
    assert.match(stdout, /^ {2}sign-flip /m);
    const { stdout: json } = await sim(['--list', '--json']);
    assert.equal(JSON.parse(json).presets.length, PRESETS.length);
  });

  for (const preset of PRESETS) {
    it(`has a preset ${preset.name} that is a whole scenario at any size`, () => {
      for (const size of [{}, { peers: 2 }, { peers: 7, generations: 3 }]) {
        const parsed = parseScenario(preset.scenario(size));
        assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
        assert(parsed.scenario.story !== undefined && parsed.scenario.story.length > 40);
      }
    });
  }

  for (const name of ['clean', 'wan', 'mobile', 'partition', 'stragglers', 'liars', 'flash-crowd']) {
    it(`runs ${name} until the honest peers agree`, async () => {
      const { status, stdout, stderr } = await sim([name, ...TINY, '--json']);
      assert.equal(status, 0, stderr);
      const report = reportOf(stdout);
      assert.equal(report.peers.length, 4);
      assert.equal(report.agreed, true);
      assert(report.events > 0 && report.virtualSeconds > 1);
    });
  }

  it('gives the object of `mesh --json` with the trace hash, and nothing else on standard output', async () => {
    const { stdout, stderr } = await sim(['clean', ...TINY, '--json']);
    assert.equal(stdout.trimEnd().split('\n').length, 1);
    const report = reportOf(stdout);
    assert.match(report.traceHash, /^[0-9a-f]{64}$/);
    assert.equal(report.history.length, report.generations);
    assert(report.history.every(({ digest }) => digest.every((each) => each !== null)));
    assert.match(stderr, /All four honest peers hold one model/);
  });

  it('is repeated to the last bit by its seed in another process, and is another run with another seed', async () => {
    const [first, second, other] = await Promise.all(
      ['7', '7', '8'].map(async (seed) =>
        reportOf((await sim(['wan', ...TINY, '--seed', seed, '--json'])).stdout),
      ),
    );
    assert.equal(first.traceHash, second.traceHash);
    assert.deepEqual(
      first.peers.map(({ digest }) => digest),
      second.peers.map(({ digest }) => digest),
    );
    assert.notEqual(first.traceHash, other.traceHash);
  });

  it('trains on digits, and on two threads with the same bits', async () => {
    const digits = [
      'clean',
      '--peers',
      '3',
      '--generations',
      '2',
      '--samples',
      '300',
      '--model',
      'mlp:8',
      '--json',
    ];
    const [one, two] = await Promise.all([
      sim([...digits, '--threads', '1']),
      sim([...digits, '--threads', '2']),
    ]);
    assert.equal(one.status, 0, one.stderr);
    assert.equal(reportOf(one.stdout).traceHash, reportOf(two.stdout).traceHash);
    assert.equal(reportOf(one.stdout).backend, 'wasm');
    assert((reportOf(one.stdout).peers[0].accuracy ?? 0) > 0.1);
  });

  it('runs the scenario file of the documentation', () => {
    const document = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
    const [, example] = /```yaml\n(name: [\s\S]*?)```/.exec(document) ?? [];
    const file = join(folder, 'example.yaml');
    writeFileSync(file, example ?? '');
    const scenario = readScenario(file, NO_FLAGS);
    assert.equal(scenario.faults.length, 3);
    assert.deepEqual(readScenario(file, { ...NO_FLAGS, peers: 9, codec: 'sign' }).manifest.codec, 'sign');
  });

  it('tells the command that repeats the run', async () => {
    const { stdout } = await sim(['clean', ...TINY, '--seed', 'a b']);
    assert.match(stdout, /^Replay: meldmesh sim clean --seed 'a b' --peers 4 --generations 4 --data bowl$/m);
  });

  it('reads a scenario from a file or standard input, with flags on top', async () => {
    const file = join(folder, 'world.yaml');
    const text =
      'name: two kills\npeers: 4\nend: {generations: 3}\nfaults:\n  - {kind: kill, peer: 1, atMs: 500, restartMs: 1500}\n';
    writeFileSync(file, text);
    const [read, piped, flagged] = await Promise.all([
      sim([file, '--json']),
      sim(['-', '--json'], { input: text }),
      sim([file, '--json', '--generations', '5']),
    ]);
    assert.equal(read.status, 0, read.stderr);
    assert.equal(reportOf(read.stdout).traceHash, reportOf(piped.stdout).traceHash);
    assert.equal(reportOf(flagged.stdout).generations, 5);
  });

  it('tells every problem of a scenario file on a line of its own: file, path, sentence', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'name: bad\npeers: none\nnetwork: {loss: 2}\nfautls: []\n');
    const { status, stderr } = await sim([file]);
    assert.equal(status, 1);
    assert.match(stderr, /^MELDMESH_SIM_SCENARIO: /);
    const lines = stderr.split('\n').filter((line) => line.startsWith(`${file}: `));
    assert.equal(lines.length, 3);
    assert.match(stderr, /bad\.yaml: peers: ./);
    assert.match(stderr, /bad\.yaml: network\.loss: ./);
    assert.match(stderr, /fautls/);
  });

  it('says of a fault which peer is not there, and of an unknown preset which ones are', async () => {
    const file = join(folder, 'nobody.yaml');
    writeFileSync(file, 'name: nobody\npeers: 3\nfaults: [{kind: kill, peer: 9, atMs: 1}]\n');
    const [nobody, unknown, absent] = await Promise.all([sim([file]), sim(['wna']), sim(['./none.yaml'])]);
    assert.match(nobody.stderr, /nobody\.yaml: faults\.0: there is no peer 9/);
    assert.match(unknown.stderr, /^MELDMESH_USAGE: There is no preset "wna"\.\nWhat to do: Use clean, wan,/);
    assert.match(absent.stderr, /^MELDMESH_SIM_FILE: /);
    assert.deepEqual([nobody.status, unknown.status, absent.status], [1, 1, 1]);
  });

  it('stops at what must never be: the sentence, where and when, the last trace lines and the replay', async () => {
    const file = join(folder, 'stuck.yaml');
    const text = [
      'name: no network is so quick',
      'peers: 4',
      'compute: {roundMs: 10}',
      'network: {latencyMs: [2000, 2000]}',
      'checks: {patienceMs: 2500}',
    ];
    writeFileSync(file, text.join('\n'));
    const page = join(folder, 'stuck.html');
    const { status, stdout, stderr } = await sim([file, '--seed', '3', '--report', page]);
    assert.equal(status, 1, stderr);
    assert.match(stdout, /^VIOLATED: /m);
    assert.match(stdout, /after [\d.]+ virtual seconds \(peers? 12D3KooW/);
    const lines = stdout.split('\n').filter((line) => /^ +\d+\.\d{4} {2}/.test(line));
    assert(lines.length > 0 && lines.length <= 200, `${lines.length} trace lines`);
    assert.match(stdout, /^Replay: meldmesh sim .*stuck\.yaml --seed 3$/m);
    assert.match(readFileSync(page, 'utf8'), /<h2>VIOLATED: /);
    const { stdout: json } = await sim([file, '--json']);
    assert(reportOf(json).violation !== undefined);
  });

  it('ends at Ctrl-C with what there is so far', async () => {
    const { status, stdout } = await sim(['churn', '--data', 'bowl', '--generations', '100000'], {
      onOutput: (child) => child.kill('SIGINT'),
    });
    assert.equal(status, 130);
    assert.match(stdout, /Stopped by Ctrl-C/);
    assert.match(stdout, /│ 9 /);
  });

  it('writes one page that needs nothing else and has all plots, numbers, the scenario and the seed', async () => {
    const file = join(folder, 'report.html');
    const { status, stderr } = await sim(['partition', ...TINY, '--seed', 'my seed', '--report', file]);
    assert.equal(status, 0, stderr);
    const page = readFileSync(file, 'utf8');
    const labels = [
      ...['accuracy', 'loss'].flatMap((measure) =>
        ['generation', 'virtual time', 'bytes'].map((cost) => `${measure} by ${cost}`),
      ),
      'disagreement by generation',
      'disagreement by virtual time',
      'bytes received by kind',
      'events of each peer',
      'topology',
    ];
    for (const label of labels) {
      const [, plot] = page.split(`aria-label="${label}"`);
      assert(plot !== undefined, `no plot "${label}"`);
      assert.match(plot.split('</svg>')[0], /<(path|line|rect|circle)/, `"${label}" shows nothing`);
    }
    assert.doesNotMatch(page, /<script|NaN|undefined|(src|href)="/);
    assert.match(page, /prefers-color-scheme: dark/);
    assert.match(page, /^seed: my seed$/m);
    assert.match(page, /meldmesh sim partition --seed 'my seed'/);
    assert.match(page, /<td>4<\/td>/);
  });
});
