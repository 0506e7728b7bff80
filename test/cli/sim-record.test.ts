import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simReportSchema } from '../../cli/sim/report.ts';
import { lastLine, sim, TINY } from './sim-command.ts';

const reportOf = (text: string) => simReportSchema.parse(JSON.parse(lastLine(text)));

/** Everybody is waited for, so the same deltas count on every network. */
const PATIENT = [
  'name: patient',
  'peers: 4',
  'manifest:',
  '  pace: { quorum: 1, contributorsMin: 4, patience: 100, patienceMinMs: 60000 }',
  'end: { generations: 5 }',
].join('\n');

describe('meldmesh sim --record', function () {
  this.timeout(60_000);
  let folder = '';
  let recording = '';

  const scenario = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const replay = (name: string, more = ''): string =>
    scenario(
      name,
      `name: again\npeers: 4\nlearner: {kind: replay, file: ${recording}}\nend: {generations: 5}\n${more}`,
    );

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-record-'));
    recording = join(folder, 'bowls.json');
    const { status, stdout, stderr } = await sim([scenario('patient.yaml', PATIENT), '--record', recording]);
    assert.equal(status, 0, stderr);
    assert(stdout.includes(`The deltas are in ${recording}.`));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('keeps deltas that lead to the same models on another network, without training', async () => {
    const bad = 'network: {latencyMs: [100, 900], loss: 0.1}';
    const [recorded, again] = await Promise.all([
      sim([join(folder, 'patient.yaml'), '--json']),
      sim([replay('bad.yaml', bad), '--json']),
    ]);
    assert.equal(again.status, 0, again.stderr);
    const [first, second] = [reportOf(recorded.stdout), reportOf(again.stdout)];
    assert.equal(second.peers[0].digest, first.peers[0].digest);
    assert.notEqual(second.traceHash, first.traceHash);
    assert.equal(second.peers[0].accuracy, null, 'there is nothing to score it on');
  });

  it('is replayed under another seed by other peers, with observers where there are more of them', async () => {
    const page = join(folder, 'page.html');
    const { status, stdout, stderr } = await sim([
      replay('seed.yaml'),
      '--seed',
      'other',
      '--peers',
      '6',
      '--json',
      '--report',
      page,
    ]);
    assert.equal(status, 0, stderr);
    const samples = reportOf(stdout).peers.map((peer) => peer.samples);
    assert.deepEqual(
      samples.map((count) => count > 0),
      [true, true, true, true, false, false],
    );
    assert(existsSync(page));
  });

  it('does what the documentation shows: digits recorded, replayed and scored', async () => {
    const document = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');
    const [, command] = /^ {4}meldmesh sim (.* --record deltas\.json)$/m.exec(document) ?? [];
    const [, example] = /```yaml\n(name: the same deltas[\s\S]*?)```/.exec(document) ?? [];
    scenario('again.yaml', example ?? '');
    const small = ['--peers', '3', '--generations', '3'];
    const inFolder = { cwd: folder };
    const digits = ['--samples', '300', '--model', 'mlp:8'];
    const recorded = await sim([...(command ?? '').split(' '), ...small, ...digits, '--json'], inFolder);
    assert.equal(recorded.status, 0, recorded.stderr);
    const again = await sim(['again.yaml', ...small, '--json'], inFolder);
    assert.equal(again.status, 0, again.stderr);
    const [first, second] = [recorded, again].map(({ stdout }) => reportOf(stdout).peers[0].accuracy ?? 0);
    assert(first > 0.1 && Math.abs(first - second) < 0.1, `${first} and ${second}`);
  });

  it('refuses what cannot be recorded or replayed, with a sentence', async () => {
    const nonsense = scenario('nonsense.json', '{"version":1}');
    const lost = scenario('lost.yaml', 'name: lost\npeers: 3\nlearner: {kind: replay, file: ./none.json}\n');
    const bad = scenario(
      'nonsense.yaml',
      `name: bad\npeers: 3\nlearner: {kind: replay, file: ${nonsense}}\n`,
    );
    const out = join(folder, 'never.json');
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [
        [replay('codec.yaml'), '--codec', 'sign'],
        /^MELDMESH_SIM_SCENARIO: .* of another mesh[\s\S]*has a manifest/,
      ],
      [
        [replay('long.yaml'), '--generations', '6'],
        /^MELDMESH_SIM_SCENARIO: .* end at generation 5\.\n.*--generations 5/,
      ],
      [
        [replay('labels.yaml', 'attackers: [{kind: label-flip, peers: [1]}]')],
        /^MELDMESH_SIM_SCENARIO: .*false labels/,
      ],
      [[lost], /^MELDMESH_SIM_FILE: .*none\.json cannot be read/],
      [[bad], /^MELDMESH_SIM_RECORDING: /],
      [['clean', ...TINY, '--record', out, '--seeds', '1..2'], /^MELDMESH_USAGE: A sweep records no deltas/],
      [
        ['clean', '--data', 'bowl', '--generations', '65', '--record', out],
        /^MELDMESH_USAGE: A recording holds at most 64 generations/,
      ],
    ];
    const ends = await Promise.all(cases.map(([words]) => sim(words)));
    for (const [i, { status, stderr }] of ends.entries()) {
      assert.equal(status, 1, cases[i][0].join(' '));
      assert.match(stderr, cases[i][1]);
    }
    assert(!existsSync(out));
  });
});
