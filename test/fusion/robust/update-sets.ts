// What the tests of the robust means draw from: sets whose numbers are eighths, so that inner products are exact and ties
// are ties however they are computed, and sets of members who agree up to noise.
import fc from 'fast-check';
import { createRandom } from '../../../fusion/index.ts';
import type { Change, Update, UpdateSet } from '../../../fusion/robust/index.ts';
import type { SlowUpdate } from './slow-rules.ts';

/** Several values are equal, some are zero. */
const value = fc.oneof(
  fc.integer({ min: -200, max: 200 }).map((eighths) => eighths / 8),
  fc.constantFrom(0, 0.5, -0.5),
);

export interface Drawn {
  readonly set: UpdateSet;
  /** The same for the slow rules. */
  readonly slow: readonly SlowUpdate[];
}

export interface DrawnOptions {
  readonly countMin: number;
  readonly sparse: boolean;
  readonly weighted: boolean;
}

/** Sets of up to eleven updates of up to thirty coordinates. */
export function updateSets({ countMin, sparse, weighted }: DrawnOptions): fc.Arbitrary<Drawn> {
  const coordinate = sparse ? fc.option(value, { nil: undefined, freq: 2 }) : value;
  const weight = weighted ? fc.integer({ min: 1, max: 6 }) : fc.constant(3);
  return fc
    .integer({ min: 1, max: 30 })
    .chain((size) =>
      fc.array(
        fc.record({
          weight,
          values: fc.array(coordinate, { minLength: size, maxLength: size, size: 'max' }),
        }),
        { minLength: countMin, maxLength: 11, size: 'max' },
      ),
    )
    .map((slow) => ({ slow, set: setOf(slow) }));
}

/** Updates without a gap are dense. */
export function setOf(slow: readonly SlowUpdate[]): UpdateSet {
  return { size: slow[0].values.length, updates: slow.map(updateOf) };
}

function updateOf({ weight, values }: SlowUpdate): Update {
  if (values.every((each) => each !== undefined)) return { weight, values: Float32Array.from(values) };
  const places = Uint32Array.from(values.keys()).filter((place) => values[place] !== undefined);
  return { weight, places, values: Float32Array.from(places, (place) => values[place] ?? 0) };
}

/** A change as a list of numbers, zero where it is absent. */
export function denseOf({ places, values }: Change, size: number): number[] {
  const dense = new Array<number>(size).fill(0);
  for (const [k, each] of values.entries()) dense[places === undefined ? k : places[k]] = each;
  return dense;
}

/** Members who agree on a direction, each with noise of his own; all numbers differ. */
export function agreeing(options: {
  readonly count: number;
  readonly size: number;
  readonly seed: string;
}): Float32Array[] {
  const random = createRandom(options.seed);
  // A sum of four is near enough to a bell.
  const noise = (): number => random.float() + random.float() + random.float() + random.float() - 2;
  const common = Float32Array.from({ length: options.size }, noise);
  return Array.from({ length: options.count }, () => common.map((each) => each + 0.3 * noise()));
}
