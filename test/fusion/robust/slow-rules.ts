// The robust means as one would write them without a thought for speed: lists of numbers, whole vectors, distances by
// subtraction, every set tried. An absent coordinate is `undefined`.
import { createRandom } from '../../../fusion/index.ts';

export interface SlowUpdate {
  readonly weight: number;
  readonly values: readonly (number | undefined)[];
}

type Vector = readonly number[];
type SlowStep = (updates: readonly SlowUpdate[]) => readonly SlowUpdate[];
type SlowRule = (updates: readonly SlowUpdate[], attackersOf: (share: number) => number) => Vector;

const whole = ({ values }: SlowUpdate): Vector => values.map((value) => value ?? 0);
const sum = (numbers: Vector): number => numbers.reduce((total, number) => total + number, 0);
export const norm = (vector: Vector): number => Math.sqrt(sum(vector.map((value) => value * value)));
export const minus = (a: Vector, b: Vector): Vector => a.map((value, i) => value - b[i]);
const distance = (a: SlowUpdate, b: SlowUpdate): number => norm(minus(whole(a), whole(b)));
const scaled = (vector: Vector, by: number): Vector => vector.map((value) => value * by);
const plus = (a: Vector, b: Vector): Vector => a.map((value, i) => value + b[i]);
const sorted = (numbers: Vector): number[] => [...numbers].sort((a, b) => a - b);
const lowerMiddle = (numbers: Vector): number => sorted(numbers)[Math.floor((numbers.length - 1) / 2)];
const indices = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const byScore = (scores: Vector): number[] =>
  indices(scores.length).sort((a, b) => scores[a] - scores[b] || a - b);

export function slowMean(updates: readonly SlowUpdate[]): Vector {
  const total = sum(updates.map(({ weight }) => weight));
  return indices(updates[0].values.length).map(
    (i) => sum(updates.map(({ weight, values }) => weight * (values[i] ?? 0))) / total,
  );
}

interface Report {
  readonly value: number;
  readonly weight: number;
}

function eachCoordinate(
  updates: readonly SlowUpdate[],
  supportMin: number,
  middle: (reports: readonly Report[]) => number,
): Vector {
  return indices(updates[0].values.length).map((i) => {
    const reports = updates.flatMap(({ values, weight }) => {
      const value = values[i];
      return value === undefined ? [] : [{ value, weight }];
    });
    return reports.length < Math.max(1, supportMin) ? 0 : middle(reports.sort((a, b) => a.value - b.value));
  });
}

export const slowMedian =
  (supportMin: number): SlowRule =>
  (updates) =>
    eachCoordinate(updates, supportMin, (reports) => {
      // Each report as often as it weighs: weights in the tests are whole.
      const repeated = reports.flatMap(({ value, weight }) => Array<number>(weight).fill(value));
      const half = repeated.length / 2;
      return (repeated[Math.ceil(half) - 1] + repeated[Math.floor(half)]) / 2;
    });

export const slowTrimmed =
  (share: number): SlowRule =>
  (updates, attackersOf) => {
    const trim = attackersOf(share);
    return eachCoordinate(updates, 2 * trim + 1, (reports) => {
      const kept = reports.slice(trim, reports.length - trim);
      return sum(kept.map(({ value, weight }) => value * weight)) / sum(kept.map(({ weight }) => weight));
    });
  };

export const slowSignElection =
  (supportMin: number): SlowRule =>
  (updates) =>
    eachCoordinate(updates, supportMin, (reports) => {
      const positive = sum(reports.map(({ value, weight }) => Math.max(0, value) * weight));
      const negative = sum(reports.map(({ value, weight }) => Math.max(0, -value) * weight));
      if (positive === negative) return 0;
      const kept = reports.filter(({ value }) => value !== 0 && value > 0 === positive > negative);
      return sum(kept.map(({ value, weight }) => value * weight)) / sum(kept.map(({ weight }) => weight));
    });

function slowKrumScores(updates: readonly SlowUpdate[], neighbours: number): Vector {
  return updates.map((update, i) => {
    const others = updates.filter((_, j) => j !== i).map((other) => distance(update, other) ** 2);
    return sum(sorted(others).slice(0, neighbours));
  });
}

export const slowKrum =
  (share: number): SlowRule =>
  (updates, attackersOf) => {
    const scores = slowKrumScores(updates, updates.length - attackersOf(share) - 2);
    return whole(updates[byScore(scores)[0]]);
  };

export const slowMultiKrum =
  (share: number): SlowRule =>
  (updates, attackersOf) => {
    const attackers = attackersOf(share);
    const scores = slowKrumScores(updates, updates.length - attackers - 2);
    return slowMean(
      byScore(scores)
        .slice(0, updates.length - attackers)
        .map((i) => updates[i]),
    );
  };

export const slowBulyan =
  (share: number): SlowRule =>
  (updates, attackersOf) => {
    const attackers = attackersOf(share);
    let left = [...updates];
    const chosen: SlowUpdate[] = [];
    while (chosen.length < updates.length - 2 * attackers) {
      const scores = slowKrumScores(left, Math.max(1, left.length - attackers - 2));
      const winner = left[byScore(scores)[0]];
      chosen.push(winner);
      left = left.filter((update) => update !== winner);
    }
    return eachCoordinate(chosen, 2 * attackers + 1, (reports) => {
      const values = reports.map(({ value }) => value);
      const half = values.length / 2;
      const median = (values[Math.ceil(half) - 1] + values[Math.floor(half)]) / 2;
      const near = [...values].sort((a, b) => Math.abs(a - median) - Math.abs(b - median) || a - b);
      return sum(near.slice(0, values.length - 2 * attackers)) / (values.length - 2 * attackers);
    });
  };

export const slowMinimumDiameter =
  (share: number): SlowRule =>
  (updates, attackersOf) => {
    const kept = updates.length - attackersOf(share);
    const squares = updates.map((a) => updates.map((b) => distance(a, b) ** 2));
    let best: { readonly members: readonly SlowUpdate[]; readonly diameter: number } | undefined;
    for (const set of setsOf(indices(updates.length), kept)) {
      const members = set.map((i) => updates[i]);
      const diameter = Math.max(...set.map((i) => Math.max(...set.map((j) => squares[i][j]))));
      if (best === undefined || diameter < best.diameter) best = { members, diameter };
    }
    return slowMean(best?.members ?? []);
  };

/** All sets of a size, in the order of their members. */
function setsOf(members: readonly number[], size: number): number[][] {
  if (size === 0) return [[]];
  return members.flatMap((first, at) =>
    setsOf(members.slice(at + 1), size - 1).map((rest) => [first, ...rest]),
  );
}

export const slowCentredClipping =
  (radius: number, iterations: number): SlowRule =>
  (updates) => {
    const total = sum(updates.map(({ weight }) => weight));
    let centre: Vector = updates[0].values.map(() => 0);
    for (let iteration = 0; iteration < iterations; iteration++) {
      const differences = updates.map((update) => minus(whole(update), centre));
      const tau = radius * lowerMiddle(differences.map(norm));
      for (const [i, difference] of differences.entries()) {
        const clip = norm(difference) === 0 ? 1 : Math.min(1, tau / norm(difference));
        centre = plus(centre, scaled(difference, (updates[i].weight / total) * clip));
      }
    }
    return centre;
  };

/** Σ wᵢ ‖xᵢ − v‖, which the geometric median makes smallest. */
export function sumOfDistances(updates: readonly SlowUpdate[], v: Vector): number {
  return sum(updates.map((update) => update.weight * norm(minus(whole(update), v))));
}

export function slowCosineTrust(updates: readonly SlowUpdate[], reference: Vector, rescale: boolean): Vector {
  const trusts = updates.map((update) => {
    const lengths = norm(whole(update)) * norm(reference);
    const product = sum(whole(update).map((value, i) => value * reference[i]));
    return lengths === 0 ? 0 : update.weight * Math.max(0, product / lengths);
  });
  const total = sum(trusts);
  if (total === 0) return reference.map(() => 0);
  return updates
    .map((update, i) => {
      const length = norm(whole(update));
      const by = rescale && length > 0 ? norm(reference) / length : 1;
      return scaled(whole(update), (trusts[i] * by) / total);
    })
    .reduce(plus);
}

export const slowClip =
  (factor: number): SlowStep =>
  (updates) => {
    const tau = factor * lowerMiddle(updates.map((update) => norm(whole(update))));
    return updates.map((update) => {
      const length = norm(whole(update));
      const by = length > tau ? tau / length : 1;
      return { ...update, values: update.values.map((value) => (value === undefined ? value : value * by)) };
    });
  };

/** A mean that reports what any of its parts does. */
function mixture(parts: readonly SlowUpdate[], weight: number): SlowUpdate {
  const mean = slowMean(parts);
  const values = mean.map((value, i) =>
    parts.every((part) => part.values[i] === undefined) ? undefined : value,
  );
  return { weight, values };
}

export const slowNearestNeighbourMixing =
  (attackers: number): SlowStep =>
  (updates) =>
    updates.map((update, i) => {
      const distances = updates.map((other, j) => (i === j ? -1 : distance(update, other) ** 2));
      const nearest = byScore(distances).slice(0, updates.length - attackers);
      return mixture(
        nearest.map((j) => updates[j]),
        update.weight,
      );
    });

export const slowBucketing =
  (size: number, seed: string): SlowStep =>
  (updates) => {
    const random = createRandom(seed).fork('bucketing');
    const order = [...updates];
    for (let last = order.length - 1; last > 0; last--) {
      const other = random.below(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    const buckets: SlowUpdate[] = [];
    for (let at = 0; at < order.length; at += size) {
      const parts = order.slice(at, at + size);
      buckets.push(mixture(parts, sum(parts.map(({ weight }) => weight))));
    }
    return buckets;
  };
