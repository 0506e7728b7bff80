// From what a node was told to its learner: who may train, on what, and by what.
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { ForeignDecision, ForeignModel } from '../learning/index.ts';
import type { Manifest, PortEvent } from '../protocols/index.ts';
import type { NodeOptions } from './api.ts';
import { MeldError } from './errors.ts';
import { type StartedLearner, startLearner } from './learner-host.ts';

/** Folder for the exchange with an external trainer, in the store. */
const TRAINER_FOLDER = 'trainer';

export interface OwnLearnerOptions {
  readonly node: NodeOptions;
  readonly manifest: Manifest;
  readonly self: string;
  /** Ends a learner that is still starting. */
  readonly signal: AbortSignal;
  /** Brought from elsewhere, and who is told what became of it. */
  readonly foreign: ForeignModel | undefined;
  readonly judged: (decision: ForeignDecision) => void;
  readonly notice: (code: string, text: string) => void;
  readonly deliver: (event: PortEvent) => void;
}

/**
 * Starts the learner of a node.
 * @throws MeldError MELDMESH_NOT_A_MEMBER, MELDMESH_DATA_MISMATCH; DataError, LearningError, TrainerError
 */
export async function openOwnLearner(options: OwnLearnerOptions): Promise<StartedLearner> {
  const { node, manifest, self, signal, foreign, judged, notice, deliver } = options;
  const { data, test, backend, threads, seed, generations, trainer, store } = node;
  const observing = (data === undefined && trainer === undefined) || generations === 0;
  const { samplesMax } = manifest.limits;
  if (!observing && manifest.members?.includes(self) === false) {
    throw new MeldError('MELDMESH_NOT_A_MEMBER', `The mesh does not admit ${self}`);
  }
  if (!observing && data !== undefined && data.count > samplesMax) {
    throw new MeldError('MELDMESH_DATA_MISMATCH', `${data.count} samples are more than a member may claim`);
  }
  const learner = await startLearner({
    manifest,
    data: observing ? undefined : data,
    test,
    backend: backend ?? 'auto',
    threads: threads ?? 1,
    seed: seed ?? randomBytes(16).toString('hex'),
    trainer:
      observing || trainer === undefined
        ? undefined
        : { ...trainer, folder: join(resolve(store), TRAINER_FOLDER), samplesMax },
    foreign,
    judged,
    signal,
    notice,
    deliver,
  });
  for (const note of learner.notes) notice('BACKEND', note);
  return learner;
}
