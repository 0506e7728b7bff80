// A benchmark network while it is put together, layer by layer: its tensors, its maps, and the steps that fill them. It does not
// know what a layer computes.
import assert from 'node:assert/strict';
import type { ModelLayout, TensorLayout } from '../../../../fusion/index.ts';
import { ArenaPlan } from '../../../../learning/kernels/arena.ts';
import { PANEL_FLOATS } from '../../../../learning/kernels/module.ts';
import { type MapShape, type Room, type Step, sizeOf, type Value } from './value.ts';

export interface BuiltNetwork {
  readonly layout: ModelLayout;
  readonly room: Room;
  readonly steps: readonly Step[];
  /** Every map of the network. */
  readonly values: readonly Value[];
}

export class NetworkDraft {
  readonly samplesMax: number;
  /** The images. */
  readonly input: Value;
  /** By the name of a permutation, where its units are read off. */
  readonly outputs = new Map<string, readonly Value[]>();
  /** By the name of a norm what goes into it, by that of another layer what goes into its activation. */
  readonly preActivations = new Map<string, readonly Value[]>();
  readonly #plan = new ArenaPlan();
  readonly #tensors: TensorLayout[] = [];
  readonly #steps: ((room: Room) => Step)[] = [];
  readonly #values: Value[] = [];
  #size = 0;
  #scratchFloats = 0;
  #deepest = 0;

  constructor(shape: MapShape, samplesMax: number) {
    this.samplesMax = samplesMax;
    this.input = this.#value(shape, 0);
  }

  /** The next tensor of the flat model. */
  tensor(name: string, shape: readonly number[]): TensorLayout {
    const size = shape.reduce((product, length) => product * length, 1);
    const tensor = { name, shape, offset: this.#size, size };
    this.#tensors.push(tensor);
    this.#size += size;
    return tensor;
  }

  /** Memory that is the layer's own. */
  floats(count: number): number {
    return this.#plan.add(4 * count);
  }

  /** What a step needs of the memory that all share. */
  share(needed: { readonly scratchFloats: number; readonly depth: number }): void {
    this.#scratchFloats = Math.max(this.#scratchFloats, needed.scratchFloats);
    this.#deepest = Math.max(this.#deepest, needed.depth);
  }

  /** A step of the network and the map that it fills. */
  step(shape: MapShape, open: (output: Value) => (room: Room) => Step): Value {
    const output = this.#value(shape, this.#steps.length + 1);
    this.#steps.push(open(output));
    return output;
  }

  /** The units of this permutation are the channels of that map; several maps where they share a stream. */
  read(permutation: string, value: Value): Value {
    this.outputs.set(permutation, [...(this.outputs.get(permutation) ?? []), value]);
    return value;
  }

  build(): BuiltNetwork {
    const [weightsAt, gradientAt] = [this.floats(this.#size), this.floats(this.#size)];
    const momentsAt = [this.floats(this.#size), this.floats(this.#size)] as const;
    const scratchAt = this.floats(this.#scratchFloats);
    const panelsAt = this.floats(PANEL_FLOATS * this.#deepest);
    const { kernels, buffer } = this.#plan.build();
    const floats = (at: number, length: number) => new Float32Array(buffer, at, length);
    const room = { kernels, weightsAt, gradientAt, momentsAt, scratchAt, panelsAt, floats };
    const names = new Set(this.#tensors.map(({ name }) => name));
    assert(names.size === this.#tensors.length, 'every tensor has a name of its own');
    return {
      layout: { tensors: this.#tensors, size: this.#size },
      room,
      steps: this.#steps.map((open) => open(room)),
      values: this.#values,
    };
  }

  #value(shape: MapShape, steps: number): Value {
    const floats = this.samplesMax * sizeOf(shape);
    const value = { shape, at: this.floats(floats), gradientAt: this.floats(floats), steps };
    this.#values.push(value);
    return value;
  }
}
