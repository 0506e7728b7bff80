// From a preset's name or a file, and flags on top, to a scenario that is whole: everything that a run depends on.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import {
  PRESETS,
  parseScenario,
  presetNamed,
  type Scenario,
  type ScenarioInput,
  scenarioSchema,
} from '../../sim/index.ts';
import { CliError } from '../errors.ts';
import type { ScenarioFlags } from './options.ts';
import { readRecording } from './replays.ts';

export const PRESET_DEFAULT = 'clean';
/** What the members learn where nothing is said. */
const DIGITS = { kind: 'train', data: 'mnist', samples: 8_000 } as const;
const DIGITS_MANIFEST = { model: 'mlp:256', data: { inputs: 784, classes: 10, scale: 255 } };
/** Bowls need no more to show what the protocols do: 74 weights. */
const BOWL_MANIFEST = { model: 'mlp:8', data: { inputs: 6, classes: 2 }, codec: 'top10:8' };

/**
 * A whole scenario. `source` is a preset, a file in YAML or JSON, or `-` for standard input.
 * @throws CliError MELDMESH_SIM_SCENARIO, MELDMESH_SIM_FILE, MELDMESH_USAGE
 */
export function readScenario(source: string, flags: ScenarioFlags): Scenario {
  const preset = presetNamed(source);
  if (preset !== undefined) {
    const { peers, generations } = flags;
    return complete(preset.scenario({ peers, generations }), flags, `preset ${source}`);
  }
  if (source !== '-' && !/[./\\]/.test(source)) {
    throw new CliError('MELDMESH_USAGE', `There is no preset "${source}"`, {
      hint: `Use ${PRESETS.map(({ name }) => name).join(', ')}, or the path of a scenario file`,
    });
  }
  const name = source === '-' ? 'standard input' : source;
  return complete(shapeOf(readValue(source, name), name), flags, name);
}

function complete(input: ScenarioInput, flags: ScenarioFlags, name: string): Scenario {
  const changed = withFlags(input, flags);
  return parsed(parseScenario({ ...changed, manifest: manifestFor(changed) }), name);
}

/** Checks the form only: whether the peers that it names exist is seen when the flags have been heard. */
function shapeOf(value: unknown, name: string): ScenarioInput {
  const { success, data, error } = scenarioSchema.safeParse(value);
  if (success) return data;
  const problems = error.issues.map(({ path, message }) => `${path.join('.') || 'scenario'}: ${message}`);
  return parsed({ problems }, name);
}

function parsed(outcome: ReturnType<typeof parseScenario>, name: string): Scenario {
  if ('scenario' in outcome) return outcome.scenario;
  throw new CliError(
    'MELDMESH_SIM_SCENARIO',
    ['The scenario cannot be run', ...outcome.problems.map((problem) => `${name}: ${problem}`)].join('\n'),
    { hint: 'Correct these; docs/simulator.md has an example' },
  );
}

function withFlags(input: ScenarioInput, flags: ScenarioFlags): ScenarioInput {
  const { peers, generations, seed, codec } = flags;
  return {
    ...input,
    ...(peers === undefined ? {} : { peers }),
    ...(seed === undefined ? {} : { seed }),
    ...(generations === undefined ? {} : { end: { ...input.end, generations } }),
    manifest: { ...input.manifest, ...(codec === undefined ? {} : { codec }), ...modelOf(input, flags) },
    learner: learnerOf(input.learner, flags),
  };
}

/** A model by its flag; and none of the old data set's where --data exchanges it. */
function modelOf({ learner, manifest }: ScenarioInput, { model, data }: ScenarioFlags) {
  if (model !== undefined) return { model };
  const exchanged = data !== undefined && (data === 'bowl') !== (learner?.kind === 'bowl');
  return exchanged && manifest?.model !== undefined ? { model: undefined, data: undefined } : {};
}

function learnerOf(learner: ScenarioInput['learner'], flags: ScenarioFlags): ScenarioInput['learner'] {
  const { data, partition, samples } = flags;
  const exchanged = data === undefined ? learner : learnerFor(data, learner);
  if (partition === undefined && samples === undefined) return exchanged;
  if (exchanged?.kind !== 'train') {
    throw new CliError('MELDMESH_USAGE', 'This scenario trains on no data that could be shared out', {
      hint: 'Leave out --partition and --samples, or add --data mnist',
    });
  }
  return {
    ...exchanged,
    ...(partition === undefined ? {} : { partition }),
    ...(samples === undefined ? {} : { samples }),
  };
}

function learnerFor(data: string, learner: ScenarioInput['learner']): ScenarioInput['learner'] {
  if (data === 'bowl') return learner?.kind === 'bowl' ? learner : { kind: 'bowl' };
  if (learner?.kind === 'train') return { ...learner, data };
  return data === 'mnist' ? DIGITS : { kind: 'train', data };
}

/** What a manifest needs that the learner decides. */
function manifestFor({ learner, manifest = {} }: ScenarioInput): Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(manifest).filter(([, value]) => value !== undefined));
  if (learner === undefined || learner.kind === 'bowl') {
    return given.model === undefined ? { ...BOWL_MANIFEST, ...given } : given;
  }
  if (learner.kind === 'replay') return { ...readRecording(learner.file).manifest, ...given };
  return learner.kind === 'train' && learner.data === 'mnist' ? { ...DIGITS_MANIFEST, ...given } : given;
}

function readValue(source: string, name: string): unknown {
  let text: string;
  try {
    text = readFileSync(source === '-' ? 0 : source, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('MELDMESH_SIM_FILE', `${name} cannot be read (${reason})`, {
      cause,
      hint: 'Check the path; `meldmesh sim --list` shows the presets',
    });
  }
  try {
    return parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new CliError('MELDMESH_SIM_FILE', `${name} is neither YAML nor JSON: ${reason}`, {
      cause,
      hint: 'Correct the file; docs/simulator.md has an example',
    });
  }
}
