// `--report`: one page that needs nothing else, neither network nor script. Plots are SVG in its text.
import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { formatCount, formatPercent, formatSeconds } from '../../format.ts';
import type { SimOutcome } from '../outcome.ts';
import { agreementSentence, violationLines } from '../summary.ts';
import { htmlDocument } from './document.ts';
import { byCost, byGeneration } from './learning-plots.ts';
import { seriesOf } from './series.ts';
import { escapeHtml, generationsTable, peersTable } from './tables.ts';
import { bytesByKind, LANES_MAX, lanes, modelsByGeneration, modelsByTime, topology } from './world-plots.ts';

interface PageOptions {
  readonly outcome: SimOutcome;
  /** The command that makes the same run again. */
  readonly replay: string;
}

/** Writes the page, over one that is there. Rejects as the file system does. */
export async function writePage(path: string, options: PageOptions): Promise<void> {
  await writeFile(path, pageOf(options));
}

/** The whole page. */
export function pageOf({ outcome, replay }: PageOptions): string {
  const { result } = outcome;
  const { scenario } = result;
  const body = `<p>${escapeHtml(scenario.story ?? '')}</p>
${facts(outcome)}
${violation(outcome, replay)}
<p>${escapeHtml(agreementSentence(result))}</p>
${learning(outcome)}
${world(outcome)}
<h2>Numbers</h2>
${numbers(outcome)}
<h2>The same run again</h2>
<p>Everything that happened follows from this scenario and its seed. The trace hash of any other run of it is the same:
<code>${escapeHtml(result.traceHash)}</code></p>
<pre>${escapeHtml(replay)}</pre>
<p class="soft">The scenario with all defaults filled in, as a file that <code>meldmesh sim</code> reads:</p>
<pre>${escapeHtml(stringify(scenario))}</pre>`;
  return htmlDocument(`meldmesh sim: ${scenario.name}`, body);
}

function facts({ result, codec, interrupted }: SimOutcome): string {
  const { scenario, peers, virtualSeconds, realSeconds, events } = result;
  const honest = peers.filter(({ attacker }) => attacker === undefined);
  const accuracies = honest.flatMap(({ accuracy }) => accuracy ?? []);
  const accuracy = accuracies.reduce((sum, value) => sum + value, 0) / Math.max(1, accuracies.length);
  const entries: readonly (readonly [string, string])[] = [
    ['peers', attackersText(honest.length, peers.length)],
    ['generations', String(Math.max(0, ...honest.map(({ generation }) => generation)))],
    ['accuracy', accuracies.length === 0 ? '–' : formatPercent(accuracy)],
    ['codec', codec],
    ['virtual time', formatSeconds(virtualSeconds)],
    ['real time', formatSeconds(realSeconds)],
    ['events', formatCount(events)],
    ['seed', scenario.seed],
    ...(interrupted ? [['ended', 'by Ctrl-C'] as const] : []),
  ];
  const cells = entries.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return `<dl class="facts">${cells.join('')}</dl>`;
}

function attackersText(honest: number, all: number): string {
  return honest === all ? String(all) : `${all}, ${all - honest} lie`;
}

function violation({ result }: SimOutcome, replay: string): string {
  if (result.violation === undefined) return '';
  const [head, ...lines] = violationLines(result.violation, replay);
  return `<div class="bad"><h2>${escapeHtml(head)}</h2><pre>${escapeHtml(lines.join('\n'))}</pre></div>`;
}

function learning({ result }: SimOutcome): string {
  const series = seriesOf(result);
  if (series.generations.length === 0) return '<p>No peer reached a generation.</p>';
  const isBowl = result.scenario.learner.kind === 'bowl';
  const meaning = isBowl
    ? 'The members learn without data. Accuracy is how much of the way to the best shared model has been gone.'
    : 'Accuracy and loss on the test set, of the model that a peer had when it first reached a generation.';
  const figures = (['accuracy', 'loss'] as const).flatMap((measure) => [
    figure(
      `${measure} by generation`,
      'Mean of the honest peers; the band holds all of them.',
      byGeneration(series, measure),
    ),
    figure(
      `${measure} by virtual time`,
      'Thin: each peer. Thick: the mean of each generation.',
      byCost(series, measure, 'seconds'),
    ),
    figure(
      `${measure} by bytes`,
      'What a peer had received by then, everything counted.',
      byCost(series, measure, 'mebibytes'),
    ),
  ]);
  // Accuracy on the left, loss on the right.
  const pairs = [0, 1, 2].map((i) => pair(figures[i], figures[i + 3]));
  return `<h2>Learning</h2><p class="soft">${meaning}</p>${pairs.join('\n')}`;
}

function world(outcome: SimOutcome): string {
  const { result } = outcome;
  const series = seriesOf(result);
  const first = result.peers.length > LANES_MAX ? ` The first ${LANES_MAX} peers.` : '';
  return `<h2>Disagreement</h2>
<p class="soft">Peers that know different deltas hold different models until they have told one another.</p>
${pair(
  figure(
    'by generation',
    'Different models among the peers when each first reached the generation. One is agreement.',
    modelsByGeneration(series),
  ),
  figure(
    'by virtual time',
    'Where as many models as generations are held, all peers that are equally far agree.',
    modelsByTime(outcome),
  ),
)}
<h2>Peers</h2>
${figure('what happened to each', `A tick: a new generation. Red: not running. Orange: the network was cut.${first}`, lanes(outcome))}
<h2>Network</h2>
${pair(
  figure('bytes by kind', 'Received until the end.', bytesByKind(result)),
  figure(
    'topology',
    'Connections at the end; blue ones carry gossip. Red peers are attackers.',
    topology(result),
  ),
)}`;
}

function numbers({ result }: SimOutcome): string {
  return `<h3>Generations</h3>${generationsTable(seriesOf(result))}<br><h3>Peers</h3>${peersTable(result)}`;
}

function figure(title: string, caption: string, plot: string): string {
  const heading = `${title.charAt(0).toUpperCase()}${title.slice(1)}`;
  return `<section><h3>${heading}</h3><figcaption>${caption}</figcaption>${plot}</section>`;
}

function pair(left: string, right: string): string {
  return `<div class="pair">${left}${right}</div>`;
}
