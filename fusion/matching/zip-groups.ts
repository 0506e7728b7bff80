// Which units of two models become one: the greedy grouping of ZipIt (Stoica et al., "ZipIt! Merging Models from Different Tasks
// without Training", 2024, section 4). It sees correlations, not weights.

export interface ZipOptions {
  /** [2 · size, 2 · size]: the units of the first model, then those of the second. */
  readonly correlations: Float64Array;
  /** Units of each model. */
  readonly size: number;
  /** Units that are less alike stay apart. */
  readonly correlationMin: number;
  /** Grouping stops at this many groups. */
  readonly groupsMin: number;
  /** Share of a model's units that may be joined with units of the same model: β. */
  readonly sameModelShare: number;
}

/** Units of both models by what they become. */
export interface UnitGroups {
  readonly count: number;
  /** By unit of the first model, then of the second; groups are numbered by their first unit. */
  readonly groupOf: Uint32Array;
}

/** What a similarity is worth once one of its units is a group: the paper's α. */
const ONCE_JOINED = 0.3;

interface Similarities {
  readonly values: Float64Array;
  readonly count: number;
  /** By unit, whether it still stands for a group, and its most similar partner among those that do. */
  readonly isOpen: Uint8Array;
  readonly partner: Int32Array;
}

/** Joins the most similar pair again and again. Θ(size²) a join at worst, less while few units share a partner. */
export function zipUnits(options: ZipOptions): UnitGroups {
  const { correlations, size, correlationMin, groupsMin, sameModelShare } = options;
  const count = 2 * size;
  const similarities: Similarities = {
    values: correlations.slice(),
    count,
    isOpen: new Uint8Array(count).fill(1),
    partner: new Int32Array(count).fill(-1),
  };
  const parent = Uint32Array.from({ length: count }, (_, unit) => unit);
  // 1 for units of the first model in a group, 2 for those of the second.
  const models = Uint8Array.from({ length: count }, (_, unit) => (unit < size ? 1 : 2));
  const budget = [0, Math.floor(sameModelShare * size), Math.floor(sameModelShare * size)];
  const isAllowed = (i: number, j: number): boolean =>
    models[i] !== models[j] || models[i] === 3 || budget[models[i]] > 0;
  for (let unit = 0; unit < count; unit++) findPartner(similarities, unit, isAllowed);
  for (let groups = count; groups > groupsMin; groups--) {
    const [first, second] = mostSimilar(similarities, isAllowed);
    if (first < 0 || similarities.values[first * count + second] < correlationMin) break;
    if (models[first] === models[second] && models[first] !== 3) budget[models[first]]--;
    const [kept, joined] = first < second ? [first, second] : [second, first];
    parent[joined] = kept;
    models[kept] |= models[joined];
    join(similarities, kept, joined);
    for (let unit = 0; unit < count; unit++) {
      const { partner, isOpen } = similarities;
      const isStale = unit === kept || partner[unit] === kept || partner[unit] === joined;
      if (isOpen[unit] === 1 && isStale) findPartner(similarities, unit, isAllowed);
    }
  }
  return numbered(parent);
}

/** A group is as similar to another unit as the less similar of its two parts, and then some less. */
function join({ values, count, isOpen }: Similarities, kept: number, joined: number): void {
  isOpen[joined] = 0;
  for (let unit = 0; unit < count; unit++) {
    const least = ONCE_JOINED * Math.min(values[kept * count + unit], values[joined * count + unit]);
    values[kept * count + unit] = least;
    values[unit * count + kept] = least;
  }
}

type IsAllowed = (i: number, j: number) => boolean;

function findPartner(
  { values, count, isOpen, partner }: Similarities,
  unit: number,
  isAllowed: IsAllowed,
): void {
  let best = -1;
  for (let other = 0; other < count; other++) {
    if (other === unit || isOpen[other] === 0 || !isAllowed(unit, other)) continue;
    if (best < 0 || values[unit * count + other] > values[unit * count + best]) best = other;
  }
  partner[unit] = best;
}

function mostSimilar(similarities: Similarities, isAllowed: IsAllowed): readonly [number, number] {
  const { values, count, isOpen, partner } = similarities;
  let best = -1;
  for (let unit = 0; unit < count; unit++) {
    if (isOpen[unit] === 0) continue;
    // A budget may have run out since.
    if (partner[unit] >= 0 && !isAllowed(unit, partner[unit])) findPartner(similarities, unit, isAllowed);
    if (partner[unit] < 0) continue;
    if (best < 0 || values[unit * count + partner[unit]] > values[best * count + partner[best]]) best = unit;
  }
  return best < 0 ? [-1, -1] : [best, partner[best]];
}

function numbered(parent: Uint32Array): UnitGroups {
  const groupOf = new Uint32Array(parent.length);
  let count = 0;
  // A unit is joined to one before it, so that its group has a number already.
  for (let unit = 0; unit < parent.length; unit++) {
    groupOf[unit] = parent[unit] === unit ? count++ : groupOf[parent[unit]];
  }
  return { count, groupOf };
}
