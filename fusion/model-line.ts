// The shared model along its generations: S and m of the newest one, and a few snapshots to roll back to. It does
// not keep the parts; who rolls back applies them again.
import { assert } from './assert.ts';
import { applyGeneration, type GenerationPart, generationRule } from './generation.ts';
import type { Codec, ModelLayout } from './types.ts';

export interface ModelLineOptions {
  readonly layout: ModelLayout;
  /** The model of generation 0; its momentum is zero. Copied. */
  readonly initial: Float32Array;
  readonly codec: Codec;
  /** How the deltas of a generation become one: a manifest's `aggregation.rule`. Default `mean`. */
  readonly rule?: string;
  readonly outerMomentum: number;
  readonly outerLearningRate: number;
  /**
   * Every how many generations a snapshot is taken. The last four are kept, then every fourth of them up to
   * the horizon. The default of 4 makes a roll-back re-apply at most three generations more than it must.
   */
  readonly snapshotEvery?: number;
  /** A roll-back this far, or shorter, is always possible (or to the start of the line). Default 64. */
  readonly horizon?: number;
}

export interface ModelLine {
  /** The newest generation applied. */
  readonly generation: number;
  /** S, live and on shared memory: read it, never write it. */
  model(): Float32Array;
  /** m, likewise. */
  momentum(): Float32Array;
  /** The oldest generation that `rollback` can reach. */
  floor(): number;
  /** Where `rollback(to)` would come to stand. `to` is not below the floor. */
  snapshotAtOrBelow(to: number): number;
  /**
   * Goes back to the newest generation still held that is not above `to`, and returns it. The caller applies
   * the generations after it again. Nothing happens when the line is not above `to`.
   */
  rollback(to: number): number;
  /** The copies held, ascending, by reference: they are on shared memory and overwritten when dropped. */
  snapshots(): readonly ModelSnapshot[];
  /**
   * Applies the next generation; `parts` in ascending record id, each accepted by the codec's check. Without
   * parts nobody contributed: S and m stay as they are.
   */
  apply(generation: number, parts: readonly GenerationPart[]): void;
  /** Starts again from a state that was copied from elsewhere; it becomes the floor. */
  adopt(generation: number, model: Float32Array, momentum: Float32Array): void;
}

export interface ModelSnapshot {
  readonly generation: number;
  readonly model: Float32Array;
  readonly momentum: Float32Array;
}

const SNAPSHOT_EVERY = 4;
/** How many of the newest snapshots are kept, and every how many of the older ones. */
const THINNING = 4;
/** Matches the manifest's default horizon, beyond which history is sealed. */
const HORIZON = 64;

export function createModelLine(options: ModelLineOptions): ModelLine {
  return new SnapshotLine(options);
}

class SnapshotLine implements ModelLine {
  readonly #options: ModelLineOptions;
  readonly #rule: ReturnType<typeof generationRule>;
  readonly #every: number;
  readonly #horizon: number;
  readonly #model: Float32Array;
  readonly #momentum: Float32Array;
  readonly #scratch: Float64Array;
  /** Ascending; never empty, for the start of the line is one. */
  #snapshots: ModelSnapshot[] = [];
  /** Vectors of dropped snapshots, for the next ones: this memory is too large to leave to the collector. */
  readonly #spare: Float32Array[] = [];
  #generation = 0;

  constructor(options: ModelLineOptions) {
    const { layout, initial, snapshotEvery = SNAPSHOT_EVERY, horizon = HORIZON } = options;
    assert(initial.length === layout.size, 'the initial model has the layout');
    assert(Number.isInteger(snapshotEvery) && snapshotEvery >= 1, 'snapshotEvery is a positive integer');
    assert(Number.isInteger(horizon) && horizon >= 1, 'the horizon is a positive integer');
    this.#options = options;
    this.#rule = generationRule(options.rule ?? 'mean');
    this.#every = snapshotEvery;
    this.#horizon = horizon;
    this.#model = new Float32Array(new SharedArrayBuffer(layout.size * 4));
    this.#momentum = new Float32Array(new SharedArrayBuffer(layout.size * 4));
    this.#scratch = new Float64Array(layout.size);
    this.adopt(0, initial, this.#momentum);
  }

  get generation(): number {
    return this.#generation;
  }

  model(): Float32Array {
    return this.#model;
  }

  momentum(): Float32Array {
    return this.#momentum;
  }

  floor(): number {
    return this.#snapshots[0].generation;
  }

  snapshotAtOrBelow(to: number): number {
    return to >= this.#generation ? this.#generation : this.#newestUpTo(to).generation;
  }

  snapshots(): readonly ModelSnapshot[] {
    return this.#snapshots;
  }

  rollback(to: number): number {
    if (to >= this.#generation) return this.#generation;
    const target = this.#newestUpTo(to);
    this.#model.set(target.model);
    this.#momentum.set(target.momentum);
    this.#generation = target.generation;
    this.#keepOnly(({ generation }) => generation <= target.generation);
    return target.generation;
  }

  apply(generation: number, parts: readonly GenerationPart[]): void {
    assert(generation === this.#generation + 1, 'generations are applied one after the other');
    const { codec, layout, outerMomentum, outerLearningRate } = this.#options;
    const state = { S: this.#model, m: this.#momentum, scratch: this.#scratch };
    if (parts.length > 0) {
      const by = { rule: this.#rule(generation), codec, layout };
      applyGeneration({ ...state, ...by, parts, outerMomentum, outerLearningRate });
    }
    this.#generation = generation;
    if (generation % this.#every === 0) this.#takeSnapshot();
  }

  adopt(generation: number, model: Float32Array, momentum: Float32Array): void {
    const { size } = this.#options.layout;
    assert(model.length === size && momentum.length === size, 'the adopted state has the layout');
    assert(Number.isSafeInteger(generation) && generation >= 0, 'a generation is a non-negative integer');
    this.#model.set(model);
    this.#momentum.set(momentum);
    this.#generation = generation;
    this.#keepOnly(() => false);
    this.#takeSnapshot();
  }

  #newestUpTo(to: number): ModelSnapshot {
    const found = this.#snapshots.findLast(({ generation }) => generation <= to);
    assert(found !== undefined, 'nothing below the floor can be reached');
    return found;
  }

  #takeSnapshot(): void {
    // Thin first, so that the new snapshot can have the memory of one that goes.
    const newest = this.#generation;
    const base = this.#snapshots.findLast(({ generation }) => generation <= newest - this.#horizon);
    const bottom = (base ?? this.#snapshots[0])?.generation;
    const recent = newest - this.#every * THINNING;
    this.#keepOnly(({ generation }) => {
      if (generation === bottom) return true;
      if (bottom !== undefined && generation < bottom) return false;
      return generation >= recent || generation % (this.#every * THINNING) === 0;
    });
    this.#snapshots.push({
      generation: newest,
      model: this.#copy(this.#model),
      momentum: this.#copy(this.#momentum),
    });
  }

  #copy(source: Float32Array): Float32Array {
    const copy = this.#spare.pop() ?? new Float32Array(new SharedArrayBuffer(source.byteLength));
    copy.set(source);
    return copy;
  }

  #keepOnly(wanted: (snapshot: ModelSnapshot) => boolean): void {
    for (const { model, momentum } of this.#snapshots.filter((snapshot) => !wanted(snapshot))) {
      this.#spare.push(model, momentum);
    }
    this.#snapshots = this.#snapshots.filter(wanted);
  }
}
