// The page of the training benchmark from its figures.
import type { Determinism } from './determinism.ts';
import { STEPS } from './determinism.ts';
import { WORKLOADS, type WorkloadName } from './workloads.ts';

export interface Result {
  readonly name: string;
  readonly workload: WorkloadName;
  readonly runs: {
    /** CPU milliseconds of the process, a step: one figure an epoch. */
    readonly stepsMs: readonly number[];
    readonly digest?: string;
    /** From nothing loaded to ready for the first step. */
    readonly openedMs: number;
    /** RSS before the contender is loaded; absent for Python. */
    readonly loadedMiB?: number;
    readonly openedMiB: number;
    readonly peakMiB: number;
    readonly wallMs: number;
    readonly versions?: { readonly torch?: string };
  }[];
}

const TITLES: Readonly<Record<string, string>> = {
  'meldmesh-wasm': 'meldmesh, `wasm`: the whole step in our kernels',
  'layers-kernels': 'LayersModel on WASM with our kernels',
  'layers-wasm': 'LayersModel on stock WASM',
  'layers-node': 'LayersModel on tfjs-node',
  'meldmesh-node': 'meldmesh, `node`: operations of tfjs-node',
  'layers-cpu': 'LayersModel in pure JavaScript',
  'meldmesh-cpu': 'meldmesh, `cpu`: operations in pure JavaScript',
  pytorch: 'PyTorch, one thread',
};

const bestMs = (result: Result) => Math.min(...result.runs.flatMap((run) => run.stepsMs));
const least = (values: readonly number[]) => Math.round(Math.min(...values));

export function training(figures: {
  readonly machine: string;
  readonly passes: number;
  readonly results: readonly Result[];
  readonly determinism: readonly Determinism[];
}): string {
  const { machine, passes, results, determinism } = figures;
  const torch = results.find(({ name }) => name === 'pytorch')?.runs[0].versions?.torch;
  return [
    '# Training on one processor',
    '',
    `\`npm run bench:training\` wrote this page and training.json. ${machine}. CPU time of the whole`,
    `process per step, batch assembly included; best epoch of ${passes} processes each, all contenders in turn within one run.`,
    `× is the time relative to our whole step. TensorFlow.js 4.22.0${torch === undefined ? '' : `, PyTorch ${torch}`}.`,
    '',
    ...Object.keys(WORKLOADS).flatMap((name) => tableOf(name as WorkloadName, results)),
    '## Start-up and memory',
    '',
    'Milliseconds from nothing loaded to ready for the first step, and MiB of RSS, on the first workload: what loading',
    'adds, and the peak of the process while it trains (Node.js with the samples is part of it, in Python the samples are).',
    '',
    '| | ready after ms | loading adds MiB | peak MiB |',
    '| --- | --- | --- | --- |',
    ...results.filter(({ workload }) => workload === 'wide').map(memoryRow),
    '',
    '## Determinism',
    '',
    `SHA-256 of the weights after ${STEPS} steps of the last workload, in processes of their own that are not pinned.`,
    '',
    '| | processes | distinct digests |',
    '| --- | --- | --- |',
    ...determinism.map(
      ({ name, processes, digests }) =>
        `| ${TITLES[name]} | ${processes} | ${digests.length} (${digests.map((each) => each.slice(0, 12)).join(', ')}) |`,
    ),
    '',
  ].join('\n');
}

function tableOf(name: WorkloadName, results: readonly Result[]): string[] {
  const { title, settings } = WORKLOADS[name];
  const rows = results.filter(({ workload }) => workload === name).sort((a, b) => bestMs(a) - bestMs(b));
  const own = rows.find((row) => row.name === 'meldmesh-wasm');
  if (own === undefined) return [];
  return [
    `## ${title}`,
    '',
    '| | ms a step | × | samples a second |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => {
      const ms = bestMs(row);
      const rate = Math.round((settings.batch * 1_000) / ms).toLocaleString('en');
      return `| ${TITLES[row.name]} | ${ms.toFixed(2)} | ${(ms / bestMs(own)).toFixed(2)} | ${rate} |`;
    }),
    '',
  ];
}

function memoryRow({ name, runs }: Result): string {
  const ready = least(runs.map((run) => run.openedMs));
  const added = least(runs.map((run) => run.openedMiB - (run.loadedMiB ?? 0)));
  return `| ${TITLES[name]} | ${ready} | ${added} | ${least(runs.map((run) => run.peakMiB))} |`;
}
