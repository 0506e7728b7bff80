// Observable Plot on a document that exists only in memory: a plot becomes SVG text. Loaded when a report is wanted.
import * as Plot from '@observablehq/plot';
import { DOMParser } from 'linkedom';

/** A plot that shares its row with another one. */
export const HALF = {
  width: 520,
  height: 260,
  marginLeft: 52,
  marginRight: 16,
  marginBottom: 40,
  grid: true,
} as const;

/** Colours are the page's, so that they change with its scheme. */
export const COLOURS = {
  ink: 'currentColor',
  faint: 'var(--faint)',
  blue: 'var(--blue)',
  orange: 'var(--orange)',
  green: 'var(--green)',
  red: 'var(--red)',
  purple: 'var(--purple)',
} as const;

const document = new DOMParser().parseFromString('<!doctype html><html><body></body></html>', 'text/html');

/** SVG, or a figure with its legend above, as text. */
export function draw(options: Plot.PlotOptions): string {
  const plot = Plot.plot({
    document,
    style: { fontSize: '12px', background: 'none', color: 'inherit' },
    ...options,
  });
  return plot.outerHTML;
}
