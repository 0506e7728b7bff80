// What a manifest must be beyond the types of its keys, and nearest known names for mistyped ones.
import { codecNamed, codecNames, layoutOf, meshRuleProblem } from '../../fusion/index.ts';
import { isWholeText } from '../bytes.ts';
import { MODEL_PARAMETERS_MAX } from './defaults.ts';
import { admittedCodecs, FOREIGN_CODEC } from './lineage.ts';
import type { Manifest } from './schema.ts';

/** Sentences that begin with the key they are about; empty for a good manifest. */
export function crossChecks(manifest: Manifest): readonly string[] {
  const { model, data, pace, limits, members } = manifest;
  const last = model.layers[model.layers.length - 1];
  const rules: readonly (readonly [boolean, string])[] = [
    [
      model.inputs === data.inputs,
      `model.inputs is ${model.inputs}, but data.inputs is ${data.inputs}: make them equal`,
    ],
    [
      last.units === data.classes,
      `model.layers: the last layer has ${last.units} units for ${data.classes} classes (data.classes): make them equal`,
    ],
    [
      last.activation === 'linear',
      `model.layers: the last layer is "${last.activation}", but its outputs are logits: use "linear"`,
    ],
    [
      pace.patienceMinMs <= pace.patienceMaxMs,
      'pace.patienceMinMs is above pace.patienceMaxMs: exchange them',
    ],
    [
      pace.contributorsMin <= limits.contributorsMax,
      'pace.contributorsMin is above limits.contributorsMax: no generation could ever be complete',
    ],
    [
      (pace.contributorsTarget ?? pace.contributorsMin) >= pace.contributorsMin,
      'pace.contributorsTarget is below pace.contributorsMin: most generations would never be complete',
    ],
    [
      (pace.contributorsTarget ?? 0) <= limits.contributorsMax,
      'pace.contributorsTarget is above limits.contributorsMax: no generation has room for so many',
    ],
    [
      manifest.history.correctionWindow < manifest.history.horizon,
      'history.correctionWindow must be below history.horizon: what is sealed cannot be corrected',
    ],
    [
      limits.payloadBytes <= limits.storeBytes,
      'limits.storeBytes is below limits.payloadBytes: no member could keep one delta',
    ],
    [
      members === undefined || members.length >= pace.contributorsMin,
      'members names fewer peers than pace.contributorsMin: no generation could ever be complete',
    ],
    [
      members === undefined || members.every((id, index) => index === 0 || members[index - 1] < id),
      'members must be in ascending order, each once',
    ],
    [
      isWholeText(manifest.name) && isWholeText(manifest.salt),
      'name and salt must be whole Unicode characters',
    ],
  ];
  const broken = rules.filter(([holds]) => !holds).map(([, sentence]) => sentence);
  return [...broken, ...ruleProblems(manifest), ...sizeProblems(manifest)];
}

function ruleProblems({ aggregation, limits }: Manifest): readonly string[] {
  const problem = meshRuleProblem(aggregation.rule, limits.contributorsMax);
  return problem === undefined ? [] : [`aggregation.rule ${JSON.stringify(aggregation.rule)} ${problem}`];
}

function sizeProblems(manifest: Manifest): readonly string[] {
  const parameters = parametersOf(manifest);
  if (parameters > MODEL_PARAMETERS_MAX) {
    return [
      `model has ${parameters} parameters, more than the ${MODEL_PARAMETERS_MAX} that a snapshot holds`,
    ];
  }
  const codec = codecNamed(manifest.codec);
  if (codec === undefined) {
    return [`codec "${manifest.codec}" is unknown: use one like ${codecNames.join(', ')}`];
  }
  const layout = layoutOf(manifest.model);
  const foreign = admittedCodecs(manifest)(FOREIGN_CODEC);
  const bytesMax = Math.max(codec.payloadBytesMax(layout), foreign?.payloadBytesMax(layout) ?? 0);
  if (bytesMax <= manifest.limits.payloadBytes) return [];
  return [
    `limits.payloadBytes is below the ${bytesMax} bytes that a delta may take: raise it or compress more`,
  ];
}

/** Weights and biases of the dense stack. */
export function parametersOf(manifest: Manifest): number {
  let inputs = manifest.model.inputs;
  let count = 0;
  for (const layer of manifest.model.layers) {
    count += (inputs + 1) * layer.units;
    inputs = layer.units;
  }
  return count;
}

/** The known name with the fewest changed letters, when at most half of the letters differ. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.floor(name.length / 2) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters to insert, delete or replace (Levenshtein, 1966). Long names are cut: they resemble nothing. */
function editDistance(left: string, right: string): number {
  const source = left.slice(0, 64);
  const target = right.slice(0, 64);
  let previous = Array.from({ length: target.length + 1 }, (_, index) => index);
  for (let row = 1; row <= source.length; row++) {
    const current = [row];
    for (let column = 1; column <= target.length; column++) {
      const replaced = previous[column - 1] + (source[row - 1] === target[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column] + 1, current[column - 1] + 1));
    }
    previous = current;
  }
  return previous[target.length];
}
