// How far a simulation is: one live line on a terminal, a plain line every few seconds elsewhere. It also lets the process
// breathe, so that Ctrl-C is heard while a world without a pause goes by.
import { setImmediate as breath } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import type { Scenario } from '../../sim/index.ts';
import { formatCount, formatSeconds } from '../format.ts';
import type { Terminal } from '../terminal.ts';

const REDRAW_EVERY_MS = 200;
const LINE_EVERY_MS = 5_000;
/** Before that an estimate of the time left is a guess. */
const ESTIMATE_FROM_MS = 1_500;

export interface ProgressState {
  readonly virtualMs: number;
  readonly generation: number;
  readonly events: number;
}

/** Pure: share of the run that is over, as far as anybody can know. */
export function shareDone(at: ProgressState, end: { generations: number; quietFromMs: number }): number {
  const learnt = Math.min(1, at.generation / end.generations);
  return end.quietFromMs <= 0 ? learnt : Math.min(learnt, Math.min(1, at.virtualMs / end.quietFromMs));
}

/** `12.4 virtual s  generation 9 of 20  120,000 events, 31,000 a second  about 4.20 s left`. */
export function progressLine(
  at: ProgressState,
  run: { readonly generations: number; readonly quietFromMs: number; readonly realMs: number },
): string {
  const { generations, realMs } = run;
  const share = shareDone(at, run);
  const perSecond = formatCount((1_000 * at.events) / Math.max(1, realMs));
  const left =
    realMs < ESTIMATE_FROM_MS || share === 0
      ? ''
      : share === 1
        ? '  the peers come to agree'
        : `  about ${formatSeconds((realMs * (1 - share)) / share / 1_000)} left`;
  const generation = `generation ${Math.min(at.generation, generations)} of ${generations}`;
  return `${formatSeconds(at.virtualMs / 1_000)} virtual  ${generation}  ${formatCount(at.events)} events, ${perSecond} a second${left}`;
}

export class Progress {
  readonly #terminal: Terminal;
  readonly #scenario: Scenario;
  readonly #update: ReturnType<typeof createLogUpdate> | undefined;
  readonly #startedMs = performance.now();
  #toldMs = this.#startedMs;
  #breathedMs = this.#startedMs;

  constructor(terminal: Terminal, scenario: Scenario) {
    this.#terminal = terminal;
    this.#scenario = scenario;
    this.#update = terminal.live ? createLogUpdate(terminal.stream) : undefined;
  }

  async tell(at: ProgressState, quietFromMs: number): Promise<void> {
    const nowMs = performance.now();
    const everyMs = this.#update === undefined ? LINE_EVERY_MS : REDRAW_EVERY_MS;
    if (nowMs - this.#toldMs >= everyMs) {
      this.#toldMs = nowMs;
      const { generations } = this.#scenario.end;
      const line = progressLine(at, { generations, quietFromMs, realMs: nowMs - this.#startedMs });
      if (this.#update === undefined) this.#terminal.say(line);
      else this.#update(line);
    }
    if (nowMs - this.#breathedMs < REDRAW_EVERY_MS) return;
    this.#breathedMs = nowMs;
    await breath();
  }

  /** Takes the live line away. */
  close(): void {
    this.#update?.clear();
  }
}
