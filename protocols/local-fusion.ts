// The fusion port over a model line in this process: fuses when it is told to. Hosts whose models are large run
// it on another thread. The answer goes to `deliver`, which must not call back into the machine at once.
import { type Codec, createModelLine, type ModelLayout, type ModelLine } from '../fusion/index.ts';
import type { FusedGeneration, Fusion, FusionPlan, PortEvent, Signer, Ticket } from './ports.ts';

export interface LocalFusionOptions {
  readonly layout: ModelLayout;
  readonly initial: Float32Array;
  readonly codec: Codec;
  readonly outerMomentum: number;
  readonly outerLearningRate: number;
  readonly horizon: number;
  readonly hash: Signer['hash'];
  readonly deliver: (event: PortEvent) => void;
}

export function createLocalFusion(options: LocalFusionOptions): Fusion {
  return new LocalFusion(options);
}

class LocalFusion implements Fusion {
  readonly #options: LocalFusionOptions;
  readonly #line: ModelLine;

  constructor(options: LocalFusionOptions) {
    this.#options = options;
    this.#line = createModelLine(options);
  }

  fuse(plan: FusionPlan): void {
    try {
      this.#line.rollback(plan.rollbackTo);
      const generations: FusedGeneration[] = [];
      for (const { generation, parts } of plan.generations) {
        this.#line.apply(generation, parts);
        generations.push(this.#digest(generation));
      }
      this.#options.deliver({ kind: 'fused', ticket: plan.ticket, generations });
    } catch (error) {
      this.#options.deliver({ kind: 'failed', ticket: plan.ticket, error: String(error) });
    }
  }

  adopt(generation: number, model: Float32Array, momentum: Float32Array, ticket: Ticket): void {
    this.#line.adopt(generation, model, momentum);
    this.#options.deliver({ kind: 'fused', ticket, generations: [this.#digest(generation)] });
  }

  model(): Float32Array {
    return this.#line.model();
  }

  momentum(): Float32Array {
    return this.#line.momentum();
  }

  snapshotAtOrBelow(generation: number): number | undefined {
    return generation < this.#line.floor() ? undefined : this.#line.snapshotAtOrBelow(generation);
  }

  snapshot(
    generation: number,
  ): { readonly model: Float32Array; readonly momentum: Float32Array } | undefined {
    return this.#line.snapshot(generation);
  }

  #digest(generation: number): FusedGeneration {
    const { hash } = this.#options;
    const model = bytesOf(this.#line.model());
    return { generation, model: hash(model), state: hash(model, bytesOf(this.#line.momentum())) };
  }
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
