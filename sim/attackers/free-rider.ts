// Takes the model and gives nothing: it never trains.
import assert from 'node:assert/strict';
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import type { RoundWork, TrainedWork } from '../learners/work.ts';
import type { AttackContext, AttackerKind } from './attacker.ts';
import { heardDeltas, listeningPorts } from './heard-deltas.ts';
import { normal, rootMeanSquare } from './normal.ts';

/** Of a first delta, before any was heard. */
const FIRST_SIZE = 1e-3;

export const freeRider: AttackerKind = {
  name: 'free-rider',
  about:
    'never trains and sends noise of strength times (default 1) the size of the deltas it hears; with strength 0, its first noise again and again. The mean averages it away: it costs speed, not the goal',
  ports: (ports, context) => listeningPorts(ports, context),
  work: (work, context) => idleWork(work, context),
};

function idleWork(work: RoundWork, context: AttackContext): RoundWork {
  const { manifest, random, strength = 1, fromGeneration } = context;
  const layout = layoutOf(manifest.model);
  const codec = codecNamed(manifest.codec);
  assert(codec !== undefined, 'the manifest names a codec that exists');
  const noise = (generation: number): TrainedWork => {
    const draw = random.fork(strength === 0 ? 'noise' : `noise ${generation}`);
    const heard = strength === 0 ? undefined : heardDeltas(context);
    const stdDev = heard === undefined ? FIRST_SIZE : strength * rootMeanSquare(heard.mean);
    const delta = Float32Array.from({ length: layout.size }, () => stdDev * normal(draw));
    return { payload: codec.encode(delta, layout, draw), state: Uint8Array.of(0), loss: 0, steps: 0 };
  };
  return {
    samples: work.samples,
    train: (job) => (job.generation < fromGeneration ? work.train(job) : noise(job.generation)),
    evaluate: (model) => work.evaluate(model),
    restore: (state) => {
      if (state.length > 1) work.restore(state);
    },
  };
}
