// Accuracy of models by their digest: equal digests are equal bytes, so each is evaluated once however many nodes
// hold it. It knows neither how a model is fetched nor how it is evaluated.

export interface Score {
  readonly accuracy: number;
  readonly loss: number;
}

export interface ScoresPorts {
  /** The weights behind a digest, or `undefined` when nobody has them any more. */
  readonly fetch: (digest: string) => Promise<Float32Array | undefined>;
  readonly evaluate: (weights: Float32Array) => Promise<Score>;
  readonly onScore: (digest: string) => void;
}

export class Scores {
  readonly #ports: ScoresPorts;
  readonly #scores = new Map<string, Score>();
  /** Digests that are being fetched or wait for the evaluation. */
  readonly #pending = new Set<string>();
  readonly #fetches = new Map<string, Promise<unknown>>();
  #queue: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(ports: ScoresPorts) {
    this.#ports = ports;
  }

  get(digest: string | undefined): Score | undefined {
    return digest === undefined ? undefined : this.#scores.get(digest);
  }

  /** Whether this digest is still on its way. */
  isPending(digest: string): boolean {
    return this.#pending.has(digest);
  }

  /**
   * Fetches at once, for nodes move on, and evaluates in turn. What is only nice to know is left out while
   * anything else is on its way: nodes may be faster than the evaluation.
   */
  want(digest: string, options: { readonly niceToKnow?: boolean } = {}): void {
    if (this.#scores.has(digest) || this.#pending.has(digest)) return;
    if (options.niceToKnow === true && this.#pending.size > 0) return;
    this.#pending.add(digest);
    const fetched = this.#ports.fetch(digest).catch(() => undefined);
    this.#fetches.set(digest, fetched);
    fetched.finally(() => this.#fetches.delete(digest));
    this.#queue = this.#queue.then(async () => {
      try {
        const weights = await fetched;
        if (weights === undefined) return;
        this.#scores.set(digest, await this.#ports.evaluate(weights));
      } catch (error) {
        this.#failure ??= error;
      } finally {
        this.#pending.delete(digest);
        this.#ports.onScore(digest);
      }
    });
  }

  /** Settles when all models that were wanted are here, evaluated or not. */
  async fetched(): Promise<void> {
    await Promise.all(this.#fetches.values());
  }

  /**
   * Settles when everything that was wanted until now is evaluated; what is wanted later is not waited for.
   * @throws the first failure of the evaluation, if there was one
   */
  async drain(): Promise<void> {
    await this.#queue;
    if (this.#failure !== undefined) throw this.#failure;
  }
}
