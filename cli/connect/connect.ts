// `meldmesh connect`: the barrier between two models before and after alignment, a trained curve between them, and the
// page that shows it.
import { refuseToOverwrite } from '../align/checkpoint.ts';
import { formatPercent, formatSeconds } from '../format.ts';
import { writeWhole } from '../model-file.ts';
import { openTerminal } from '../terminal.ts';
import { barrierLines, barrierObject } from './barrier.ts';
import { type ConnectOutcome, type ConnectWords, connectPair, worstOfWorseEnd } from './connect-outcome.ts';
import { readModelPair } from './model-pair.ts';
import { openStages } from './stages.ts';

/** Prints the numbers and writes the page. @throws CliError MELDMESH_FILE_EXISTS before anything is computed */
export async function runConnect(
  files: { readonly from: string; readonly to: string },
  words: ConnectWords,
): Promise<void> {
  refuseToOverwrite(words.out, words);
  const terminal = openTerminal(words);
  const pair = await readModelPair(files, words);
  const stages = openStages(terminal);
  const outcome = connectPair({ files, words, pair }, stages);
  stages.close();
  const { connectPage } = await import('./page.ts');
  writeWhole(words.out, connectPage(outcome));
  if (words.json) terminal.result(JSON.stringify(connectObject(outcome)));
  else terminal.say(connectLines(outcome).join('\n'));
}

/** What --json prints. */
export function connectObject(outcome: ConnectOutcome) {
  const { words, barriers, profile, curveSeconds, plane } = outcome;
  const barrierWords = { ...words, refine: 0, repair: false, layers: false };
  return {
    ...barrierObject(barriers, barrierWords),
    curve: {
      kind: words.curve,
      bends: words.bends,
      epochs: words.epochs,
      seconds: curveSeconds,
      worst: profile.worst,
      worstOfWorseEnd: worstOfWorseEnd(profile),
      meanLoss: profile.meanLoss,
      meanLossByLength: profile.meanLossByLength,
      length: profile.length,
      points: profile.points,
    },
    hasPlane: plane !== undefined,
    out: words.out,
  };
}

function connectLines(outcome: ConnectOutcome): readonly string[] {
  const { words, barriers, pair, profile, curveSeconds, plane } = outcome;
  const { worst } = profile;
  const kind = words.curve === 'bezier' ? 'Bezier curve' : 'polygonal chain';
  const place = `worst loss ${worst.loss.toFixed(4)} at t ${worst.t.toFixed(2)}, accuracy ${formatPercent(worst.accuracy)}`;
  return [
    ...barrierLines(barriers, pair),
    '',
    `${kind}, ${words.epochs} epochs in ${formatSeconds(curveSeconds)}: ${place}, ${worstOfWorseEnd(profile).toFixed(3)} × the worse end`,
    ...(words.grid >= 2 && plane === undefined ? ['no plane: the curve lies on the straight line'] : []),
    `The page is in ${words.out}.`,
  ];
}
