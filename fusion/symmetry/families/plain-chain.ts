// Whether kernels can follow one another: what one puts out, the next takes in, possibly in groups or as the pixels of
// a feature map made flat. It knows shapes, not names.
import { type Dialect, kernelAxes } from '../dialect.ts';
import type { PlainLayer, PlainLayers } from './plain-layers.ts';
import { groupsOf } from './plain-order.ts';

/** A layer in its place. */
export interface Link {
  readonly layer: PlainLayer;
  readonly outputs: number;
  /** Above one: the convolution reads its inputs in so many groups. */
  readonly groups: number;
  /** Above one: the layer reads a feature map of so many pixels as a vector. */
  readonly pixels: number;
}

export interface Chain {
  readonly links: readonly Link[];
  readonly dialect: Dialect;
}

/** More steps than a real stack takes: by then there are several orders, or none. */
const STEPS_MAX = 100_000;
const LAYERS_MAX = 2_048;

/**
 * The chains that names and shapes allow, up to two for each layout of the kernels, so that one can tell whether there
 * is one only. A layout has chains with grouped convolutions only where it has none without.
 */
export function chainsOf(layers: PlainLayers, layout: 'torch' | 'tfjs' | undefined): Chain[] {
  const { kernels, norms } = layers;
  if (kernels.length > LAYERS_MAX) return [];
  const ways = layout === undefined ? [true, false] : [layout === 'torch'];
  const groups = groupsOf(kernels);
  const chains = ways.flatMap((isOutputFirst) => {
    const dialect = { ...layers.dialect, isOutputFirst };
    const plain = new ChainSearch(groups, { dialect, hasGroups: false }).run();
    const found = plain.length > 0 ? plain : new ChainSearch(groups, { dialect, hasGroups: true }).run();
    return found.map((links) => ({ links, dialect }));
  });
  const fitting = chains.filter(({ links }) =>
    norms.every(({ shape }) => links.slice(0, -1).some(({ outputs }) => outputs === shape[0])),
  );
  return fitting.length > 0 ? fitting : chains;
}

/** Depth first: every way to merge the groups, each in its own order, so that each layer can read the one before. */
class ChainSearch {
  readonly #groups: readonly (readonly PlainLayer[])[];
  readonly #dialect: Dialect;
  readonly #hasGroups: boolean;
  readonly #links: Link[] = [];
  readonly #found: Link[][] = [];
  /** Places from which no chain was found: how far each group is used up, and which one came last. */
  readonly #dead = new Set<string>();
  #steps = 0;

  constructor(
    groups: readonly (readonly PlainLayer[])[],
    { dialect, hasGroups }: { readonly dialect: Dialect; readonly hasGroups: boolean },
  ) {
    this.#groups = groups;
    this.#dialect = dialect;
    this.#hasGroups = hasGroups;
  }

  run(): Link[][] {
    const used = this.#groups.map(() => 0);
    this.#extend(used, -1);
    return this.#found;
  }

  #extend(used: number[], last: number): void {
    const place = `${used} ${last}`;
    if (this.#found.length > 1 || ++this.#steps > STEPS_MAX || this.#dead.has(place)) return;
    const foundBefore = this.#found.length;
    const isDone = this.#groups.every((group, index) => used[index] === group.length);
    if (isDone && isEnd(this.#links.at(-1))) this.#found.push([...this.#links]);
    for (const [index, group] of this.#groups.entries()) {
      const layer = group.at(used[index]);
      if (used[index] === group.length || layer === undefined) continue;
      const link = linkOf(layer, this.#links.at(-1), this.#dialect);
      if (link === undefined || (isGrouped(link, this.#links.at(-1)) && !this.#hasGroups)) continue;
      this.#links.push(link);
      used[index]++;
      this.#extend(used, index);
      used[index]--;
      this.#links.pop();
    }
    if (this.#found.length === foundBefore) this.#dead.add(place);
  }
}

/** In more than one group, but not each channel on its own. */
function isGrouped({ groups }: Link, before: Link | undefined): boolean {
  return groups > 1 && groups !== before?.outputs;
}

/** What a model puts out keeps its order, which the units of a depthwise or grouped convolution would not. */
function isEnd(last: Link | undefined): boolean {
  return last !== undefined && last.groups === 1 && last.layer.kind !== 'depthwise';
}

/** The layer as the next one after `before`; `undefined` where it cannot be. */
function linkOf(layer: PlainLayer, before: Link | undefined, dialect: Dialect): Link | undefined {
  const { shape, kind, bias } = layer;
  const axes = kernelAxes(dialect, shape.length);
  const outputs = kind === 'depthwise' ? shape[axes.inputs] * shape[axes.outputs] : shape[axes.outputs];
  const inputs = shape[axes.inputs];
  const plain = { layer, outputs, groups: 1, pixels: 1 };
  if (bias !== undefined && bias !== outputs) return undefined;
  if (before === undefined) return kind === 'depthwise' ? undefined : plain;
  // The vector that a dense layer puts out is no feature map.
  if (before.layer.kind === 'dense' && kind !== 'dense') return undefined;
  if (before.outputs === inputs) return plain;
  if (before.layer.kind === 'dense' || kind === 'depthwise') return undefined;
  const [pixels, groups] = [inputs / before.outputs, before.outputs / inputs];
  if (kind === 'dense') return Number.isInteger(pixels) && pixels > 0 ? { ...plain, pixels } : undefined;
  return Number.isInteger(groups) && outputs % groups === 0 ? { ...plain, groups } : undefined;
}
