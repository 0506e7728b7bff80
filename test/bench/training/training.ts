// Speed of local training: every contender on every workload, each in a process of its own on one pinned processor, in turn
// and several times over, the best epoch of all counts. Writes docs/benchmarks/training.{md,json}.
// Usage: npm run bench:training [-- passes]. PyTorch takes part where MELDMESH_PYTHON (default python3) has torch.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { determinismOf } from './determinism.ts';
import { training as page, type Result } from './page.ts';
import { samplesOf, WORKLOADS, type WorkloadName } from './workloads.ts';

/** Epochs of one process: pure JavaScript takes a third of a second a step. */
const CONTENDERS: readonly { readonly name: string; readonly epochs: number }[] = [
  { name: 'meldmesh-wasm', epochs: 8 },
  { name: 'layers-kernels', epochs: 5 },
  { name: 'layers-node', epochs: 5 },
  { name: 'meldmesh-node', epochs: 5 },
  { name: 'layers-wasm', epochs: 2 },
  { name: 'meldmesh-cpu', epochs: 2 },
  { name: 'layers-cpu', epochs: 1 },
  { name: 'pytorch', epochs: 8 },
];
const PASSES = 3;

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const python = process.env.MELDMESH_PYTHON ?? 'python3';
const pinned = pinning();
const folder = mkdtempSync(join(tmpdir(), 'meldmesh-bench-'));
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--import', here('../../../bin/source-cache.js')];

function pinning(): readonly string[] {
  const words = ['taskset', '-c', String(availableParallelism() - 1)];
  return spawnSync(words[0], [...words.slice(1), 'true']).status === 0 ? words : [];
}

/** What the contender printed, or `undefined` where it is not installed. */
function runOnce(name: string, workload: WorkloadName, epochs: number): Result['runs'][number] | undefined {
  const command =
    name === 'pytorch'
      ? [python, here('contender.py'), sampleFile(workload), JSON.stringify(forPython(workload)), `${epochs}`]
      : [process.execPath, ...nodeFlags, here('contender.ts'), name, workload, `${epochs}`];
  const [program, ...words] = [...pinned, ...command];
  const startedMs = performance.now();
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) {
    const reason =
      stderr
        .trim()
        .split('\n')
        .find((line) => /Error/.test(line)) ?? `status ${status}`;
    console.error(`${name} does not take part: ${reason}`);
    return undefined;
  }
  return { ...JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), wallMs: performance.now() - startedMs };
}

function sampleFile(name: WorkloadName): string {
  const { inputs, labels } = samplesOf(WORKLOADS[name]);
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([inputs as Uint8Array, labels as Uint8Array]));
  return path;
}

function forPython(name: WorkloadName) {
  const { spec, settings, samples } = WORKLOADS[name];
  return { ...settings, count: samples, widths: [spec.inputs, ...spec.layers.map(({ units }) => units)] };
}

const passes = Number(process.argv[2] ?? PASSES);
const results: Result[] = [];
const missing = new Set<string>();
for (let pass = 0; pass < passes; pass++) {
  for (const workload of Object.keys(WORKLOADS) as WorkloadName[]) {
    for (const { name, epochs } of CONTENDERS) {
      if (missing.has(name)) continue;
      const run = runOnce(name, workload, epochs);
      if (run === undefined) {
        missing.add(name);
        continue;
      }
      let result = results.find((each) => each.name === name && each.workload === workload);
      if (result === undefined) {
        result = { name, workload, runs: [] };
        results.push(result);
      }
      result.runs.push(run);
      console.error(
        `${pass + 1}/${passes} ${workload} ${name}: ${Math.min(...run.stepsMs).toFixed(2)} ms a step`,
      );
    }
  }
}
const determinism = determinismOf({
  contender: here('contender.ts'),
  flags: nodeFlags,
  backends: ['meldmesh-wasm', 'meldmesh-node', 'meldmesh-cpu'].filter((name) => !missing.has(name)),
});
rmSync(folder, { recursive: true, force: true });
const processor = `${availableParallelism()} cores, ${cpus()[0].model}, Node ${process.version}`;
const machine = pinned.length > 0 ? `${processor}, one pinned` : processor;
const text = page({ machine, passes, results, determinism });
writeFileSync('docs/benchmarks/training.md', text);
writeFileSync(
  'docs/benchmarks/training.json',
  `{"machine":${JSON.stringify(machine)},"passes":${passes},"determinism":${JSON.stringify(determinism)},"results":[\n${results.map((each) => JSON.stringify(each)).join(',\n')}\n]}\n`,
);
console.log(text);
