// The convolutional networks of the fusion benchmarks for 28 × 28 digits, each as an architecture and as its symmetries, side by
// side so that the two can be compared. They know no rule.
import { TFJS } from '../../../fusion/symmetry/dialect.ts';
import { dense as denseUnits, norm } from '../../../fusion/symmetry/layers.ts';
import type { PermutationSpec } from '../../../fusion/symmetry/permutation-spec.ts';
import { SpecDraft } from '../../../fusion/symmetry/spec-draft.ts';
import { FIXED, flattened, type Units } from '../../../fusion/symmetry/units.ts';
import type { ModelLayout } from '../../../fusion/types.ts';
import { batchNorm } from './network/batch-norm.ts';
import { convolution, dense, maxPool, meanPool, relu, sum } from './network/layers.ts';
import type { Architecture } from './network/network.ts';
import { flat } from './network/value.ts';

export const DIGIT = { height: 28, width: 28, channels: 1 };

export interface ImageModel {
  /** Of files. */
  readonly name: string;
  /** Of tables. */
  readonly title: string;
  readonly architecture: Architecture;
  readonly specOf: (layout: ModelLayout) => PermutationSpec;
}

/** Two convolutions of 3 × 3 with 12 and 24 channels, each with ReLU and 2 × 2 max pooling, and a dense layer of 64. */
export const SMALL_CNN: ImageModel = {
  name: 'cnn',
  title: 'CNN of 12 and 24 channels, dense 64',
  architecture(draft, images) {
    const first = draft.read(
      'conv_0',
      relu(draft, convolution(draft, 'conv_0', { from: images, units: 12, window: 3 })),
    );
    const pooled = maxPool(draft, first);
    const second = draft.read(
      'conv_1',
      relu(draft, convolution(draft, 'conv_1', { from: pooled, units: 24, window: 3 })),
    );
    const vector = flat(maxPool(draft, second));
    const hidden = draft.read('dense_0', relu(draft, dense(draft, 'dense_0', { from: vector, units: 64 })));
    return dense(draft, 'dense_1', { from: hidden, units: 10 });
  },
  specOf(layout) {
    const draft = new SpecDraft(layout, TFJS);
    const first = denseUnits(draft, 'conv_0', { from: FIXED });
    const second = denseUnits(draft, 'conv_1', { from: first });
    const vector = flattened(second, { pixels: 7 * 7, order: 'channels-last' });
    const hidden = denseUnits(draft, 'dense_0', { from: vector });
    denseUnits(draft, 'dense_1', { from: hidden, to: FIXED });
    return draft.spec();
  },
};

/** The same with batch norm behind both convolutions. */
export const NORMED_CNN: ImageModel = {
  name: 'normed-cnn',
  title: 'CNN of 12 and 24 channels with batch norm, dense 64',
  architecture(draft, images) {
    const unit = (name: string, from: typeof images, units: number) => {
      const sums = convolution(draft, name, { from, units, window: 3, hasBias: false });
      return maxPool(draft, draft.read(name, relu(draft, batchNorm(draft, `${name}_norm`, sums))));
    };
    const vector = flat(unit('conv_1', unit('conv_0', images, 12), 24));
    const hidden = draft.read('dense_0', relu(draft, dense(draft, 'dense_0', { from: vector, units: 64 })));
    return dense(draft, 'dense_1', { from: hidden, units: 10 });
  },
  specOf(layout) {
    const draft = new SpecDraft(layout, TFJS);
    const unit = (name: string, from: Units) => {
      const units = denseUnits(draft, name, { from });
      norm(draft, `${name}_norm`, units);
      return units;
    };
    const vector = flattened(unit('conv_1', unit('conv_0', FIXED)), {
      pixels: 7 * 7,
      order: 'channels-last',
    });
    const hidden = denseUnits(draft, 'dense_0', { from: vector });
    denseUnits(draft, 'dense_1', { from: hidden, to: FIXED });
    return draft.spec();
  },
};

/**
 * Convolutions of 3 × 3 with batch norm: a stem of 16 channels and stride 2, a block on its stream, a block of stride 2 to a
 * stream of 32 channels with a convolution as its shortcut, the mean over the pixels, logits.
 */
export const RESIDUAL_NET: ImageModel = {
  name: 'residual-net',
  title: 'residual net of 16 and 32 channels with batch norm',
  architecture(draft, images) {
    const unit = (
      name: string,
      options: { from: typeof images; units: number; window: number; stride?: number },
    ) => batchNorm(draft, `${name}_norm`, convolution(draft, name, { ...options, hasBias: false }));
    // Units are told apart better in front of the ReLU: it hides half of what they say.
    const activated = (units: string, sums: typeof images) => relu(draft, draft.read(units, sums));
    const narrow = { units: 16, window: 3 };
    const stem = activated('stem', unit('stem', { from: images, ...narrow, stride: 2 }));
    const inner = activated('block_0a', unit('block_0a', { from: stem, ...narrow }));
    const stream = activated('stem', sum(draft, stem, unit('block_0b', { from: inner, ...narrow })));
    const wider = { units: 32, window: 3 };
    const innerWide = activated('block_1a', unit('block_1a', { from: stream, ...wider, stride: 2 }));
    const shortcut = unit('shortcut', { from: stream, units: 32, window: 1, stride: 2 });
    const wide = activated('wide', sum(draft, shortcut, unit('block_1b', { from: innerWide, ...wider })));
    return dense(draft, 'dense', { from: meanPool(draft, wide), units: 10 });
  },
  specOf(layout) {
    const draft = new SpecDraft(layout, TFJS);
    const unit = (name: string, ends: Parameters<typeof denseUnits>[2]) => {
      const units = denseUnits(draft, name, ends);
      norm(draft, `${name}_norm`, units);
      return units;
    };
    const stream = unit('stem', { from: FIXED });
    unit('block_0b', { from: unit('block_0a', { from: stream }), to: stream });
    const wide = draft.units({ name: 'wide', size: 32 });
    unit('block_1b', { from: unit('block_1a', { from: stream }), to: wide });
    unit('shortcut', { from: stream, to: wide });
    denseUnits(draft, 'dense', { from: wide, to: FIXED });
    return draft.spec();
  },
};
