// Trainers that tests start, one that really trains and one for every way to go wrong, and a learner that asks them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { initialWeights } from '../../../fusion/index.ts';
import { type LearnerHostOptions, type StartedLearner, startLearner } from '../../../node/learner-host.ts';
import type { TrainerOptions } from '../../../node/trainer/trainer-init.ts';
import type { PortEvent } from '../../../protocols/index.ts';
import { manifest } from '../../contracts/learner.ts';

const NODE = process.execPath;

/** Trains dense layers in plain JavaScript. */
export const tinyTrainer: readonly string[] = [NODE, join(import.meta.dirname, 'tiny-trainer.js')];

/** Misbehaves as its words say; see the file. */
export function faultyTrainer(...words: readonly string[]): readonly string[] {
  return [NODE, join(import.meta.dirname, 'faulty-trainer.js'), ...words];
}

export interface AskedTrainer {
  readonly learner: StartedLearner;
  readonly notices: readonly { readonly code: string; readonly text: string }[];
  train(generation: number): Promise<PortEvent>;
  evaluate(): Promise<PortEvent>;
}

/** A learner of the 6-5-3 model with this trainer; short of patience, as tests are. */
export async function askTrainer(
  trainer: Pick<TrainerOptions, 'command' | 'folder'> & Partial<TrainerOptions>,
  more: Partial<LearnerHostOptions> = {},
): Promise<AskedTrainer> {
  const waiting = new Map<number, (event: PortEvent) => void>();
  const notices: { code: string; text: string }[] = [];
  let tickets = 0;
  const learner = await startLearner({
    manifest,
    data: undefined,
    test: undefined,
    backend: 'cpu',
    threads: 1,
    seed: 'member',
    trainer: { samplesMax: 1_000, patienceMs: { min: 10, max: 40 }, ...trainer },
    notice: (code, text) => notices.push({ code, text }),
    deliver(event) {
      assert('ticket' in event && waiting.has(event.ticket), 'each question is answered once');
      waiting.get(event.ticket)?.(event);
      waiting.delete(event.ticket);
    },
    ...more,
  });
  const model = initialWeights((more.manifest ?? manifest).model, 'mesh');
  const ask = (call: (ticket: number) => void): Promise<PortEvent> =>
    new Promise((resolve) => {
      const ticket = ++tickets;
      waiting.set(ticket, resolve);
      call(ticket);
    });
  return {
    learner,
    notices,
    train: (generation) => ask((ticket) => learner.train({ ticket, model, generation, takeBack: [] })),
    evaluate: () => ask((ticket) => learner.evaluate(model, ticket)),
  };
}

/** Ids of the processes of this machine whose command line holds a text; what is dead and not yet reaped is not one. */
export function processesWith(text: string): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,stat=,args='], { encoding: 'utf8' }).split('\n');
  return lines
    .filter((line) => line.includes(text) && !/^\s*\d+\s+Z/.test(line))
    .map((line) => Number.parseInt(line, 10));
}
