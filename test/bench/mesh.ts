// Runs the mesh as a user would, on the splits that other systems were measured with, and writes what it printed
// to docs/benchmarks/. Usage: npm run bench:mesh [-- seeds]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

interface Run {
  readonly seed: string;
  readonly seconds: number;
  readonly peers: readonly {
    readonly accuracy: number;
    readonly digest: string;
    readonly bytesIn: { readonly gossip: number; readonly transfer: number; readonly control: number };
    readonly rssPeakMiB: number;
    readonly eventLoopDelayP99Ms: number;
  }[];
}

const SETTINGS: readonly { readonly name: string; readonly flags: readonly string[] }[] = [
  { name: '5 nodes, Dirichlet(0.5) (npm start)', flags: [] },
  {
    name: '10 nodes, partition-dir0.5.json',
    flags: ['--peers', '10', '--partition', 'file:data/partition-dir0.5.json'],
  },
  {
    name: '10 nodes, partition-iid.json',
    flags: ['--peers', '10', '--partition', 'file:data/partition-iid.json'],
  },
];
const GENERATIONS = 20;

function runOnce(flags: readonly string[], seed: number): Run & { readonly wallSeconds: number } {
  const store = mkdtempSync(join(tmpdir(), 'meldmesh-bench-'));
  const startedMs = performance.now();
  const words = [
    'bin/meldmesh.js',
    'mesh',
    '--json',
    '--store',
    join(store, 'mesh'),
    '--seed',
    String(seed),
    ...flags,
  ];
  const { stdout, status } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const wallSeconds = (performance.now() - startedMs) / 1000;
  rmSync(store, { recursive: true, force: true });
  if (status !== 0) throw new Error(`the mesh ended with status ${status}`);
  return { ...JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), wallSeconds };
}

const kibOf = ({ bytesIn }: Run['peers'][number]): number =>
  (bytesIn.gossip + bytesIn.transfer + bytesIn.control) / 1024 / GENERATIONS;
const span = (values: readonly number[], digits: number): string => {
  const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits));
  return low === high ? low : `${low}–${high}`;
};

function rowOf(name: string, runs: readonly ReturnType<typeof runOnce>[]): string {
  const peers = runs.flatMap((run) => run.peers);
  const oneDigest = runs.every((run) => new Set(run.peers.map((peer) => peer.digest)).size === 1);
  return [
    `| ${name}`,
    span(
      peers.map((peer) => 100 * peer.accuracy),
      2,
    ),
    oneDigest ? 'yes' : 'NO',
    span(peers.map(kibOf), 0),
    span(
      runs.map((run) => run.seconds),
      0,
    ),
    span(
      runs.map((run) => run.wallSeconds),
      0,
    ),
    span(
      peers.map((peer) => peer.rssPeakMiB),
      0,
    ),
    `${span(
      peers.map((peer) => peer.eventLoopDelayP99Ms),
      0,
    )} |`,
  ].join(' | ');
}

const seeds = process.argv.slice(2).map(Number);
if (seeds.length === 0) seeds.push(1, 2, 3);
const results = SETTINGS.map(({ name, flags }) => ({
  name,
  flags,
  runs: seeds.map((seed) => runOnce(flags, seed)),
}));
const machine = `${availableParallelism()} cores, ${cpus()[0].model}, Node ${process.version}`;
const table = [
  '# The mesh on real digits',
  '',
  `\`npm run bench:mesh\` wrote this page and mesh.json. ${machine}; seeds ${seeds.join(', ')}; all nodes are`,
  'processes on this one machine. MLP 784-256-10, the first 8,000 MNIST training digits, 20 generations, top1:1;',
  'accuracy on the 10,000 test digits, on every node; bytes counted at the connection, everything included; wall is',
  'the whole command with its two reference lines. Each cell spans all nodes and seeds.',
  '',
  '| setting | accuracy % | one digest | KiB received, node and generation | seconds to the end | wall s | peak RSS MiB | loop delay p99 ms |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ...results.map(({ name, runs }) => rowOf(name, runs)),
  '',
].join('\n');
const lines = results.map(
  ({ name, flags, runs }) =>
    `{"name":${JSON.stringify(name)},"flags":${JSON.stringify(flags)},"runs":[\n${runs.map((run) => JSON.stringify(run)).join(',\n')}]}`,
);
const head = `"machine":${JSON.stringify(machine)},"seeds":${JSON.stringify(seeds)}`;
writeFileSync('docs/benchmarks/mesh.json', `{${head},"results":[\n${lines.join(',\n')}\n]}\n`);
writeFileSync('docs/benchmarks/mesh.md', table);
console.log(table);
