// How far honest peers fall below what they had reached already: looked at whenever one reaches a generation or corrects
// its model, so that no moment is missed.
import type { Simulation } from '../../sim/index.ts';

export interface Falls {
  /** The largest fall of a peer below its own best score. */
  readonly largest: number;
  /** Where that peer stood then. */
  readonly generation: number;
  readonly corrections: number;
  /** By generation: mean score of the honest peers when they first had it. */
  readonly scores: ReadonlyMap<number, number>;
}

/** To be called before the simulation runs; the object that it gives changes meanwhile. More is better in a score. */
export function watchFalls(simulation: Simulation, scoreOf: (model: Float32Array) => number): Falls {
  const known = new Map<string, number>();
  const falls = { largest: 0, generation: 0, corrections: 0, scores: new Map<number, number>() };
  const firsts = new Map<number, number[]>();
  for (const peer of simulation.honest) {
    const { observer } = peer.options;
    let best = Number.NEGATIVE_INFINITY;
    let newest = 0;
    const look = ({ generation, digest }: { readonly generation: number; readonly digest: string }) => {
      const model = peer.fusion?.model();
      if (model === undefined) return undefined;
      const score = known.get(digest) ?? scoreOf(model);
      known.set(digest, score);
      best = Math.max(best, score);
      if (best - score > falls.largest) Object.assign(falls, { largest: best - score, generation });
      return score;
    };
    const seen: typeof observer.generation = (who, detail) => {
      const score = look(detail);
      if (detail.corrected) falls.corrections += 1;
      if (score !== undefined && detail.generation > newest) {
        newest = detail.generation;
        const scores = [...(firsts.get(newest) ?? []), score];
        firsts.set(newest, scores);
        falls.scores.set(newest, scores.reduce((a, b) => a + b, 0) / scores.length);
      }
      observer.generation(who, detail);
    };
    Object.assign(peer.options, {
      observer: {
        started: observer.started,
        killed: observer.killed,
        refused: observer.refused,
        notice: observer.notice,
        generation: seen,
      },
    });
  }
  return falls;
}
