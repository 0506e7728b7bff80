// What the fusion thread and its host say to one another. Vectors are on shared memory: they are posted once and
// read in place.
import type { DenseSpec } from '../fusion/index.ts';
import type { FusedGeneration, FusionPlan, Ticket } from '../protocols/index.ts';

export interface FusionSettings {
  readonly model: DenseSpec;
  readonly initialSeed: string;
  readonly codec: string;
  readonly rule: string;
  readonly outerMomentum: number;
  readonly outerLearningRate: number;
  readonly horizon: number;
}

export type FusionRequest =
  | { readonly kind: 'fuse'; readonly plan: FusionPlan }
  | {
      readonly kind: 'adopt';
      readonly ticket: Ticket;
      readonly generation: number;
      readonly model: Float32Array;
      readonly momentum: Float32Array;
    };

export interface SharedSnapshot {
  readonly generation: number;
  readonly model: Float32Array;
  readonly momentum: Float32Array;
}

export interface FusionAnswer {
  readonly ticket: Ticket;
  readonly generations: readonly FusedGeneration[] | undefined;
  readonly error: string | undefined;
  /** Where S and m of the newest generation lie, and those of the snapshots, ascending. */
  readonly head: SharedSnapshot;
  readonly snapshots: readonly SharedSnapshot[];
}
