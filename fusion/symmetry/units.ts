// What flows between two layers, as far as permutations go: an axis of so many entries, and which permutations move
// which of them. It knows no tensors and no layers.
import { assert } from '../assert.ts';
import { endOf, type Segment } from './axis-map.ts';

export interface Units {
  /** None: nothing moves. In any order. */
  readonly parts: readonly Segment[];
  /** Entries of the axis; `undefined` for inputs and outputs of a model, where any length will do. */
  readonly length: number | undefined;
}

/** Inputs, classes, vocabulary: what has a meaning of its own and stays where it is. */
export const FIXED: Units = { parts: [], length: undefined };

export interface Flattening {
  /** Pixels of the feature map that is made flat. */
  readonly pixels: number;
  /**
   * In the vector, channels last (TensorFlow.js) is one pixel after the other with all its channels, channels first
   * (PyTorch) one channel after the other with all its pixels.
   */
  readonly order: 'channels-first' | 'channels-last';
}

/** The units of a feature map that was made a vector. */
export function flattened(units: Units, { pixels, order }: Flattening): Units {
  return order === 'channels-first' ? widened(units, pixels) : repeated(units, pixels);
}

/** Every entry becomes `factor` consecutive ones, which stay together. */
export function widened({ parts, length }: Units, factor: number): Units {
  const widen = (part: Segment): Segment => ({
    ...part,
    start: part.start * factor,
    block: part.block * factor,
  });
  return { parts: parts.map(widen), length: length === undefined ? undefined : length * factor };
}

/** The whole axis again and again, as the gates of an LSTM stand in one kernel. */
export function repeated(units: Units, times: number): Units {
  const { parts, length } = units;
  if (length === undefined) return units;
  const repeat = (part: Segment): Segment[] =>
    part.start === 0 && endOf(part) === length
      ? [{ ...part, repeats: part.repeats * times }]
      : Array.from({ length: times }, (_, time) => ({ ...part, start: part.start + time * length }));
  return { parts: parts.flatMap(repeat), length: length * times };
}

/**
 * One axis after the other, as queries, keys and values stand in one kernel. Asserts that all but the last have a
 * length.
 */
export function joined(all: readonly Units[]): Units {
  const parts: Segment[] = [];
  let length: number | undefined = 0;
  for (const units of all) {
    assert(length !== undefined, 'only the last of joined units may be of any length');
    const start: number = length;
    parts.push(...units.parts.map((part) => ({ ...part, start: part.start + start })));
    length = units.length === undefined ? undefined : start + units.length;
  }
  return { parts, length };
}

/** What moves one axis on several levels. Asserts that all are views of the same axis. */
export function overlaid(all: readonly Units[]): Units {
  const { length } = all[0];
  assert(
    all.every((units) => units.length === length),
    'units on one axis have its length',
  );
  return { parts: all.flatMap(({ parts }) => parts), length };
}
