// `meldmesh barrier`: the loss on the straight line between two models, as they are and aligned, repaired, and by layer.
import {
  applyRepairGoals,
  type Barrier,
  interpolateGoals,
  type LayerWiseBarriers,
  layerWiseBarriers,
  lossBarrier,
  repairGoals,
} from '../../fusion/index.ts';
import { formatColumns, formatPercent, formatSeconds } from '../format.ts';
import { openTerminal } from '../terminal.ts';
import { type Alignment, alignPair, type ModelPair, type RunWords, readModelPair } from './model-pair.ts';
import { openStages, type Stages } from './stages.ts';

export interface BarrierWords extends RunWords {
  readonly points: number;
  readonly refine: number;
  readonly align: boolean;
  readonly repair: boolean;
  readonly layers: boolean;
  readonly json: boolean;
}

export interface BarrierResult {
  readonly before: Barrier;
  readonly alignment: Alignment | undefined;
  readonly after: Barrier | undefined;
  /** On the aligned line, or on the plain one where nothing was aligned. */
  readonly repaired: Barrier | undefined;
  readonly layers: LayerWiseBarriers | undefined;
}

/** Prints the barriers. */
export async function runBarrier(
  files: { readonly from: string; readonly to: string },
  words: BarrierWords,
): Promise<void> {
  const terminal = openTerminal(words);
  const pair = await readModelPair(files, words);
  const stages = openStages(terminal);
  const result = measureBarriers(pair, words, stages);
  stages.close();
  if (words.json) terminal.result(JSON.stringify(barrierObject(result, words)));
  else terminal.say(barrierLines(result, pair).join('\n'));
}

/** Everything that the words ask for. */
export function measureBarriers(pair: ModelPair, words: BarrierWords, stages: Stages): BarrierResult {
  const { from, to, layout, functions } = pair;
  const { points, refine: refinements } = words;
  const { evaluate } = functions;
  let visited = 0;
  const line = (stage: string) => {
    visited = 0;
    const onPoint = (_: unknown, of: number) => stages.tell(stage, ++visited, of);
    return { from, evaluate, points, refinements, onPoint };
  };
  const before = lossBarrier({ ...line('barrier'), to });
  const alignment = words.align ? alignPair(pair, words.seed) : undefined;
  const end = alignment?.aligned ?? to;
  const after = alignment && lossBarrier({ ...line('barrier, aligned'), to: end });
  const repaired = words.repair
    ? lossBarrier({ ...line('barrier, repaired'), to: end, repair: repairBetween(pair, end) })
    : undefined;
  const onLayer = (done: number, of: number) => stages.tell('layers', done, of);
  const layers = words.layers
    ? layerWiseBarriers({ from, to: end, layout, evaluate, points, refinements, onLayer })
    : undefined;
  return { before, alignment, after, repaired, layers };
}

/** REPAIR of every model on the line between two. */
function repairBetween({ from: first, layout, functions }: ModelPair, second: Float32Array) {
  const { preActivations } = functions;
  const [from, to] = [first, second].map((end) => repairGoals({ layout, ends: [end], preActivations }));
  return (merged: Float32Array, t: number): Float32Array =>
    applyRepairGoals({ layout, merged, preActivations, goals: interpolateGoals({ from, to, t }) }).weights;
}

/** What --json prints. */
export function barrierObject(result: BarrierResult, words: BarrierWords) {
  const { before, alignment, after, repaired, layers } = result;
  const { aligned: _, ...matching } = alignment ?? { aligned: undefined };
  return {
    seed: words.seed,
    before,
    ...(alignment === undefined ? {} : { matching, after }),
    ...(repaired === undefined ? {} : { repaired }),
    ...(layers === undefined ? {} : { layers }),
  };
}

/** A table for people. */
export function barrierLines(result: BarrierResult, pair: Pick<ModelPair, 'test'>): readonly string[] {
  const { before, alignment, after, repaired, layers } = result;
  const [start, end] = [before.points[0], before.points[before.points.length - 1]];
  const rows = [
    ['as they are', before] as const,
    ...(after === undefined ? [] : [['aligned', after] as const]),
    ...(repaired === undefined ? [] : [['repaired', repaired] as const]),
  ].map(([name, barrier]) => barrierRow(name, barrier));
  const head = ['', 'barrier', 'above mean', 'at t', 'midpoint', 'accuracy lost'];
  const ends = `ends: loss ${start.loss.toFixed(4)} and ${end.loss.toFixed(4)}, accuracy ${formatPercent(start.accuracy)} and ${formatPercent(end.accuracy)}`;
  return [
    `${ends}, on ${pair.test.count} samples of ${pair.test.name}`,
    ...(alignment === undefined ? [] : [alignmentLine(alignment)]),
    '',
    ...formatColumns([head, ...rows], [false, true, true, true, true, true]),
    ...(layers === undefined ? [] : ['', ...layerLines(layers)]),
  ];
}

function alignmentLine({ distance, sweeps, seconds }: Alignment): string {
  const from = distance.before.toFixed(2);
  return `matched by weights in ${sweeps} sweeps, ${formatSeconds(seconds)}: distance ${from} became ${distance.after.toFixed(2)}`;
}

function barrierRow(
  name: string,
  { barrier, aboveMean, t, accuracyDrop, points }: Barrier,
): readonly string[] {
  const middle = points.reduce((best, point) =>
    Math.abs(point.t - 0.5) < Math.abs(best.t - 0.5) ? point : best,
  );
  return [
    name,
    barrier.toFixed(4),
    aboveMean.toFixed(4),
    t.toFixed(3),
    `${middle.loss.toFixed(4)}, ${formatPercent(middle.accuracy)}`,
    formatPercent(accuracyDrop),
  ];
}

function layerLines({ single, fromFirst, fromLast }: LayerWiseBarriers): readonly string[] {
  const cells = (rows: LayerWiseBarriers['single']) => rows.map(({ barrier }) => barrier.barrier.toFixed(4));
  const names = single.map(({ layers }) => layers.join(' '));
  const columns = [names, cells(single), cells(fromFirst), [...cells(fromLast)].reverse()];
  const rows = names.map((_, i) => columns.map((column) => column[i]));
  const head = ['barrier by layer', 'alone', 'with all before', 'with all after'];
  return formatColumns([head, ...rows], [false, true, true, true]);
}
