// Speed of weight matching and of one assignment on two trained MLPs, beside numpy and scipy in the same run, in CPU time. Prints
// a table and fails where a bar is missed. Usage: node test/bench/fusion/matching.ts. numpy and scipy take part where
// MELDMESH_PYTHON (default python3) has them; they get one thread, as we have.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assign } from '../../../fusion/matching/assignment.ts';
import { type MatrixProduct, multiplyRows } from '../../../fusion/matching/matrix-product.ts';
import { unitAxesOf } from '../../../fusion/matching/unit-axes.ts';
import { UnitGains } from '../../../fusion/matching/unit-gains.ts';
import { matchWeights } from '../../../fusion/matching/weight-matching.ts';
import { layoutOf } from '../../../fusion/model-spec.ts';
import { createRandom } from '../../../fusion/random.ts';
import { permutationSpecOf } from '../../../fusion/symmetry/dense-model.ts';
import { kernelProduct } from '../../../learning/kernel-product.ts';
import { digitSpec, trainDigits } from './digit-networks.ts';
import { holdAgainst, printHead, tableRow } from './table.ts';

const HIDDEN = [512, 512, 512];
const STARTS = 8;
const ASSIGNMENTS = 25;
/** Times of scipy for one assignment. */
const ASSIGNMENT_RATIO_MAX = 1.5;

interface Peer {
  readonly versions: string;
  readonly seconds: readonly number[];
  readonly sweeps: readonly number[];
  readonly objectives: readonly number[];
  readonly assignmentMs: number;
}

function cpuMs(act: () => void): number {
  const before = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const spec = digitSpec(HIDDEN);
const layout = layoutOf(spec);
const symmetries = permutationSpecOf(spec);
const reference = await trainDigits(spec, '1', 'torch');
const model = await trainDigits(spec, '2', 'torch');

/** One start each, with an order of its own. */
function matchings(product: MatrixProduct) {
  return Array.from({ length: STARTS }, (_, start) => {
    let [sweeps, objective] = [0, 0];
    const ms = cpuMs(() => {
      const random = createRandom(`order ${start}`);
      const matching = matchWeights({ reference, model, layout, spec: symmetries, random, product });
      [sweeps, objective] = [matching.sweeps, matching.after.objective];
    });
    return { ms, sweeps, objective };
  });
}

/** The first layer's gains with all other units where they are, as the peer solves them. */
function assignmentMs(): number {
  const { name, size } = symmetries.permutations[0];
  const room = { left: new Float32Array(0), right: new Float32Array(0) };
  const pair = { reference, model, product: multiplyRows, room };
  const { gains } = new UnitGains(pair, unitAxesOf(symmetries, layout).get(name) ?? [], size).at(new Map());
  const once = () => cpuMs(() => assign({ scores: gains, rows: size, columns: size, goal: 'greatest' }));
  return Math.min(...Array.from({ length: ASSIGNMENTS }, once));
}

function runPeer(): Peer | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'meldmesh-bench-'));
  const [first, second] = [join(folder, 'reference.f32'), join(folder, 'model.f32')];
  for (const [path, weights] of [
    [first, reference],
    [second, model],
  ] as const) {
    writeFileSync(path, new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength));
  }
  const script = fileURLToPath(new URL('../peers/weight_matching.py', import.meta.url));
  const widths = JSON.stringify([spec.inputs, ...spec.layers.map(({ units }) => units)]);
  const { status, stdout, stderr } = spawnSync(
    process.env.MELDMESH_PYTHON ?? 'python3',
    [script, first, second, widths, `${STARTS}`],
    { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' } },
  );
  rmSync(folder, { recursive: true });
  if (status === 0) return JSON.parse(stdout);
  console.error(`numpy and scipy do not take part: ${stderr.trim().split('\n').at(-1)}`);
  return undefined;
}

const range = (values: readonly number[], digits = 0): string =>
  `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;

// In turn, so that all meet the same load.
const plain = matchings(multiplyRows);
const peer = runPeer();
const kernels = matchings(kernelProduct());
const ownMs = assignmentMs();

console.log(
  `784-512-512-512-10, 40 epochs on 10,000 digits, ${STARTS} orders, one start each, one thread.\n`,
);
printHead('weight matching', 'CPU ms, median', 'CPU ms', 'sweeps', 'objective', '512 × 512 assignment, ms');
for (const [name, runs] of [
  ['meldmesh, kernels of training', kernels],
  ['meldmesh, plain product', plain],
] as const) {
  const times = runs.map(({ ms }) => ms);
  const sweeps = range(runs.map((run) => run.sweeps));
  const objectives = runs.map(({ objective }) => objective);
  const row = [name, median(times).toFixed(0), range(times), sweeps, range(objectives, 1), ownMs.toFixed(1)];
  console.log(tableRow(...row));
}
if (peer !== undefined) {
  const times = peer.seconds.map((seconds) => 1000 * seconds);
  const row = [peer.versions, median(times).toFixed(0), range(times), range(peer.sweeps)];
  console.log(tableRow(...row, range(peer.objectives, 1), peer.assignmentMs.toFixed(1)));
  const ownMedian = median(kernels.map(({ ms }) => ms));
  holdAgainst({ name: 'CPU ms of weight matching', value: ownMedian, max: median(times) });
  const max = ASSIGNMENT_RATIO_MAX * peer.assignmentMs;
  holdAgainst({ name: 'ms of an assignment', value: ownMs, max });
}
