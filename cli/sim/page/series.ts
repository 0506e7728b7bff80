// The lines of the report's plots as plain rows, from a result. Attackers are left out of everything about learning.
import type { SimResult } from '../../../sim/index.ts';

export interface PeerPoint {
  readonly peer: number;
  readonly generation: number;
  readonly seconds: number;
  /** Received by this peer until then. */
  readonly mebibytes: number;
  readonly accuracy: number | undefined;
  readonly loss: number | undefined;
}

/** A generation over all honest peers that had it. */
export interface GenerationPoint {
  readonly generation: number;
  readonly peers: number;
  /** Different models among the peers when each first had this generation. */
  readonly models: number;
  readonly seconds: number;
  readonly secondsLast: number;
  readonly mebibytes: number;
  readonly accuracy: number | undefined;
  readonly accuracyLow: number | undefined;
  readonly accuracyHigh: number | undefined;
  readonly loss: number | undefined;
  readonly lossLow: number | undefined;
  readonly lossHigh: number | undefined;
}

export interface Series {
  readonly points: readonly PeerPoint[];
  readonly generations: readonly GenerationPoint[];
}

const MEBIBYTE = 2 ** 20;

export function seriesOf({ history, peers }: SimResult): Series {
  const rows = history.filter(({ peer }) => peers[peer].attacker === undefined);
  const points = rows.map(({ peer, generation, atMs, bytesIn, accuracy, loss }) => ({
    peer,
    generation,
    seconds: atMs / 1_000,
    mebibytes: bytesIn / MEBIBYTE,
    accuracy: accuracy === undefined ? undefined : 100 * accuracy,
    loss,
  }));
  const groups = new Map<number, { readonly points: PeerPoint[]; readonly digests: Set<string> }>();
  for (const [i, point] of points.entries()) {
    const group = groups.get(point.generation) ?? { points: [], digests: new Set() };
    groups.set(point.generation, group);
    group.points.push(point);
    group.digests.add(rows[i].digest);
  }
  const generations = [...groups].sort(([a], [b]) => a - b).map(([, group]) => generationPoint(group));
  return { points, generations };
}

function generationPoint(group: {
  readonly points: readonly PeerPoint[];
  readonly digests: ReadonlySet<string>;
}): GenerationPoint {
  const { points, digests } = group;
  const accuracies = points.flatMap(({ accuracy }) => accuracy ?? []);
  const losses = points.flatMap(({ loss }) => loss ?? []);
  const seconds = points.map((point) => point.seconds);
  return {
    generation: points[0].generation,
    peers: points.length,
    models: digests.size,
    seconds: meanOf(seconds) ?? 0,
    secondsLast: seconds.reduce((last, each) => Math.max(last, each), 0),
    mebibytes: meanOf(points.map(({ mebibytes }) => mebibytes)) ?? 0,
    accuracy: meanOf(accuracies),
    accuracyLow: extremeOf(accuracies, Math.min),
    accuracyHigh: extremeOf(accuracies, Math.max),
    loss: meanOf(losses),
    lossLow: extremeOf(losses, Math.min),
    lossHigh: extremeOf(losses, Math.max),
  };
}

function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function extremeOf(values: readonly number[], choose: (a: number, b: number) => number): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => choose(a, b));
}
