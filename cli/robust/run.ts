// `meldmesh robust`: reads update files, fuses them, writes the result and says what the rule thought of each.
import {
  type Fused,
  fuse,
  type RobustMean,
  robustMeanNamed,
  type UpdateLengths,
  updateLengths,
} from '../../fusion/index.ts';
import { encodeCheckpoint, inOrderOf, refuseToOverwrite } from '../align/checkpoint.ts';
import { formatColumns, formatCount, formatPercent, formatSeconds } from '../format.ts';
import { writeWhole } from '../model-file.ts';
import { openTerminal } from '../terminal.ts';
import { readUpdateFile, readUpdateFiles, SAMPLES_KEY, type UpdateFiles } from './update-files.ts';

export interface RobustWords {
  readonly rule: string;
  readonly updates: string;
  readonly out: string;
  readonly reference: string | undefined;
  readonly seed: string;
  readonly force: boolean;
  readonly json: boolean;
}

interface Outcome {
  readonly words: RobustWords;
  readonly mean: RobustMean;
  readonly files: UpdateFiles;
  readonly fused: Fused;
  readonly lengths: UpdateLengths;
  readonly seconds: number;
}

/**
 * Prints one line an update and writes the fused one.
 * @throws FusionError; CliError MELDMESH_FILE_EXISTS, MELDMESH_MODEL_FILE; before anything is read where that can be told
 */
export function runRobust(words: RobustWords): void {
  const mean = robustMeanNamed(words.rule);
  refuseToOverwrite(words.out, words);
  const terminal = openTerminal(words);
  const files = readUpdateFiles(words.updates);
  const { first, set } = files;
  const counted = `${formatCount(set.updates.length)} updates of ${formatCount(set.size)} numbers`;
  terminal.say(
    `read ${counted} in ${formatCount(first.layout.tensors.length)} tensors from ${words.updates}`,
  );

  const start = performance.now();
  const fused = fuse(set, mean, { seed: words.seed, reference: referenceOf(words, files) });
  const seconds = (performance.now() - start) / 1000;
  const samples = set.updates.reduce((sum, { weight }) => sum + weight, 0);
  const notes = {
    'meldmesh.rule': fused.rule,
    ...(files.areSamples ? { [SAMPLES_KEY]: String(samples) } : {}),
  };
  writeWhole(
    words.out,
    encodeCheckpoint(first, { weights: fused.change.values, momentum: undefined }, notes),
  );
  const outcome = { words, mean, files, fused, lengths: updateLengths(set, fused.change), seconds };
  if (words.json) terminal.result(JSON.stringify(robustObject(outcome)));
  else terminal.say(robustLines(outcome).join('\n'));
}

function referenceOf({ reference }: RobustWords, { first }: UpdateFiles) {
  if (reference === undefined) return undefined;
  return { values: inOrderOf(first, readUpdateFile(reference)).weights };
}

/** What --json prints. */
function robustObject({ words, mean, files, fused, lengths, seconds }: Outcome) {
  return {
    rule: mean.name,
    used: fused.rule,
    seed: words.seed,
    parameters: files.set.size,
    seconds,
    out: words.out,
    updates: files.names.map((name, i) => ({
      name,
      weight: files.set.updates[i].weight,
      norm: lengths.norms[i],
      distance: lengths.distances[i],
      share: fused.shares[i],
      score: fused.scores?.[i],
    })),
  };
}

function robustLines({ words, mean, files, fused, lengths, seconds }: Outcome): readonly string[] {
  const { scores, shares } = fused;
  const weightWord = files.areSamples ? 'samples' : 'weight';
  const head = [
    'update',
    weightWord,
    'norm',
    'distance',
    'share',
    ...(scores === undefined ? [] : ['score']),
  ];
  const rows = files.names.map((name, i) => [
    name,
    formatCount(files.set.updates[i].weight),
    formatLength(lengths.norms[i]),
    formatLength(lengths.distances[i]),
    formatPercent(shares[i]),
    ...(scores === undefined ? [] : [formatLength(scores[i])]),
  ]);
  const opaque = files.first.file.opaque.map(({ name }) => name);
  return [
    ...formatColumns(
      [head, ...rows],
      head.map((_, column) => column > 0),
    ),
    '',
    `fused by ${fused.rule}${fused.rule === mean.name ? '' : ` (of ${mean.name})`} in ${formatSeconds(seconds)}`,
    ...(opaque.length === 0 ? [] : [`taken as they are from ${files.names[0]}: ${opaque.join(', ')}`]),
    `The fused update is in ${words.out}.`,
  ];
}

/** Four digits; attackers' lengths may be astronomical. */
function formatLength(value: number): string {
  const isPlain = value === 0 || (value >= 1e-3 && value < 1e6);
  return isPlain ? String(Number(value.toPrecision(4))) : value.toExponential(3);
}
