// `meldmesh align`: brings the units of one checkpoint into the order of another's, proves that it is still the same function
// where it can be run, and writes it. The first checkpoint and both files' other contents stay as they are.
import { existsSync, readFileSync } from 'node:fs';
import {
  createRandom,
  FusionError,
  inferSpec,
  lossBarrier,
  type Matching,
  matchActivations,
  matchSoftly,
  matchStraightThrough,
  matchWeights,
  type PermutationSpec,
  permutationSpecOf,
  permuteModel,
  readSpecFile,
} from '../../fusion/index.ts';
import { kernelProduct } from '../../learning/index.ts';
import type { PairWords } from '../connect/model-pair.ts';
import { openStages, type Stages } from '../connect/stages.ts';
import { CliError } from '../errors.ts';
import { formatColumns, formatPercent, formatSeconds } from '../format.ts';
import { writeWhole } from '../model-file.ts';
import { openTerminal } from '../terminal.ts';
import {
  type Checkpoint,
  encodeCheckpoint,
  inOrderOf,
  readCheckpoint,
  refuseToOverwrite,
} from './checkpoint.ts';
import { manifestOf, openRunnable, type Runnable } from './runnable.ts';

export interface AlignWords extends Omit<PairWords, 'data'> {
  readonly data: string | undefined;
  readonly method: Method;
  /** `auto` or a file. */
  readonly spec: string;
  readonly layout: 'torch' | 'tfjs' | undefined;
  readonly heads: number | undefined;
  /** Orders of weight matching that are tried; the objective chooses. */
  readonly starts: number;
  /** Steps of the straight-through estimator. */
  readonly steps: number;
  readonly points: number;
  readonly out: string;
  readonly force: boolean;
  readonly json: boolean;
}

type Method = 'weights' | 'sinkhorn' | 'activations' | 'ste';
/** These look at weights alone. */
const WEIGHT_METHODS: readonly Method[] = ['weights', 'sinkhorn'];

interface Pair {
  readonly first: Checkpoint;
  readonly second: Checkpoint;
  readonly family: string;
  readonly spec: PermutationSpec;
  readonly runnable: Runnable | undefined;
}

const SOFT_SWEEPS = 12;

/** Largest difference of the outputs, as a share of the largest output, that float32 sums in another order may make. */
const SAME_FUNCTION = 1e-5;

/**
 * Prints what was found and writes the aligned checkpoint.
 * @throws CliError MELDMESH_FILE_EXISTS, MELDMESH_MODEL_FILE, MELDMESH_USAGE; FusionError; DataError; LearningError
 */
export async function runAlign(
  files: { readonly first: string; readonly second: string },
  words: AlignWords,
): Promise<void> {
  refuseToOverwrite(words.out, words);
  const terminal = openTerminal(words);
  const pair = await readPair(files, words);
  const stages = openStages(terminal);
  const { matching, weights, seconds } = match(pair, words, stages);
  const proof = proofOf(pair, weights);
  const barriers = barriersOf(pair, { weights, points: words.points, stages });
  stages.close();
  const { permutations, before, after, sweeps } = matching;
  const { first, second, spec, family, runnable } = pair;
  const { layout } = first;
  const momentum = second.momentum && permuteModel({ weights: second.momentum, layout, spec, permutations });
  const notes = { 'meldmesh.aligned': words.method };
  writeWhole(words.out, encodeCheckpoint({ ...second, layout }, { weights, momentum }, notes));
  const found = {
    method: words.method,
    seed: words.seed,
    model: family,
    permutations: spec.permutations.length,
    untouched: spec.untouched,
    objective: { before: before.objective, after: after.objective },
    distance: { before: Math.sqrt(before.squaredDistance), after: Math.sqrt(after.squaredDistance) },
    sweeps,
    seconds,
    ...(proof === undefined ? {} : { outputsDiffer: proof }),
    ...(barriers === undefined ? {} : { barriers }),
    out: words.out,
  };
  if (words.json) terminal.result(JSON.stringify(found));
  else terminal.say(linesOf(found, { runnable, path: second.path }).join('\n'));
}

async function readPair(
  files: { readonly first: string; readonly second: string },
  words: AlignWords,
): Promise<Pair> {
  const checkpoints = [files.first, files.second].map((path) => readCheckpoint(path));
  const manifest = manifestOf(checkpoints, words);
  const runnable = manifest && (await openRunnable(manifest, words));
  const given = { path: 'the manifest', layout: runnable?.layout ?? checkpoints[0].layout };
  const first = inOrderOf({ ...checkpoints[0], ...(runnable && given) }, checkpoints[0]);
  const second = inOrderOf(first, checkpoints[1]);
  const isRun = !WEIGHT_METHODS.includes(words.method);
  if (runnable === undefined && isRun) {
    throw new CliError(
      'MELDMESH_USAGE',
      `--method ${words.method} has to run the models, and nobody says how`,
      {
        hint: 'Give --manifest for models of dense layers, or use --method weights',
      },
    );
  }
  if (runnable?.isMadeUp === true && isRun) {
    throw new CliError('MELDMESH_USAGE', `--method ${words.method} needs --data to run the models on`);
  }
  return { first, second, runnable, ...specOf(first, runnable, words) };
}

function specOf(
  { layout }: Checkpoint,
  runnable: Runnable | undefined,
  words: AlignWords,
): { readonly family: string; readonly spec: PermutationSpec } {
  if (words.spec !== 'auto') return { family: words.spec, spec: readSpecFile(textOf(words.spec), layout) };
  if (runnable !== undefined)
    return { family: 'dense layers', spec: permutationSpecOf(runnable.manifest.model) };
  return inferSpec(layout, { layout: words.layout, heads: words.heads });
}

function textOf(path: string): string {
  if (!existsSync(path))
    throw new CliError('MELDMESH_USAGE', `There is no permutation spec ${path}`, {
      hint: 'Give a JSON file, or --spec auto',
    });
  return readFileSync(path, 'utf8');
}

function match(
  { first, second, spec, runnable }: Pair,
  words: AlignWords,
  stages: Stages,
): { readonly matching: Matching; readonly weights: Float32Array; readonly seconds: number } {
  const { layout } = first;
  const models = { reference: first.weights, model: second.weights, layout, spec, product: kernelProduct() };
  const random = createRandom(words.seed).fork('matching');
  const startMs = performance.now();
  let matching: Matching;
  if (words.method === 'activations' && runnable !== undefined) {
    matching = matchActivations({ ...models, activations: runnable.functions.outputs });
  } else if (words.method === 'ste' && runnable !== undefined) {
    const { gradient, evaluate } = runnable.functions;
    const { steps } = words;
    const onStep = ({ step }: { readonly step: number }) => stages.tell('step', step, steps);
    matching = matchStraightThrough({ ...models, random, gradient, evaluate, steps, onStep });
  } else if (words.method === 'sinkhorn') {
    const onSweep = ({ sweep }: { readonly sweep: number }) => stages.tell('sweep', sweep, SOFT_SWEEPS);
    matching = matchSoftly({ ...models, random, sweeps: SOFT_SWEEPS, onSweep });
  } else {
    const { starts } = words;
    const onSweep = ({ start }: { readonly start: number }) => stages.tell('order', start + 1, starts);
    matching = matchWeights({ ...models, random, starts, onSweep });
  }
  const weights = permuteModel({
    weights: second.weights,
    layout,
    spec,
    permutations: matching.permutations,
  });
  return { matching, weights, seconds: (performance.now() - startMs) / 1_000 };
}

/** Largest difference of the outputs before and after, as a share of the largest; `undefined` where it cannot be run. */
function proofOf({ second, runnable }: Pair, weights: Float32Array): number | undefined {
  if (runnable === undefined) return undefined;
  const [before, after] = [second.weights, weights].map((each) => runnable.logits(each));
  let largest = 0;
  let difference = 0;
  for (const [i, value] of before.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - after[i]));
  }
  const share = difference === 0 ? 0 : difference / largest;
  if (share <= SAME_FUNCTION) return share;
  throw new FusionError(
    'MELDMESH_FUSION_SPEC',
    `the permuted model answers otherwise than ${second.path}: outputs differ by ${share.toExponential(1)}; the permutation spec is not one of this model`,
  );
}

function barriersOf(
  { first, second, runnable }: Pair,
  {
    weights,
    points,
    stages,
  }: { readonly weights: Float32Array; readonly points: number; readonly stages: Stages },
) {
  if (runnable === undefined || runnable.isMadeUp) return undefined;
  const { evaluate } = runnable.functions;
  const between = (stage: string, to: Float32Array) => {
    let done = 0;
    const onPoint = () => stages.tell(stage, ++done, points);
    const { barrier, t, accuracyDrop } = lossBarrier({ from: first.weights, to, evaluate, points, onPoint });
    return { barrier, t, accuracyDrop };
  };
  return { before: between('barrier', second.weights), after: between('barrier, aligned', weights) };
}

interface Found {
  readonly method: string;
  readonly model: string;
  readonly permutations: number;
  readonly untouched: readonly string[];
  readonly objective: { readonly before: number; readonly after: number };
  readonly distance: { readonly before: number; readonly after: number };
  readonly sweeps: number;
  readonly seconds: number;
  readonly outputsDiffer?: number;
  readonly barriers?: ReturnType<typeof barriersOf>;
  readonly out: string;
}

function linesOf(
  found: Found,
  { runnable, path }: { readonly runnable: Runnable | undefined; readonly path: string },
): readonly string[] {
  const { method, model, permutations, objective, distance, sweeps, seconds, barriers, out } = found;
  const rows = [
    ['objective', objective.before.toFixed(2), objective.after.toFixed(2)],
    ['distance', distance.before.toFixed(2), distance.after.toFixed(2)],
    ...(barriers === undefined
      ? []
      : [
          ['barrier', barriers.before.barrier.toFixed(4), barriers.after.barrier.toFixed(4)],
          [
            'accuracy lost',
            formatPercent(barriers.before.accuracyDrop),
            formatPercent(barriers.after.accuracyDrop),
          ],
        ]),
  ];
  const sweepWords = sweeps === 0 ? '' : ` in ${sweeps} sweeps`;
  const proof =
    found.outputsDiffer === undefined
      ? `Not proved on outputs: this program cannot run ${path}`
      : `Outputs are the same to ${found.outputsDiffer.toExponential(1)} of the largest${runnable?.isMadeUp === true ? ', on drawn inputs' : ''}`;
  return [
    `${model}: ${permutations} permutations, matched by ${method}${sweepWords}, ${formatSeconds(seconds)}`,
    '',
    ...formatColumns([['', 'before', 'after'], ...rows], [false, true, true]),
    '',
    proof,
    `Written to ${out}`,
  ];
}
