// How well the model is, against what it cost: accuracy and loss by generation, virtual time and bytes.
import * as Plot from '@observablehq/plot';
import { COLOURS, draw, HALF } from './drawing.ts';
import type { Series } from './series.ts';

/** Above this single peers are not drawn. */
const PEERS_MAX = 60;

type Measure = 'accuracy' | 'loss';

const LABELS = { accuracy: 'accuracy, %', loss: 'loss' } as const;

/** The mean of the honest peers with the band that all of them lie in. */
export function byGeneration({ generations }: Series, measure: Measure): string {
  return draw({
    ...HALF,
    ariaLabel: `${measure} by generation`,
    x: { label: 'generation', ticks: integerTicks(generations.length) },
    y: { label: LABELS[measure], zero: measure === 'loss', nice: true },
    marks: [
      Plot.areaY(generations, {
        x: 'generation',
        y1: `${measure}Low`,
        y2: `${measure}High`,
        fill: COLOURS.blue,
        fillOpacity: 0.25,
      }),
      Plot.lineY(generations, { x: 'generation', y: measure, stroke: COLOURS.blue, strokeWidth: 2 }),
      Plot.dot(generations, { x: 'generation', y: measure, fill: COLOURS.blue, r: 2 }),
    ],
  });
}

/** Each peer's own line, thin, and the mean of each generation. */
export function byCost(series: Series, measure: Measure, cost: 'seconds' | 'mebibytes'): string {
  const peers = new Set(series.points.map(({ peer }) => peer)).size;
  return draw({
    ...HALF,
    ariaLabel: `${measure} by ${cost === 'seconds' ? 'virtual time' : 'bytes'}`,
    x: { label: cost === 'seconds' ? 'virtual seconds' : 'MiB received by a peer' },
    y: { label: LABELS[measure], zero: measure === 'loss', nice: true },
    marks: [
      peers > PEERS_MAX
        ? []
        : Plot.line(series.points, {
            x: cost,
            y: measure,
            z: 'peer',
            stroke: COLOURS.blue,
            strokeOpacity: 0.3,
            strokeWidth: 1,
          }),
      Plot.line(series.generations, { x: cost, y: measure, stroke: COLOURS.blue, strokeWidth: 2 }),
    ],
  });
}

/** No tick between two whole numbers. */
export function integerTicks(count: number): number {
  return Math.max(1, Math.min(10, count - 1));
}
