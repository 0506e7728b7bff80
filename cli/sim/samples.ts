// How a world looks from outside, now and then while it runs: how far the honest peers differ, and who is away.
import type { Simulation } from '../../sim/index.ts';

export interface Sample {
  readonly atMs: number;
  readonly alive: number;
  /** Different models among the living honest peers. */
  readonly models: number;
  /** Different generations among them: so many models there are where all is well. */
  readonly generations: number;
}

/** A spell in which a peer was not running. */
export interface Absence {
  readonly peer: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Twice as many are kept before every second one is dropped. */
const SAMPLES_MAX = 1_000;
const ABSENCES_MAX = 20_000;

export class Sampler {
  readonly #goneSinceMs = new Map<number, number>();
  readonly #absences: Absence[] = [];
  #samples: Sample[] = [];
  #every = 1;
  #asked = 0;

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Those that are not over end now. */
  absencesUntil(nowMs: number): readonly Absence[] {
    const open = [...this.#goneSinceMs].map(([peer, fromMs]) => ({ peer, fromMs, untilMs: nowMs }));
    return [...this.#absences, ...open];
  }

  take(simulation: Simulation): void {
    this.#lookForAbsent(simulation);
    this.#asked += 1;
    if (this.#asked % this.#every !== 0) return;
    const alive = simulation.honest.filter(({ isAlive }) => isAlive);
    this.#samples.push({
      atMs: simulation.world.nowMs,
      alive: alive.length,
      models: new Set(alive.flatMap(({ digest }) => digest ?? [])).size,
      generations: new Set(alive.map(({ generation }) => generation)).size,
    });
    if (this.#samples.length < 2 * SAMPLES_MAX) return;
    this.#samples = this.#samples.filter((_, i) => i % 2 === 0);
    this.#every *= 2;
  }

  #lookForAbsent({ peers, world }: Simulation): void {
    for (const [peer, { isAlive }] of peers.entries()) {
      const fromMs = this.#goneSinceMs.get(peer);
      if (isAlive === (fromMs === undefined)) continue;
      if (fromMs === undefined) {
        this.#goneSinceMs.set(peer, world.nowMs);
        continue;
      }
      this.#goneSinceMs.delete(peer);
      if (this.#absences.length < ABSENCES_MAX) {
        this.#absences.push({ peer, fromMs, untilMs: world.nowMs });
      }
    }
  }
}
