// Node-rounds a second of the simulator beside gossipy-dfl and Flower, in one run: the same 8,000 digits over 10, 100 and 256
// peers, MLP 784-256-10, one local epoch a round, each in a process of its own. Writes docs/benchmarks/sim-peers.{md,json}.
// Usage: npm run bench:sim-peers [-- passes]. gossipy takes part where MELDMESH_PYTHON (default python3) has it, Flower where
// MELDMESH_FLOWER_PYTHON (default the same) has flwr[simulation] and torch.
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
/** The others: a script in peers/, and the Python that runs it. */
const RIVALS = [
  { name: 'gossipy-dfl', script: 'gossipy_simulation.py', python },
  { name: 'Flower', script: 'flower_simulation.py', python: process.env.MELDMESH_FLOWER_PYTHON ?? python },
] as const;
type Rival = (typeof RIVALS)[number];
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

/** `undefined` where it cannot run; the reason is printed. */
function rival({ name, script, python }: Rival, peers: number): Figures | undefined {
  const settings = {
    ...SETTINGS,
    count: DIGITS,
    inputs: 784,
    hidden: 256,
    classes: 10,
    nodes: peers,
    rounds: ROUNDS,
  };
  const words = [here(`peers/${script}`), sampleFile, JSON.stringify(settings)];
  const { stdout, stderr, status, error } = spawnSync(python, words, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  console.error(`${name} is left out: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  return undefined;
}

const rateOf = ({ nodeRounds, seconds }: Figures): number => nodeRounds / seconds;
const best = (runs: readonly Figures[]): Figures => runs.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a));

const passes = Number(process.argv[2] ?? 3);
const results = SIZES.map((peers) => ({
  peers,
  ours: [] as Figures[],
  rivals: RIVALS.map(({ name }) => ({ name, runs: [] as Figures[] })),
}));
const absent = new Set<string>();
for (let pass = 0; pass < passes; pass++) {
  for (const { peers, ours: own, rivals } of results) {
    own.push(ours(peers));
    const told = [`meldmesh ${rateOf(own[pass]).toFixed(0)}`];
    for (const [i, each] of RIVALS.entries()) {
      if (absent.has(each.name)) continue;
      const figures = rival(each, peers);
      if (figures === undefined) absent.add(each.name);
      else rivals[i].runs.push(figures);
      if (figures !== undefined) told.push(`${each.name} ${rateOf(figures).toFixed(0)}`);
    }
    console.error(`${pass + 1}/${passes} ${peers} peers: ${told.join(', ')} node-rounds a second`);
  }
}
rmSync(folder, { recursive: true, force: true });
const cells = (runs: readonly Figures[]): string[] =>
  runs.length === 0 ? ['–', '–'] : [rateOf(best(runs)).toFixed(0), best(runs).peakMiB.toFixed(0)];
const times = (own: readonly Figures[], other: readonly Figures[]): string =>
  other.length === 0 ? '–' : (rateOf(best(own)) / rateOf(best(other))).toFixed(2);
const text = [
  '# Simulated node-rounds a second',
  '',
  `\`npm run bench:sim-peers\` wrote this page and sim-peers.json. ${cpus().length} cores, ${cpus()[0].model}, Node ${process.version}; best of ${passes}`,
  `runs in turn; ${DIGITS} digits shared by all peers, MLP 784-256-10, batch ${SETTINGS.batch}, one local epoch a round, ${ROUNDS} rounds.`,
  '',
  '| peers | meldmesh | MiB | gossipy-dfl | MiB | Flower | MiB | as fast as gossipy | as Flower |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ...results.map(({ peers, ours: own, rivals }) => {
    const ratios = rivals.map(({ runs }) => times(own, runs));
    const row = [peers, ...cells(own), ...rivals.flatMap(({ runs }) => cells(runs)), ...ratios];
    return `| ${row.join(' | ')} |`;
  }),
  '',
  '## What is not the same',
  '',
  '- meldmesh runs the real protocol under virtual time: every member hears the record of every other one as bytes over a',
  '  gossip overlay, checks its hash and signature, keeps it on its disk and judges it, so deliveries grow with the square of',
  '  the peers; every model is hashed, and checkers watch. gossipy hands one model a round to one neighbour by reference, so',
  '  its work grows with the peers alone, and its members do not come to one model. Flower sends every model to one server',
  '  and back.',
  '- meldmesh compresses each delta to its largest hundredth with error feedback and fuses all members of a generation;',
  '  gossipy averages two models, Flower all of them, uncompressed.',
  '- All train one local epoch of SGD with momentum and the same batch on the same shards. Ours leaves out',
  '  a last batch that is not full (16 of 80 digits at 100 peers, none at 10 and 256); Flower begins without momentum.',
  '- Memory is the largest of the process with all its threads; for Flower, of all processes together.',
  '',
].join('\n');
writeFileSync('docs/benchmarks/sim-peers.md', text);
writeFileSync('docs/benchmarks/sim-peers.json', `${JSON.stringify({ passes, results })}\n`);
console.log(text);
