// Residual networks (He et al., 2016) under the names of torchvision, ResNeXt included, and of the small ones for
// CIFAR. Each stage is a stream of its own: its blocks write to what its first shortcut convolution put out.
import { TORCH } from '../dialect.ts';
import { groupedConvolution, unitsAlikeInGroups } from '../grouped-convolution.ts';
import { dense, norm } from '../layers.ts';
import { SpecDraft } from '../spec-draft.ts';
import { FIXED, type Units } from '../units.ts';
import { countOf, type Family, prefixOf } from './family.ts';

const BLOCK = /^(.*)layer1\.0\.conv1\.weight$/;

export const RESNET: Family = {
  name: 'ResNet',
  matches: (layout) => prefixOf(layout, BLOCK) !== undefined,

  specOf(layout) {
    const prefix = prefixOf(layout, BLOCK) ?? '';
    const draft = new SpecDraft(layout, TORCH);
    let stream = dense(draft, `${prefix}conv1`, { from: FIXED });
    norm(draft, `${prefix}bn1`, stream);
    const blockAt = (stage: number, index: number): string => `${prefix}layer${stage + 1}.${index}`;
    const stages = countOf(layout, (stage) => `${blockAt(stage, 0)}.conv1.weight`);
    for (let stage = 0; stage < stages; stage++) {
      const blocks = countOf(layout, (index) => `${blockAt(stage, index)}.conv1.weight`);
      for (let index = 0; index < blocks; index++) stream = residual(draft, blockAt(stage, index), stream);
    }
    const classes = draft.has(`${prefix}linear.weight`) ? 'linear' : 'fc';
    dense(draft, prefix + classes, { from: stream, to: FIXED });
    return draft.spec();
  },
};

/**
 * Two or three convolutions, each with its norm, beside the stream or a convolution of it; returns the stream after it.
 */
function residual(draft: SpecDraft, at: string, stream: Units): Units {
  const shortcut = [`${at}.downsample`, `${at}.shortcut`].find((name) => draft.has(`${name}.0.weight`));
  let after = stream;
  if (shortcut !== undefined) {
    after = dense(draft, `${shortcut}.0`, { from: stream });
    norm(draft, `${shortcut}.1`, after);
  }
  const isBottleneck = draft.has(`${at}.conv3.weight`);
  const groups = isBottleneck ? groupsOf(draft, at) : 1;
  const size = draft.tensor(`${at}.conv1.weight`).shape[0];
  const to = groups > 1 ? { to: unitsAlikeInGroups(draft, `${at}.conv1`, { size, groups }) } : {};
  let inner = dense(draft, `${at}.conv1`, { from: stream, ...to });
  norm(draft, `${at}.bn1`, inner);
  if (isBottleneck) {
    inner =
      groups > 1
        ? groupedConvolution(draft, `${at}.conv2`, { from: inner, groups })
        : dense(draft, `${at}.conv2`, { from: inner });
    norm(draft, `${at}.bn2`, inner);
  }
  const last = isBottleneck ? 3 : 2;
  dense(draft, `${at}.conv${last}`, { from: inner, to: after });
  norm(draft, `${at}.bn${last}`, after);
  return after;
}

/**
 * The middle convolution of a ResNeXt (Xie et al., 2017) reads the channels of one group; a whole number tells the
 * groups.
 */
function groupsOf(draft: SpecDraft, at: string): number {
  const groups = draft.tensor(`${at}.conv1.weight`).shape[0] / draft.tensor(`${at}.conv2.weight`).shape[1];
  return Number.isInteger(groups) ? groups : 1;
}
