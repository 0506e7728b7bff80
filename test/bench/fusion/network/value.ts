// What the layers of a benchmark network share: feature maps in one WebAssembly memory and the two passes over them. It knows
// no layer.
import type { Kernels } from '../../../../learning/kernels/module.ts';

/** One sample's map, channels last; a vector has height and width 1. */
export interface MapShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A map and its gradient, [samples, height, width, channels] each, by their addresses. */
export interface Value {
  readonly shape: MapShape;
  readonly at: number;
  /** Every reader adds to it. */
  readonly gradientAt: number;
  /** Steps that have to run before it is there. */
  readonly steps: number;
}

/** The memory once it is there. */
export interface Room {
  readonly kernels: Kernels;
  /** Addresses of the flat model and of its gradient. */
  readonly weightsAt: number;
  readonly gradientAt: number;
  /** Adam's first and second moments, as long as the model. */
  readonly momentsAt: readonly [number, number];
  /** Room of any step for the time of one pass. */
  readonly scratchAt: number;
  readonly panelsAt: number;
  floats(at: number, length: number): Float32Array;
}

export interface Step {
  forward(samples: number, isTraining: boolean): void;
  /** After a forward pass of training; gradients of outputs are there, those of inputs are added to. */
  backward(samples: number): void;
}

export function sizeOf({ height, width, channels }: MapShape): number {
  return height * width * channels;
}

/** As one vector; the same memory. */
export function flat(value: Value): Value {
  return { ...value, shape: { height: 1, width: 1, channels: sizeOf(value.shape) } };
}
