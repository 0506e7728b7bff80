// What the world was like: who differed from whom, what was sent, what happened to each peer, who was connected.
import * as Plot from '@observablehq/plot';
import type { LaneEvent, SimResult } from '../../../sim/index.ts';
import type { SimOutcome } from '../outcome.ts';
import { COLOURS, draw, HALF } from './drawing.ts';
import { integerTicks } from './learning-plots.ts';
import type { Series } from './series.ts';

const WIDE = { width: 1_080, marginLeft: 60, marginRight: 16, marginBottom: 40 } as const;
/** Lanes, bars and links of more peers than this say nothing any more. */
export const LANES_MAX = 64;
const LINKS_MAX = 4_000;

/** Different models among the peers that had the same generation. */
export function modelsByGeneration({ generations }: Series): string {
  const most = Math.max(1, ...generations.map(({ models }) => models));
  return draw({
    ...HALF,
    ariaLabel: 'disagreement by generation',
    x: { label: 'generation', ticks: integerTicks(generations.length), type: 'linear' },
    y: { label: 'different models of one generation', zero: true, ticks: integerTicks(most + 1) },
    marks: [
      Plot.ruleX(generations, {
        x: 'generation',
        y1: 0,
        y2: 'models',
        stroke: COLOURS.orange,
        strokeWidth: 3,
      }),
      Plot.dot(generations, { x: 'generation', y: 'models', fill: COLOURS.orange, r: 3 }),
      Plot.ruleY([1], { stroke: COLOURS.ink, strokeDasharray: '2,4' }),
    ],
  });
}

/** Models and generations among the living peers over time: where the lines meet, peers that are as far agree. */
export function modelsByTime({ samples }: SimOutcome): string {
  const rows = samples.flatMap(({ atMs, alive, models, generations }) => [
    { seconds: atMs / 1_000, kind: 'peers there', count: alive },
    { seconds: atMs / 1_000, kind: 'different models', count: models },
    { seconds: atMs / 1_000, kind: 'different generations', count: generations },
  ]);
  return draw({
    ...HALF,
    ariaLabel: 'disagreement by virtual time',
    color: {
      legend: true,
      domain: ['peers there', 'different models', 'different generations'],
      range: [COLOURS.faint, COLOURS.orange, COLOURS.blue],
    },
    x: { label: 'virtual seconds' },
    y: { label: 'count', zero: true },
    marks: [
      Plot.lineY(rows, { x: 'seconds', y: 'count', stroke: 'kind', curve: 'step-after', strokeWidth: 1.5 }),
    ],
  });
}

/** Received by each peer, or by all of many, stacked by kind. */
export function bytesByKind({ peers }: SimResult): string {
  const kinds = ['gossip', 'transfer', 'control'] as const;
  const isMany = peers.length > LANES_MAX;
  const rows = peers.flatMap((peer, i) =>
    kinds.map((kind) => ({
      who: isMany ? 'all peers' : String(i),
      kind,
      mebibytes: peer.bytesIn[kind] / 2 ** 20,
    })),
  );
  return draw({
    ...HALF,
    ariaLabel: 'bytes received by kind',
    color: { legend: true, domain: [...kinds], range: [COLOURS.blue, COLOURS.orange, COLOURS.purple] },
    x: {
      label: isMany ? null : 'peer',
      domain: isMany ? ['all peers'] : peers.map((_, i) => String(i)),
      ticks: isMany ? undefined : thinned(peers.length)?.map(String),
    },
    y: { label: 'MiB received', nice: true },
    marks: [
      Plot.barY(rows, Plot.groupX({ y: 'sum' }, { x: 'who', y: 'mebibytes', fill: 'kind' })),
      Plot.ruleY([0]),
    ],
  });
}

const EVENTS = {
  corrected: { name: 'model corrected', colour: COLOURS.purple, symbol: 'diamond' },
  adopted: { name: 'snapshot adopted', colour: COLOURS.green, symbol: 'square' },
  forced: { name: 'went on without a quorum', colour: COLOURS.orange, symbol: 'triangle' },
  returned: { name: 'delta did not count', colour: COLOURS.red, symbol: 'times' },
  equivocation: { name: 'equivocation seen', colour: COLOURS.red, symbol: 'star' },
  'write-failed': { name: 'disk failed', colour: COLOURS.red, symbol: 'wye' },
  start: { name: 'started', colour: COLOURS.green, symbol: 'plus' },
  kill: { name: 'killed', colour: COLOURS.red, symbol: 'cross' },
} as const satisfies Readonly<Record<LaneEvent['kind'], object>>;

const nameOf = ({ kind }: LaneEvent): string => EVENTS[kind].name;

/** A lane for each peer: when it had each generation, what happened to it, when it was away or cut off. */
export function lanes({ result, absences }: SimOutcome): string {
  const { peers, history, lanes: events, scenario } = result;
  const shown = Math.min(peers.length, LANES_MAX);
  const isShown = ({ peer }: { readonly peer: number }): boolean => peer < shown;
  const seen = Object.entries(EVENTS).filter(([kind]) => events.some((event) => event.kind === kind));
  const cuts = scenario.faults.flatMap((fault) => (fault.kind === 'cut' ? [fault] : []));
  const domain = Array.from({ length: shown }, (_, i) => i);
  return draw({
    ...WIDE,
    ariaLabel: 'events of each peer',
    height: 70 + Math.max(6, shown) * (shown > 30 ? 11 : 18),
    color: {
      domain: seen.map(([, { name }]) => name),
      range: seen.map(([, { colour }]) => colour),
    },
    symbol: {
      legend: seen.length > 0,
      domain: seen.map(([, { name }]) => name),
      range: seen.map(([, { symbol }]) => symbol),
    },
    x: { label: 'virtual seconds', domain: [0, result.virtualSeconds], clamp: true },
    y: { label: 'peer', domain, type: 'band', padding: 0.25, ticks: thinned(shown) },
    marks: [
      Plot.rectX(cuts, {
        x1: (cut) => cut.fromMs / 1_000,
        x2: (cut) => cut.untilMs / 1_000,
        fill: COLOURS.orange,
        fillOpacity: 0.12,
      }),
      Plot.ruleY(domain, { y: (peer) => peer, stroke: COLOURS.faint, strokeOpacity: 0.3 }),
      Plot.barX(absences.filter(isShown), {
        x1: ({ fromMs }) => fromMs / 1_000,
        x2: ({ untilMs }) => untilMs / 1_000,
        y: 'peer',
        fill: COLOURS.red,
        fillOpacity: 0.3,
      }),
      Plot.tickX(history.filter(isShown), {
        x: ({ atMs }) => atMs / 1_000,
        y: 'peer',
        stroke: COLOURS.ink,
        strokeOpacity: 0.55,
      }),
      Plot.dot(events.filter(isShown), {
        x: ({ atMs }) => atMs / 1_000,
        y: 'peer',
        stroke: nameOf,
        symbol: nameOf,
        r: 3.5,
      }),
    ],
  });
}

/** Peers on a circle with their connections at the end; those that carry gossip stand out. */
export function topology({ peers, topology: links }: SimResult): string {
  const at = (peer: number): { readonly x: number; readonly y: number } => {
    const angle = (2 * Math.PI * peer) / peers.length - Math.PI / 2;
    return { x: Math.cos(angle), y: -Math.sin(angle) };
  };
  const lines = links
    .filter(({ isGossip }) => isGossip || links.length <= LINKS_MAX)
    .slice(0, LINKS_MAX)
    .map(({ a, b, isGossip }) => ({ isGossip, x1: at(a).x, y1: at(a).y, x2: at(b).x, y2: at(b).y }));
  const dots = peers.map(({ attacker }, i) => ({
    ...at(i),
    number: String(i),
    isAttacker: attacker !== undefined,
  }));
  const isSmall = peers.length <= LANES_MAX;
  return draw({
    width: 520,
    height: 520,
    ariaLabel: 'topology',
    margin: 24,
    axis: null,
    x: { domain: [-1.08, 1.08] },
    y: { domain: [-1.08, 1.08] },
    marks: [
      Plot.link(
        lines.filter(({ isGossip }) => !isGossip),
        {
          x1: 'x1',
          y1: 'y1',
          x2: 'x2',
          y2: 'y2',
          stroke: COLOURS.faint,
          strokeOpacity: isSmall ? 0.45 : 0.12,
        },
      ),
      Plot.link(
        lines.filter(({ isGossip }) => isGossip),
        {
          x1: 'x1',
          y1: 'y1',
          x2: 'x2',
          y2: 'y2',
          stroke: COLOURS.blue,
          strokeWidth: isSmall ? 1.5 : 0.5,
          strokeOpacity: isSmall ? 0.9 : 0.4,
        },
      ),
      Plot.dot(dots, {
        x: 'x',
        y: 'y',
        r: isSmall ? 9 : 2,
        fill: ({ isAttacker }) => (isAttacker ? COLOURS.red : COLOURS.blue),
      }),
      isSmall ? Plot.text(dots, { x: 'x', y: 'y', text: 'number', fill: 'var(--page)', fontSize: 10 }) : [],
    ],
  });
}

/** Not every peer has room for its number. */
function thinned(count: number): number[] | undefined {
  if (count <= 24) return undefined;
  return Array.from({ length: Math.ceil(count / 5) }, (_, i) => 5 * i);
}
