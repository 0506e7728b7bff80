// Claims more samples than it has.
import type { AttackerKind } from './attacker.ts';

export const falseSamples: AttackerKind = {
  name: 'false-samples',
  about:
    'claims strength times (default 20) the samples it has. The mean weighs by samples and believes it up to limits.samplesMax; that a claim blocks nothing is what the rules see to',
  work: (work, { manifest, strength = 20 }) => ({
    samples: Math.min(manifest.limits.samplesMax, Math.round(strength * work.samples)),
    train: (job) => work.train(job),
    evaluate: (model) => work.evaluate(model),
    restore: (state) => work.restore(state),
  }),
};
