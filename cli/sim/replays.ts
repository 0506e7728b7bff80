// Members that say again what was recorded: no training, the same deltas, another network or other troubles.
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import { openTrainer } from '../../learning/index.ts';
import { loadData, loadMnist } from '../../node/index.ts';
import {
  parseRecording,
  type Recording,
  ReplayWork,
  type Scenario,
  type SimHost,
  type Simulation,
} from '../../sim/index.ts';
import { CliError } from '../errors.ts';
import { readTextFile } from '../stores.ts';

type ReplayLearner = Extract<Scenario['learner'], { kind: 'replay' }>;

export interface ReplayMembers extends Required<Pick<SimHost, 'work' | 'evaluate'>> {
  /** Who scores the models; `none`: nobody does. */
  readonly backend: string;
  close(): Promise<void>;
}

/** @throws CliError MELDMESH_SIM_FILE or SimError MELDMESH_SIM_RECORDING */
export function readRecording(file: string): Recording {
  return parseRecording(readTextFile(file, 'MELDMESH_SIM_FILE'));
}

/**
 * Work and scores of a simulation whose learner is `replay`. Peers play the member with their own id; the others play the
 * members that are left, in order, and are observers when none is left.
 * @throws CliError, SimError or DataError
 */
export async function replayMembers(simulation: Simulation, learner: ReplayLearner): Promise<ReplayMembers> {
  const { scenario, manifest, meshId } = simulation;
  const recording = readRecording(learner.file);
  if (recording.mesh !== meshId)
    throw misfit(
      learner,
      'are of another mesh, whose first model was another',
      'Leave `manifest`, --model and --codec out of the scenario: the recording has a manifest',
    );
  refuseGaps(recording, learner, scenario.end.generations);
  const codec = codecNamed(manifest.codec);
  if (codec === undefined) throw misfit(learner, `are encoded by ${manifest.codec}`, 'Record them again');
  const layout = layoutOf(manifest.model);
  const numbers = memberNumbers(recording, simulation);
  return {
    work: (peer, { hasFalseLabels }) => {
      if (hasFalseLabels) throw misfit(learner, 'cannot be trained on false labels', 'Leave label-flip out');
      return new ReplayWork({ recording, member: numbers[peer], codec, layout });
    },
    ...(await openScores(simulation, learner)),
    close: async () => undefined,
  };
}

/** Deltas build on one another from the first generation on. */
function refuseGaps({ members }: Recording, learner: ReplayLearner, generations: number): void {
  const all = members.flatMap(({ deltas }) => [...deltas.keys()]);
  const [first, last] = all.reduce(
    ([low, high], generation) => [Math.min(low, generation), Math.max(high, generation)],
    [Number.POSITIVE_INFINITY, 0],
  );
  if (first > 1) throw misfit(learner, `begin at generation ${first}`, 'Record a shorter run');
  if (last < generations)
    throw misfit(learner, `end at generation ${last}`, `End the scenario with --generations ${last}`);
}

function memberNumbers({ members }: Recording, { peers }: Simulation): readonly number[] {
  const order = new Map<string, number>(members.map(({ id }, i) => [id, i]));
  const ids = new Set<string>(peers.map(({ id }) => id));
  const free = members.flatMap(({ id }, i) => (ids.has(id) ? [] : [i]));
  return peers.map(({ id }) => order.get(id) ?? free.shift() ?? members.length);
}

async function openScores(
  { manifest }: Simulation,
  { data, testSamples }: ReplayLearner,
): Promise<Pick<ReplayMembers, 'evaluate' | 'backend'>> {
  if (data === undefined) return { evaluate: () => ({ accuracy: 0, loss: 0 }), backend: 'none' };
  const { inputs, classes, scale } = manifest.data;
  const test =
    data === 'mnist' ? loadMnist({ samples: 1, testSamples }).test : testOf(data, { inputs, classes });
  const trainer = await openTrainer({ spec: manifest.model, scale, backend: 'wasm', threads: 1 });
  return { evaluate: (model) => trainer.evaluate(model, test), backend: trainer.backend };
}

function testOf(path: string, expected: { readonly inputs: number; readonly classes: number }) {
  const { train, test } = loadData(path, { expected, testSplit: 0.2 });
  return test ?? train;
}

function misfit({ file }: ReplayLearner, reason: string, hint: string): CliError {
  return new CliError('MELDMESH_SIM_SCENARIO', `The deltas in ${file} ${reason}`, { hint });
}
