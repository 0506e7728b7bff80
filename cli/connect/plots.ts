// Plots of two models and what lies between them: loss and accuracy along the ways, and the plane with the ways in it.
import * as Plot from '@observablehq/plot';
import type { Plane, PlaneCoordinates } from '../../fusion/index.ts';
import { COLOURS, draw, HALF } from '../sim/page/drawing.ts';
import type { ConnectOutcome, FoundPlane } from './connect-outcome.ts';

type Measure = 'loss' | 'accuracy';

const STRAIGHT = 'straight';
const ALIGNED = 'straight, aligned';
/** Lines of equal loss. */
const CONTOURS = 16;
/** Losses above so many times the worse end have one colour: a plane's corners are of no interest. */
const CONTOUR_RANGE = 40;
const PLANE = { width: 1_080, marginLeft: 60, marginRight: 16, marginBottom: 40 } as const;

/** Along the straight way as it is and aligned, and along the curve. */
export function alongWays({ barriers, profile, words }: ConnectOutcome, measure: Measure): string {
  const curve = words.curve === 'bezier' ? 'Bezier curve' : 'polygonal chain';
  const ways = [
    { way: STRAIGHT, points: barriers.before.points },
    { way: ALIGNED, points: barriers.after?.points ?? [] },
    { way: curve, points: profile.points },
  ].filter(({ points }) => points.length > 0);
  const rows = ways.flatMap(({ way, points }) =>
    points.flatMap(({ t, loss, accuracy }) => {
      const value = measure === 'loss' ? loss : accuracy === undefined ? undefined : 100 * accuracy;
      return value === undefined ? [] : [{ way, t, value }];
    }),
  );
  return draw({
    ...HALF,
    ariaLabel: `${measure} between the models`,
    color: {
      legend: true,
      domain: ways.map(({ way }) => way),
      range: ways.map(({ way }) => colourOf(way)),
    },
    x: { label: 't' },
    y: { label: measure === 'loss' ? 'loss' : 'accuracy, %', zero: measure === 'loss', nice: true },
    marks: [Plot.line(rows, { x: 't', y: 'value', stroke: 'way', strokeWidth: 2 })],
  });
}

function colourOf(way: string): string {
  if (way === STRAIGHT) return COLOURS.red;
  return way === ALIGNED ? COLOURS.orange : COLOURS.blue;
}

/** Loss by colour, on a scale of equal ratios; distances are those of the models. */
export function lossPlane({ plane, grid }: FoundPlane, outcome: ConnectOutcome): string {
  const { xs, ys, points } = grid;
  const thresholds = thresholdsOf(
    outcome,
    points.map(({ loss }) => loss),
  );
  const [low, high] = [thresholds[0], thresholds[thresholds.length - 1]];
  const values = points.map(({ loss }) => Math.min(high, Math.max(low, loss)));
  const [left, right, bottom, top] = [xs[0], xs[xs.length - 1], ys[0], ys[ys.length - 1]];
  const place = { x: 'x', y: 'y' } as const;
  return draw({
    ...PLANE,
    height: planeHeight((top - bottom) / (right - left)),
    ariaLabel: 'loss on the plane through the models and the curve',
    // Steps, not a ramp: the legend of a ramp is drawn on a canvas, which there is none of here.
    color: {
      type: 'threshold',
      scheme: 'YlGnBu',
      domain: thresholds,
      legend: true,
      label: 'loss',
      tickFormat: (loss: number, i: number) => (i % 4 === 0 ? loss.toPrecision(2) : ''),
    },
    x: { label: 'distance along the straight way' },
    y: { label: 'distance from it' },
    marks: [
      Plot.contour(values, {
        width: xs.length,
        height: ys.length,
        x1: left,
        x2: right,
        y1: bottom,
        y2: top,
        fill: Plot.identity,
        thresholds,
        stroke: 'black',
        strokeOpacity: 0.25,
        strokeWidth: 0.5,
      }),
      Plot.line(plane.corners.slice(0, 2), {
        ...place,
        stroke: 'black',
        strokeWidth: 2,
        strokeDasharray: '6,4',
      }),
      Plot.line(curvePlaces(plane, outcome), { ...place, stroke: '#d9730d', strokeWidth: 2.5 }),
      Plot.dot(markers(plane), { ...place, r: 5, fill: 'white', stroke: 'black' }),
      Plot.text(markers(plane), {
        ...place,
        text: 'name',
        dy: -14,
        fill: 'black',
        stroke: 'white',
        strokeWidth: 4,
        fontSize: 13,
      }),
    ],
  });
}

function markers({ corners }: Plane): readonly (PlaneCoordinates & { readonly name: string })[] {
  return corners.map((corner, i) => ({ ...corner, name: ['A', 'B', 'bend'][i] }));
}

/** The curve seen from above: with more than one bend it leaves the plane. */
function curvePlaces(plane: Plane, { curve, profile }: ConnectOutcome): readonly PlaneCoordinates[] {
  const room = new Float32Array(curve.path.size);
  return profile.points.map(({ t }) => plane.project(curve.path.at(t, room)));
}

function thresholdsOf({ profile }: ConnectOutcome, losses: readonly number[]): number[] {
  // Where the loss is nought equal ratios end.
  const floor = Math.max(profile.start.loss, profile.end.loss) / CONTOUR_RANGE;
  const low = Math.max(
    floor,
    losses.reduce((least, loss) => Math.min(least, loss)),
    Number.MIN_VALUE,
  );
  const highest = losses.reduce((most, loss) => Math.max(most, loss));
  const high = Math.max(
    2 * low,
    Math.min(highest, CONTOUR_RANGE * Math.max(profile.start.loss, profile.end.loss)),
  );
  return Array.from({ length: CONTOURS + 1 }, (_, i) => low * (high / low) ** (i / CONTOURS));
}

/** As wide as high where there is room for it. */
function planeHeight(ratio: number): number {
  const width = PLANE.width - PLANE.marginLeft - PLANE.marginRight;
  return Math.round(Math.min(760, Math.max(260, width * ratio + 60)));
}
