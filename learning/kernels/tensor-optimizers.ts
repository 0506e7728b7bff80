// Optimisers of TensorFlow.js that change weights and their own state in place, in one pass, on the WASM backend with our
// kernels. The stock ones make a new tensor of each operation: seven passes over the weights for momentum, fifteen for Adam.
import * as tf from '@tensorflow/tfjs-core';
import type { TensorMemory } from './tensor-memory.ts';

type NamedTensor = Awaited<ReturnType<tf.Optimizer['getWeights']>>[number];
type Gradients = Parameters<tf.Optimizer['applyGradients']>[0];

/** What both share: state variables of each weight, and the way to their memory. */
abstract class InPlaceOptimizer extends tf.Optimizer {
  protected readonly memory: TensorMemory;
  readonly #slots: readonly string[];
  /** By the weight's name, in the order of the slots. */
  readonly #state = new Map<string, tf.Variable[]>();

  constructor(memory: TensorMemory, slots: readonly string[]) {
    super();
    this.memory = memory;
    this.#slots = slots;
  }

  /** Addresses of the weights, of their state in the order of the slots, and of the gradient; and how many values. */
  protected abstract update(values: {
    readonly weights: number;
    readonly state: readonly number[];
    readonly gradient: number;
    readonly count: number;
  }): void;

  override applyGradients(gradients: Gradients): void {
    const named = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    this.incrementIterations();
    for (const { name, tensor } of named) {
      const weights = tf.engine().registeredVariables[name];
      const state = this.#stateOf(weights);
      this.update({
        weights: this.#ownAddress(weights),
        state: state.map((each) => this.#ownAddress(each)),
        gradient: this.memory.address(tensor),
        count: weights.size,
      });
    }
  }

  #stateOf(weights: tf.Variable): tf.Variable[] {
    const known = this.#state.get(weights.name);
    if (known !== undefined) return known;
    const state = this.#slots.map(() => tf.tidy(() => tf.variable(tf.zeros(weights.shape), false)));
    this.#state.set(weights.name, state);
    return state;
  }

  /** Other tensors may share a variable's values and must not change with them: then it gets a copy. */
  #ownAddress(variable: tf.Variable): number {
    if (this.memory.backend.refCount(variable.dataId) > 1) {
      const copy = tf.tensor(variable.dataSync().slice(), variable.shape, 'float32');
      variable.assign(copy);
      copy.dispose();
    }
    return this.memory.address(variable);
  }

  override dispose(): void {
    for (const variables of this.#state.values()) tf.dispose(variables);
    this.#state.clear();
    super.dispose();
  }

  override async getWeights(): Promise<NamedTensor[]> {
    const state = [...this.#state].flatMap(([name, variables]) =>
      variables.map((tensor, slot) => ({ name: `${name}/${this.#slots[slot]}`, tensor })),
    );
    return [await this.saveIterations(), ...state];
  }

  override async setWeights(saved: NamedTensor[]): Promise<void> {
    const state = await this.extractIterations(saved);
    for (const variables of this.#state.values()) tf.dispose(variables);
    this.#state.clear();
    for (let at = 0; at < state.length; at += this.#slots.length) {
      const own = state.slice(at, at + this.#slots.length);
      const name = own[0].name.slice(0, -this.#slots[0].length - 1);
      this.#state.set(
        name,
        own.map(({ tensor }) => tf.variable(tensor.clone(), false)),
      );
    }
  }
}

/** Classical momentum: v ← μv + g, w ← w − lr·v; without momentum plain gradient descent. */
export class InPlaceSgd extends InPlaceOptimizer {
  static readonly className = 'MeldmeshSgd';
  readonly #learningRate: number;
  readonly #momentum: number;

  constructor(memory: TensorMemory, options: { readonly learningRate: number; readonly momentum?: number }) {
    super(memory, (options.momentum ?? 0) === 0 ? [] : ['momentum']);
    this.#learningRate = options.learningRate;
    this.#momentum = options.momentum ?? 0;
  }

  protected override update({
    weights,
    state,
    gradient,
    count,
  }: Parameters<InPlaceOptimizer['update']>[0]): void {
    this.memory.kernels.sgd(weights, state[0] ?? 0, gradient, count, this.#learningRate, this.#momentum);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { learningRate: this.#learningRate, momentum: this.#momentum };
  }
}

/** Adam (Kingma and Ba 2015, algorithm 1). */
export class InPlaceAdam extends InPlaceOptimizer {
  static readonly className = 'MeldmeshAdam';
  readonly #options: {
    readonly learningRate: number;
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
  };

  constructor(
    memory: TensorMemory,
    options: {
      readonly learningRate: number;
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
    },
  ) {
    super(memory, ['first', 'second']);
    const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
    this.#options = { learningRate, beta1, beta2, epsilon };
  }

  protected override update({
    weights,
    state,
    gradient,
    count,
  }: Parameters<InPlaceOptimizer['update']>[0]): void {
    const { learningRate, beta1, beta2, epsilon } = this.#options;
    const [correction1, correction2] = [beta1, beta2].map((beta) => 1 - beta ** this.iterations);
    const [first, second] = state;
    const { adam } = this.memory.kernels;
    adam(
      weights,
      first,
      second,
      gradient,
      count,
      learningRate,
      beta1,
      beta2,
      epsilon,
      correction1,
      correction2,
    );
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...this.#options };
  }
}
