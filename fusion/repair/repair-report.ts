// What was done to the statistics of a merged model, layer by layer, so that no merge is silent about it.

export interface RepairedLayer {
  readonly name: string;
  /** Whether its statistics were put right. */
  readonly isRepaired: boolean;
  /** Why not, or what could not be done for some units; absent where there is nothing to say. */
  readonly note?: string;
  /** Factors on the spread of the units: smallest and largest; absent where nothing was scaled. */
  readonly scaleMin?: number;
  readonly scaleMax?: number;
}

export interface RepairReport {
  readonly method: 'none' | 'batch-norm' | 'repair' | 'variance';
  /** One sentence: what was done, or that nothing was done and why. */
  readonly summary: string;
  readonly layers: readonly RepairedLayer[];
}

export interface Repaired {
  /** A new array; the merged weights that were handed in stay as they are. */
  readonly weights: Float32Array;
  readonly report: RepairReport;
}

/** `3 of 4 layers`. */
export function repairedCount(layers: readonly RepairedLayer[]): string {
  return `${layers.filter(({ isRepaired }) => isRepaired).length} of ${layers.length} layers`;
}
