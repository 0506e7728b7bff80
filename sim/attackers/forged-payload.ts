// For attacks on the values of a delta: what the learner has trained is decoded, changed, and encoded again.
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import type { RoundWork, TrainedWork } from '../learners/work.ts';
import type { AttackContext } from './attacker.ts';

/** Work whose delta is changed from the context's generation on. `change` may keep its argument. */
export function forgedPayload(
  work: RoundWork,
  context: AttackContext,
  change: (delta: Float32Array, generation: number) => Float32Array,
): RoundWork {
  const { manifest, random, fromGeneration } = context;
  const layout = layoutOf(manifest.model);
  const codec = codecNamed(manifest.codec);
  if (codec === undefined) throw new Error(`no codec ${manifest.codec}`);
  const forge = (trained: TrainedWork, generation: number): TrainedWork => {
    if (generation < fromGeneration) return trained;
    const exact = new Float64Array(layout.size);
    codec.addTo(exact, trained.payload, 1, layout);
    const delta = change(Float32Array.from(exact), generation);
    return { ...trained, payload: codec.encode(delta, layout, random.fork(`${generation}`)) };
  };
  return withTrained(work, forge);
}

/** Work whose results are changed on their way out. */
export function withTrained(
  work: RoundWork,
  change: (trained: TrainedWork, generation: number) => TrainedWork,
): RoundWork {
  return {
    samples: work.samples,
    train: (job) => {
      const trained = work.train(job);
      const { generation } = job;
      return trained instanceof Promise
        ? trained.then((each) => change(each, generation))
        : change(trained, generation);
    },
    evaluate: (model) => work.evaluate(model),
    restore: (state) => work.restore(state),
  };
}
