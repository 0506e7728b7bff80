// The plane through three models, in orthonormal coordinates, and the loss on a grid of it (Garipov et al. 2018, figure 1
// and its footnote). It does not know how a model is run.
import { FusionError } from '../errors.ts';
import type { Evaluate } from '../model-functions.ts';
import { checkPoints, checkRange, combine } from './model-points.ts';
import { evaluatePoint, type PathPoint, type PointRepair } from './path-profile.ts';

/** Share of a model's distance below which its direction is rounding of float32. */
const COLLINEAR = 1e-6;

export interface PlaneCoordinates {
  readonly x: number;
  readonly y: number;
}

export interface Plane {
  /** Of the three models: the origin, then (a, 0) with a > 0, then one with y > 0. */
  readonly corners: readonly [PlaneCoordinates, PlaneCoordinates, PlaneCoordinates];
  /** The model there, into the room where there is one. Distances in the plane are those of the models. */
  at(place: PlaneCoordinates, room?: Float32Array): Float32Array;
  /** The nearest place of the plane, and how far from it the model is. */
  project(weights: Float32Array): PlaneCoordinates & { readonly distance: number };
}

/**
 * Axes by Gram–Schmidt: û along first − origin, v̂ along what is left of second − origin. Points are sums of the three
 * models, so that the corners are the models themselves.
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE; _DEGENERATE where the three lie on a line
 */
export function createPlane(models: {
  readonly origin: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}): Plane {
  const { origin, first, second } = models;
  const points = [origin, first, second];
  checkPoints(points, 3);
  const size = origin.length;
  const { width, slope, height } = axesOf(models);
  const coefficients = new Float64Array(3);
  return {
    corners: [
      { x: 0, y: 0 },
      { x: width, y: 0 },
      { x: slope * width, y: height },
    ],
    at({ x, y }, room) {
      coefficients[2] = y / height;
      coefficients[1] = x / width - slope * coefficients[2];
      coefficients[0] = 1 - coefficients[1] - coefficients[2];
      return combine({ points, coefficients, room });
    },
    project(weights) {
      checkPoints([origin, weights], 2);
      let [alongX, alongY, square] = [0, 0, 0];
      for (let i = 0; i < size; i++) {
        const u = first[i] - origin[i];
        const offset = weights[i] - origin[i];
        alongX += offset * u;
        alongY += offset * (second[i] - origin[i] - slope * u);
        square += offset * offset;
      }
      const [x, y] = [alongX / width, alongY / height];
      return { x, y, distance: Math.sqrt(Math.max(0, square - x * x - y * y)) };
    },
  };
}

/** |u|, the share of u in the other direction, and the length of what is left of that. */
function axesOf(models: {
  readonly origin: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}): { readonly width: number; readonly slope: number; readonly height: number } {
  const { origin, first, second } = models;
  let [uu, uv, vv] = [0, 0, 0];
  for (let i = 0; i < origin.length; i++) {
    const [u, v] = [first[i] - origin[i], second[i] - origin[i]];
    uu += u * u;
    uv += u * v;
    vv += v * v;
  }
  if (uu === 0) throw degenerate('the first two models are equal');
  const slope = uv / uu;
  let left = 0;
  for (let i = 0; i < origin.length; i++) {
    const part = second[i] - origin[i] - slope * (first[i] - origin[i]);
    left += part * part;
  }
  const height = Math.sqrt(left);
  if (height <= COLLINEAR * Math.sqrt(vv)) throw degenerate('the three models lie on one line');
  return { width: Math.sqrt(uu), slope, height };
}

function degenerate(what: string): FusionError {
  return new FusionError('MELDMESH_FUSION_DEGENERATE', `${what}; give three models that span a plane`);
}

export interface PlaneGridOptions {
  readonly evaluate: Evaluate;
  /** Points of the grid each way. Default 21. */
  readonly columns?: number;
  readonly rows?: number;
  /** Room around the three models, as a share of their extent. Default 0.2. */
  readonly margin?: number;
  readonly repair?: PointRepair;
  readonly onPoint?: (done: number, of: number) => void;
}

export type PlanePoint = PlaneCoordinates & Omit<PathPoint, 't'>;

export interface PlaneGrid {
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  /** Row by row, xs.length of them for each y. */
  readonly points: readonly PlanePoint[];
}

/** Runs the models on a grid around the corners. A repair is told t = 0: there is no line here. */
export function evaluatePlane(plane: Plane, options: PlaneGridOptions): PlaneGrid {
  const { columns = 21, rows = 21, margin = 0.2 } = options;
  checkRange('columns', columns, { min: 2, max: 1_000, whole: true });
  checkRange('rows', rows, { min: 2, max: 1_000, whole: true });
  checkRange('margin', margin, { min: 0, max: 10 });
  const xs = ticks(
    plane.corners.map(({ x }) => x),
    { count: columns, margin },
  );
  const ys = ticks(
    plane.corners.map(({ y }) => y),
    { count: rows, margin },
  );
  let room: Float32Array | undefined;
  const points: PlanePoint[] = [];
  for (const y of ys) {
    for (const x of xs) {
      room = plane.at({ x, y }, room);
      const { t: _, ...score } = evaluatePoint(room, 0, options);
      points.push({ x, y, ...score });
      options.onPoint?.(points.length, xs.length * ys.length);
    }
  }
  return { xs, ys, points };
}

function ticks(
  values: readonly number[],
  grid: { readonly count: number; readonly margin: number },
): readonly number[] {
  const low = values.reduce((least, value) => Math.min(least, value));
  const extent = values.reduce((most, value) => Math.max(most, value)) - low;
  const step = (extent * (1 + 2 * grid.margin)) / (grid.count - 1);
  return Array.from({ length: grid.count }, (_, i) => low - extent * grid.margin + i * step);
}
