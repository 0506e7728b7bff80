// The fusion of many simulated peers over one store of states. A state is a function of the one before it and of the parts
// that were applied, so peers with the same history hold the very same arrays, and a thousand of them compute a
// generation once. One reuse in a hundred is put aside for a checker, which computes it again from that peer's own parts.
import assert from 'node:assert/strict';
import {
  applyGeneration,
  type Codec,
  type GenerationPart,
  generationRule,
  type ModelLayout,
} from '../fusion/index.ts';
import {
  answering,
  type FusedGeneration,
  type Fusion,
  type FusionPart,
  generationParts,
  type Hash,
  type PortEvent,
} from '../protocols/index.ts';
import { DecodedOnce } from './decoded-once.ts';
import { freeze } from './frozen.ts';
import { hashesOf, hashOfText } from './hash.ts';

interface Vectors {
  readonly values: Float32Array;
  readonly momentum: Float32Array;
}

/** S and m of one generation. Nobody writes to them. */
export class SharedState implements FusedGeneration {
  readonly generation: number;
  readonly model: Hash;
  readonly state: Hash;
  #vectors: Vectors | undefined;
  /** Works them out; `undefined`: they stay. */
  #recipe: (() => Vectors) | undefined;

  constructor(generation: number, vectors: Vectors, recipe?: () => Vectors) {
    this.generation = generation;
    [this.model, this.state] = hashesOf(bytesOf(vectors.values), bytesOf(vectors.momentum));
    this.#recipe = recipe;
    this.#vectors = this.#frozen(vectors);
  }

  get values(): Float32Array {
    return this.#found().values;
  }

  get momentum(): Float32Array {
    return this.#found().momentum;
  }

  /** It can be worked out again. */
  get isLone(): boolean {
    return this.#recipe !== undefined;
  }

  /** For good. */
  stay(): void {
    this.#vectors = this.#found();
    this.#recipe = undefined;
  }

  /** From now on they are worked out anew for each who asks. */
  drop(): void {
    if (this.isLone) this.#vectors = undefined;
  }

  #found(): Vectors {
    if (this.#vectors !== undefined) return this.#vectors;
    assert(this.#recipe !== undefined, 'what cannot be worked out again stays');
    return this.#frozen(this.#recipe());
  }

  #frozen(vectors: Vectors): Vectors {
    freeze(vectors.values, () => this.values);
    freeze(vectors.momentum, () => this.momentum);
    return vectors;
  }
}

/** One state that was taken from the store in place of being computed. */
export interface Reuse {
  readonly before: SharedState;
  readonly parts: readonly FusionPart[];
  readonly after: SharedState;
}

export interface SharedStatesOptions {
  readonly layout: ModelLayout;
  readonly codec: Codec;
  readonly outerMomentum: number;
  readonly outerLearningRate: number;
  readonly rule: string;
  readonly initial: Float32Array;
}

/** States that no peer stands at stay for this many bytes: some peer may come by later. */
const KEPT_BYTES = 24 * 2 ** 20;
/** In a mesh whose members do not know one another yet each goes on with a state of its own, until the records of all have
 * come: vectors of such states are kept for this many bytes, and worked out again for whoever still needs them. */
const LONE_BYTES = 16 * 2 ** 20;
const SAMPLED_EVERY = 100;
/** Reuses waiting to be looked at; a checker comes by long before. */
const SAMPLES_MAX = 1_000;

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

export class SharedStates {
  readonly options: SharedStatesOptions;
  /** Generation 0. */
  readonly initial: SharedState;
  readonly #scratch: Float64Array;
  readonly #rule: ReturnType<typeof generationRule>;
  readonly #decoded: DecodedOnce;
  /** By what they follow from; the longest unused first. */
  readonly #known = new Map<string, SharedState>();
  readonly #knownMax: number;
  /** The newest last. */
  #lone: SharedState[] = [];
  readonly #loneMax: number;
  /** No entry of the initial state is −0. */
  readonly #startsPlain: boolean;
  #reuses = 0;
  #samples: Reuse[] = [];

  constructor(options: SharedStatesOptions) {
    this.options = options;
    this.#rule = generationRule(options.rule);
    const { size } = options.layout;
    this.#scratch = new Float64Array(size);
    this.#decoded = new DecodedOnce(options.codec, options.layout);
    this.#knownMax = Math.max(16, Math.floor(KEPT_BYTES / (8 * size)));
    this.#loneMax = Math.max(4, Math.floor(LONE_BYTES / (8 * size)));
    this.#startsPlain = !options.initial.some((value) => Object.is(value, -0));
    this.initial = this.adopt(0, options.initial, new Float32Array(size));
  }

  /** Reuses put aside since the last call. */
  takeSamples(): readonly Reuse[] {
    const samples = this.#samples;
    this.#samples = [];
    return samples;
  }

  /** A state from outside: the initial one, or one copied from another peer. The vectors are its own from now on. */
  adopt(generation: number, values: Float32Array, momentum: Float32Array): SharedState {
    if (generation === 0 && values === this.initial?.values) return this.initial;
    const state = new SharedState(generation, { values, momentum });
    return this.#find(`${generation} ${state.state}`, () => state).state;
  }

  /** The state after one generation more, of these parts in this order. */
  apply(before: SharedState, generation: number, parts: readonly FusionPart[]): SharedState {
    assert(generation === before.generation + 1, 'generations are applied one after the other');
    const key = `${generation} ${before.state} ${hashOfText(idsOf(parts))}`;
    const { state: after, isNew } = this.#find(key, () => this.#applied(before, parts));
    if (isNew) return after;
    after.stay();
    this.#reuses += 1;
    if (this.#reuses % SAMPLED_EVERY === 0 && this.#samples.length < SAMPLES_MAX) {
      this.#samples.push({ before, parts, after });
    }
    return after;
  }

  /** The same, always computed, and with the codec itself. */
  compute(before: SharedState, parts: readonly FusionPart[], codec: Codec = this.options.codec): SharedState {
    const vectors = this.#vectorsAfter(before, generationParts(parts), { codec });
    return new SharedState(before.generation + 1, vectors);
  }

  #applied(before: SharedState, parts: readonly FusionPart[]): SharedState {
    // From generation 0 on most entries stay as they are: nothing has momentum yet.
    const isStart = before === this.initial && this.#startsPlain;
    const own = this.#withoutMeshCodec(parts);
    const isPlain = isStart && own.every(({ codec }) => codec === undefined);
    const places = (): Uint32Array | undefined => (isPlain ? this.#decoded.placesOf(own) : undefined);
    const work = (): Vectors => this.#vectorsAfter(before, own, { codec: this.#decoded, places: places() });
    // One step back only: no chain of states holds its whole past.
    if (before.isLone || parts.length === 0) return new SharedState(before.generation + 1, work());
    const state = new SharedState(before.generation + 1, work(), work);
    this.#lone = [...this.#lone, state].filter(({ isLone }) => isLone);
    for (const oldest of this.#lone.splice(0, Math.max(0, this.#lone.length - this.#loneMax))) oldest.drop();
    return state;
  }

  /** Parts of the mesh's codec are decoded once for all; models from elsewhere are few, and dense. */
  #withoutMeshCodec(parts: readonly FusionPart[]): readonly GenerationPart[] {
    const { name } = this.options.codec;
    return generationParts(parts.map((part) => (part.codec === name ? { ...part, codec: undefined } : part)));
  }

  #vectorsAfter(
    before: SharedState,
    parts: readonly GenerationPart[],
    by: { readonly codec: Codec; readonly places?: Uint32Array | undefined },
  ): Vectors {
    const { layout, outerMomentum, outerLearningRate } = this.options;
    const S = before.values.slice();
    const m = before.momentum.slice();
    if (parts.length > 0) {
      const scratch = this.#scratch;
      const how = { rule: this.#rule(before.generation + 1), layout, outerMomentum, outerLearningRate };
      applyGeneration({ S, m, scratch, parts, ...by, ...how });
    }
    return { values: S, momentum: m };
  }

  #find(key: string, make: () => SharedState): { readonly state: SharedState; readonly isNew: boolean } {
    const known = this.#known.get(key);
    const state = known ?? make();
    this.#known.delete(key);
    this.#known.set(key, state);
    if (this.#known.size > this.#knownMax) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest);
    }
    return { state, isNew: known === undefined };
  }
}

const idsOf = (parts: readonly FusionPart[]): string =>
  parts.map(({ id, samples }) => `${id} ${samples}`).join();

export interface SharedFusionOptions {
  readonly states: SharedStates;
  readonly horizon: number;
  /** Runs it later, never at once, in the order of the calls. */
  readonly defer: (run: () => void) => void;
  readonly deliver: (event: PortEvent) => void;
}

/** As in a model line of fusion/: every fourth state is kept to roll back to, and of the older ones every fourth again. */
const KEPT_EVERY = 4;
const THINNING = 4;

/** One peer's fusion. */
export function createSharedFusion(options: SharedFusionOptions): Fusion {
  const { states, horizon, defer, deliver } = options;
  let at = states.initial;
  let kept: readonly SharedState[] = [at];
  const told = ({ generation, model, state }: SharedState): FusedGeneration => ({ generation, model, state });
  const answer = answering({ defer, deliver });
  const newestUpTo = (generation: number): SharedState | undefined =>
    kept.findLast((state) => state.generation <= generation);
  const stepTo = (next: SharedState): FusedGeneration => {
    at = next;
    if (next.generation % KEPT_EVERY === 0) kept = thinned([...kept, next], horizon);
    return told(next);
  };
  return {
    fuse: ({ ticket, rollbackTo, generations }) =>
      answer(ticket, () => {
        if (rollbackTo < at.generation) {
          const base = newestUpTo(rollbackTo);
          assert(base !== undefined, 'nothing below the oldest copy can be reached');
          at = base;
          kept = kept.filter(({ generation }) => generation <= base.generation);
        }
        return generations.map(({ generation, parts }) => stepTo(states.apply(at, generation, parts)));
      }),
    adopt(generation, model, momentum, ticket) {
      // Every peer begins at the same one, which nobody writes to.
      const isInitial = generation === 0 && model === states.initial.values;
      const [S, m] = isInitial ? [model, momentum] : [model.slice(), momentum.slice()];
      answer(ticket, () => {
        at = states.adopt(generation, S, m);
        kept = [at];
        return [told(at)];
      });
    },
    model: () => at.values,
    momentum: () => at.momentum,
    snapshotAtOrBelow: (generation) =>
      generation >= at.generation ? at.generation : newestUpTo(generation)?.generation,
    snapshot: (generation) => {
      const found = kept.find((state) => state.generation === generation);
      return found && { model: found.values, momentum: found.momentum };
    },
  };
}

/** The last four, then every fourth of them, and the newest that is a horizon old. */
function thinned(states: readonly SharedState[], horizon: number): readonly SharedState[] {
  const newest = states[states.length - 1].generation;
  const base = states.findLast(({ generation }) => generation <= newest - horizon) ?? states[0];
  return states.filter(
    ({ generation }) =>
      generation === base.generation ||
      (generation > base.generation &&
        (generation >= newest - KEPT_EVERY * THINNING || generation % (KEPT_EVERY * THINNING) === 0)),
  );
}
