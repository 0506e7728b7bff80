// What is seen while a mesh runs: one live line for each node on a terminal, one plain line for each generation
// elsewhere. The texts are made by pure functions; the class only decides when to write them.
import { createLogUpdate } from 'log-update';
import {
  formatBytes,
  formatColumns,
  formatCount,
  formatDigest,
  formatPercent,
  formatSeconds,
} from '../format.ts';
import type { Terminal } from '../terminal.ts';
import { liveViews, type NodeView, trainerOf } from './view.ts';

/** Fast enough to look alive, slow enough for a terminal over a thin line. */
const REDRAW_EVERY_MS = 250;

export type AccuracyOf = (digest: string | undefined) => number | undefined;

const HEAD = ['node', 'digits', 'generation', 'accuracy', 'deltas', 'in', 'out', 'digest', 'phase'];
const RIGHT = [false, true, true, true, true, true, true, false, false];

/** The block of live lines: a heading and one line for each node. */
export function liveLines(
  views: readonly NodeView[],
  options: { readonly generations: number; readonly accuracyOf: AccuracyOf },
): readonly string[] {
  return formatColumns(
    [
      HEAD,
      ...views.map((view) => [
        [view.node.index, trainerOf(view)].join(' ').trim(),
        view.node.samples === 0 ? 'observes' : formatCount(view.node.samples),
        `${view.generation} of ${options.generations}`,
        formatPercent(newestAccuracy(view, options.accuracyOf)),
        formatCount(view.status?.deltasHeard ?? 0),
        formatBytes(bytesOf(view, 'bytesIn')),
        formatBytes(bytesOf(view, 'bytesOut')),
        formatDigest(view.generation === 0 ? undefined : view.digest),
        view.state === 'live' ? (view.status?.phase ?? 'live') : view.state,
      ]),
    ],
    RIGHT,
  );
}

/** One line when all live nodes have completed a generation. */
export function generationLine(
  generation: number,
  views: readonly NodeView[],
  accuracyOf: AccuracyOf,
): string {
  const done = views.flatMap((view) => view.completed.get(generation) ?? []);
  const accuracies = done.flatMap((each) => accuracyOf(each.digest) ?? []);
  const low = accuracies.length === 0 ? undefined : Math.min(...accuracies);
  const high = accuracies.length === 0 ? undefined : Math.max(...accuracies);
  const accuracy = low === high ? formatPercent(low) : `${formatPercent(low)} to ${formatPercent(high)}`;
  const digests = new Set(done.map((each) => each.digest));
  const [first] = digests;
  const digest = digests.size === 1 ? `digest ${formatDigest(first)}` : `${digests.size} digests`;
  const seconds = formatSeconds(Math.max(0, ...done.map((each) => each.seconds)));
  const bytes = formatBytes(done.reduce((sum, each) => sum + each.bytesIn, 0) / Math.max(1, done.length));
  return `generation ${generation}  ${seconds}  accuracy ${accuracy}  ${digest}  received ${bytes} a node`;
}

/** Generations that all live nodes have completed and whose accuracy is known, beyond `printed`. */
export function finishedGenerations(options: {
  readonly views: readonly NodeView[];
  readonly printed: number;
  readonly isPending: (digest: string) => boolean;
}): readonly number[] {
  const live = liveViews(options.views);
  const finished: number[] = [];
  if (live.length === 0 || options.views.some((view) => view.state === 'starting')) return finished;
  for (let generation = options.printed + 1; ; generation += 1) {
    const done = live.map((view) => view.completed.get(generation));
    const reached = live.every((view, index) => done[index] !== undefined || view.generation > generation);
    const digests = done.flatMap((each) => each?.digest ?? []);
    if (!reached || digests.some(options.isPending)) return finished;
    // Generations from before this watcher began have no digest and no line.
    if (digests.length > 0) finished.push(generation);
  }
}

export interface DisplayOptions {
  readonly terminal: Terminal;
  readonly views: readonly NodeView[];
  readonly generations: number;
  readonly startedAtMs: number;
  readonly accuracyOf: AccuracyOf;
  readonly isPending: (digest: string) => boolean;
}

export class Display {
  readonly #options: DisplayOptions;
  readonly #update: ReturnType<typeof createLogUpdate> | undefined;
  readonly #timer: NodeJS.Timeout;
  #printed = 0;
  #closed = false;

  constructor(options: DisplayOptions) {
    this.#options = options;
    this.#update = options.terminal.live ? createLogUpdate(options.terminal.stream) : undefined;
    this.#timer = setInterval(() => this.refresh(), REDRAW_EVERY_MS);
  }

  /** A line that stays. */
  say(text: string): void {
    if (this.#update === undefined || this.#closed) this.#options.terminal.say(text);
    else this.#update.persist(text);
  }

  /** `views` as they are, or as they were before the nodes were stopped. */
  refresh(views: readonly NodeView[] = this.#options.views): void {
    const { generations, accuracyOf, isPending, startedAtMs } = this.#options;
    if (this.#update !== undefined) {
      const clock = formatSeconds((Date.now() - startedAtMs) / 1000);
      this.#update([...liveLines(views, { generations, accuracyOf }), clock].join('\n'));
      return;
    }
    for (const generation of finishedGenerations({ views, printed: this.#printed, isPending })) {
      this.#options.terminal.say(generationLine(generation, views, accuracyOf));
      this.#printed = generation;
    }
  }

  /** Draws once more and lets the lines stand. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.refresh();
    this.#update?.done();
  }
}

function newestAccuracy(view: NodeView, accuracyOf: AccuracyOf): number | undefined {
  const current = accuracyOf(view.digest);
  if (current !== undefined) return current;
  for (let generation = view.generation; generation > 0; generation -= 1) {
    const known = accuracyOf(view.completed.get(generation)?.digest);
    if (known !== undefined) return known;
  }
  return undefined;
}

function bytesOf(view: NodeView, which: 'bytesIn' | 'bytesOut'): number {
  const bytes = view.status?.[which];
  return bytes === undefined ? 0 : bytes.gossip + bytes.transfer + bytes.control;
}
