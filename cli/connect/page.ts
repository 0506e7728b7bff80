// The page of `connect`: numbers, the ways between two models, and the plane, in one file that opens offline.
import { formatPercent } from '../format.ts';
import { htmlDocument } from '../sim/page/document.ts';
import { escapeHtml } from '../sim/page/tables.ts';
import { type ConnectOutcome, worstOfWorseEnd } from './connect-outcome.ts';
import { alongWays, lossPlane } from './plots.ts';

/** The whole page. */
export function connectPage(outcome: ConnectOutcome): string {
  const { files, words, pair } = outcome;
  const body = `<p>From A, ${escapeHtml(files.from)}, to B, ${escapeHtml(files.to)}${words.align ? ', with the units of B in the order of those of A' : ''}.
Scored on ${pair.test.count} samples of ${escapeHtml(pair.test.name)}.</p>
${facts(outcome)}
<h2>Between the models</h2>
<p class="soft">The straight way takes a share t of every weight from B. The curve bends around what lies between: its inner
points were trained so that the mean loss along it is low.</p>
<div class="pair">
${figure('Loss', 'Above the line between its ends: the barrier.', alongWays(outcome, 'loss'))}
${figure('Accuracy', 'On the same samples.', alongWays(outcome, 'accuracy'))}
</div>
${planeSection(outcome)}`;
  return htmlDocument('meldmesh connect', body);
}

function facts({ barriers, profile, words }: ConnectOutcome): string {
  const { before, after } = barriers;
  const lost = (drop: number | undefined) => (drop === undefined ? '–' : formatPercent(drop));
  const entries: readonly (readonly [string, string])[] = [
    ['barrier', before.barrier.toFixed(4)],
    ['accuracy lost', lost(before.accuracyDrop)],
    ...(after === undefined
      ? []
      : [
          ['barrier, aligned', after.barrier.toFixed(4)] as const,
          ['accuracy lost', lost(after.accuracyDrop)] as const,
        ]),
    ['worse end', Math.max(profile.start.loss, profile.end.loss).toFixed(4)],
    ['worst on the curve', profile.worst.loss.toFixed(4)],
    ['of the worse end', `${worstOfWorseEnd(profile).toFixed(3)} ×`],
    ['epochs of the curve', String(words.epochs)],
    ['seed', words.seed],
  ];
  const cells = entries.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return `<dl class="facts">${cells.join('')}</dl>`;
}

function planeSection(outcome: ConnectOutcome): string {
  const { plane, words } = outcome;
  if (plane === undefined) {
    return words.grid < 2 ? '' : '<p>There is no plane: the curve lies on the straight way.</p>';
  }
  const seen =
    words.bends > 1 ? ' With more than one bend the curve leaves the plane; it is seen from above.' : '';
  const caption = `Dashed: the straight way. Orange: the curve. Loss on the first ${plane.samples} samples.${seen}`;
  return `<h2>The plane through A, B and the bend</h2>
${figure('Loss', caption, lossPlane(plane, outcome))}`;
}

function figure(title: string, caption: string, plot: string): string {
  return `<section><h3>${title}</h3><figcaption>${caption}</figcaption>${plot}</section>`;
}
