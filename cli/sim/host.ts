// What a simulation asks of the world outside: data, training, scores, a clock, and somebody to tell how far it is.
import { type Dataset, openTrainer } from '../../learning/index.ts';
import type { Manifest } from '../../protocols/index.ts';
import { openTrainingPool, type Scenario, type SimHost, Simulation, TrainedRounds } from '../../sim/index.ts';
import { bowlMembers } from './bowls.ts';
import { replayMembers } from './replays.ts';
import { loadShards } from './shards.ts';

export interface OpenedSimulation {
  readonly simulation: Simulation;
  /** Who does the arithmetic, as in the report of `meldmesh mesh`; `none`: nothing is trained. */
  readonly backend: string;
  close(): Promise<void>;
}

interface Members extends Required<Pick<SimHost, 'work' | 'evaluate'>> {
  readonly backend: string;
  close(): Promise<void>;
}

/**
 * A simulation that is ready to run.
 * @throws SimError, CliError, DataError or LearningError: each says what to change
 */
export async function openSimulation(
  scenario: Scenario,
  options: Pick<SimHost, 'progress' | 'isStopped'> & { readonly threads: number },
): Promise<OpenedSimulation> {
  const { threads, ...watcher } = options;
  let members: Members | undefined;
  const opened = (): Members => {
    if (members === undefined) throw new Error('a simulation runs only when its members are there');
    return members;
  };
  // The manifest is the simulation's to make, and the members' work depends on it.
  const simulation = new Simulation(scenario, {
    work: (peer, parts) => opened().work(peer, parts),
    ...(isScored(scenario) && { evaluate: (model: Float32Array) => opened().evaluate(model) }),
    nowMs: () => performance.now(),
    ...watcher,
  });
  members = await openMembers(simulation, threads);
  const { backend, close } = members;
  return { simulation, backend, close };
}

/** Recorded deltas know no data: a scenario may name some. */
function isScored({ learner }: Scenario): boolean {
  return learner.kind !== 'replay' || learner.data !== undefined;
}

async function openMembers(simulation: Simulation, threads: number): Promise<Members> {
  const { scenario, manifest } = simulation;
  switch (scenario.learner.kind) {
    case 'bowl':
      return { ...bowlMembers(simulation), backend: 'none', close: async () => undefined };
    case 'train':
      return openTraining({ scenario, learner: scenario.learner, manifest, threads });
    case 'replay':
      return replayMembers(simulation, scenario.learner);
  }
}

async function openTraining(parts: {
  readonly scenario: Scenario;
  readonly learner: Extract<Scenario['learner'], { kind: 'train' }>;
  readonly manifest: Manifest;
  readonly threads: number;
}): Promise<Members> {
  const { scenario, learner, manifest, threads } = parts;
  const { model: spec, codec, training: settings } = manifest;
  const { scale } = manifest.data;
  const { shards, test } = loadShards(learner, { ...scenario, manifest });
  // Our own kernels, whatever else is installed: a seed must give the same bits next year.
  const trainer = await openTrainer({ spec, scale, backend: 'wasm', threads: 1 });
  const pool =
    threads === 1
      ? undefined
      : await openTrainingPool({ spec, codec, settings, scale, backend: 'wasm', threads });
  const mislabelled = mislabelledOf(shards);
  return {
    work: (peer, { seed, hasFalseLabels }) => {
      const data = hasFalseLabels ? mislabelled(peer) : shards[peer];
      return new TrainedRounds({ spec, codec, settings, data, test, seed, trainer, pool });
    },
    evaluate: (model) => trainer.evaluate(model, test),
    backend: trainer.backend,
    close: async () => pool?.close(),
  };
}

/** A member's samples with false labels: class c is called classes − 1 − c. Made once, for all its lives. */
function mislabelledOf(shards: readonly Dataset[]): (peer: number) => Dataset {
  const made = new Map<number, Dataset>();
  return (peer) => {
    const { labels, classes } = shards[peer];
    const data = made.get(peer) ?? {
      ...shards[peer],
      labels: labels.map((label) => classes - 1 - label),
    };
    made.set(peer, data);
    return data;
  };
}
