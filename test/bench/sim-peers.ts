// Node-rounds a second of the simulator beside gossipy-dfl, in one run: the same 8,000 digits over 10, 100 and 256 peers, MLP
// 784-256-10, one local epoch a round, each in a process of its own. Writes docs/benchmarks/sim-peers.{md,json}.
// Usage: npm run bench:sim-peers [-- passes]. gossipy takes part where MELDMESH_PYTHON (default python3) has it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadMnist } from '../../node/data-files.ts';

interface Figures {
  readonly nodeRounds: number;
  readonly seconds: number;
  readonly peakMiB: number;
}

const SIZES = [10, 100, 256] as const;
const ROUNDS = 5;
const DIGITS = 8_000;
const SETTINGS = { learningRate: 0.05, momentum: 0.9, batch: 32 };

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const python = process.env.MELDMESH_PYTHON ?? 'python3';
const folder = mkdtempSync(join(tmpdir(), 'meldmesh-bench-'));
const sampleFile = join(folder, 'samples');
const { train } = loadMnist({ samples: DIGITS, testSamples: 1 });
writeFileSync(sampleFile, Buffer.concat([train.inputs as Uint8Array, train.labels as Uint8Array]));

/** All peers train in every generation, so rounds are peers times generations. */
function ours(peers: number): Figures {
  const scenario = {
    name: `peers ${peers}`,
    peers,
    manifest: { model: 'mlp:256', data: { inputs: 784, classes: 10, scale: 255 }, training: SETTINGS },
    learner: { kind: 'train', data: 'mnist', samples: DIGITS, testSamples: 100, partition: 'iid' },
    end: { generations: ROUNDS },
  };
  const { stdout, status } = spawnSync(
    process.execPath,
    [here('../../bin/meldmesh.js'), 'sim', '-', '--json'],
    {
      input: JSON.stringify(scenario),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    },
  );
  if (status !== 0) throw new Error(`the simulation of ${peers} peers ended with status ${status}`);
  const report: { seconds: number; peers: { rssPeakMiB: number }[] } = JSON.parse(
    stdout.trim().split('\n').at(-1) ?? '',
  );
  return { nodeRounds: peers * ROUNDS, seconds: report.seconds, peakMiB: report.peers[0].rssPeakMiB };
}

/** `undefined` where gossipy is not installed. */
function gossipy(peers: number): Figures | undefined {
  const settings = {
    ...SETTINGS,
    count: DIGITS,
    inputs: 784,
    hidden: 256,
    classes: 10,
    nodes: peers,
    rounds: ROUNDS,
  };
  const words = [here('peers/gossipy_simulation.py'), sampleFile, JSON.stringify(settings)];
  const { stdout, status } = spawnSync(python, words, { encoding: 'utf8' });
  return status === 0 ? JSON.parse(stdout.trim().split('\n').at(-1) ?? '') : undefined;
}

const rateOf = ({ nodeRounds, seconds }: Figures): number => nodeRounds / seconds;
const best = (runs: readonly Figures[]): Figures => runs.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a));

const passes = Number(process.argv[2] ?? 3);
const results = SIZES.map((peers) => ({ peers, ours: [] as Figures[], gossipy: [] as Figures[] }));
for (let pass = 0; pass < passes; pass++) {
  for (const result of results) {
    result.ours.push(ours(result.peers));
    const other = gossipy(result.peers);
    if (other !== undefined) result.gossipy.push(other);
    console.error(
      `${pass + 1}/${passes} ${result.peers} peers: ${rateOf(result.ours[pass]).toFixed(0)} node-rounds a second`,
    );
  }
}
rmSync(folder, { recursive: true, force: true });
const cell = (runs: readonly Figures[]): string =>
  runs.length === 0 ? '– | –' : `${rateOf(best(runs)).toFixed(0)} | ${best(runs).peakMiB.toFixed(0)}`;
const text = [
  '# Simulated node-rounds a second',
  '',
  `\`npm run bench:sim-peers\` wrote this page and sim-peers.json. ${cpus().length} cores, ${cpus()[0].model}, Node ${process.version}; best of ${passes}`,
  `runs in turn; ${DIGITS} digits shared by all peers, MLP 784-256-10, batch ${SETTINGS.batch}, one local epoch a round, ${ROUNDS} rounds.`,
  'Ours runs the real protocol with every message in bytes; gossipy pushes one model a round to one neighbour.',
  '',
  '| peers | meldmesh | MiB | gossipy-dfl | MiB | times as fast |',
  '| --- | --- | --- | --- | --- | --- |',
  ...results.map(({ peers, ours: own, gossipy: other }) => {
    const ratio = other.length === 0 ? '–' : (rateOf(best(own)) / rateOf(best(other))).toFixed(1);
    return `| ${peers} | ${cell(own)} | ${cell(other)} | ${ratio} |`;
  }),
  '',
].join('\n');
writeFileSync('docs/benchmarks/sim-peers.md', text);
writeFileSync('docs/benchmarks/sim-peers.json', `${JSON.stringify({ passes, results })}\n`);
console.log(text);
