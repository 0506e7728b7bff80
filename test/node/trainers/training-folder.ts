// A mesh as its trainer sees it: a hello and a folder with samples and weights. The node that would make them is left
// out, its file formats are not.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DenseSpec,
  decodeSafetensors,
  encodeSafetensors,
  layoutOf,
  type NamedTensor,
} from '../../../fusion/index.ts';
import type { Dataset, TrainingSettings } from '../../../learning/index.ts';
import { type Hello, PROTOCOL } from '../../../node/trainer/messages.ts';
import { sampleFilePieces } from '../../../node/trainer/sample-file.ts';

export interface TrainingMesh {
  readonly spec: DenseSpec;
  readonly settings: TrainingSettings;
  readonly scale: number;
  /** Absent: the trainer has samples of its own. */
  readonly data?: Dataset;
  readonly test?: Dataset;
}

export class TrainingFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'meldmesh-trainer-'));
  readonly hello: Hello;
  readonly #spec: DenseSpec;
  #id = 0;

  constructor({ spec, settings, scale, data, test }: TrainingMesh) {
    this.#spec = spec;
    for (const [name, samples] of [
      ['samples.safetensors', data],
      ['test.safetensors', test],
    ] as const) {
      if (samples !== undefined) this.writeFile(name, Buffer.concat(sampleFilePieces(samples)));
    }
    this.hello = {
      type: 'hello',
      protocol: PROTOCOL,
      meldmesh: '0.1.0',
      folder: this.path,
      seed: 'mesh',
      tensors: layoutOf(spec).tensors.map(({ name, shape }) => ({ name, dtype: 'float32', shape })),
      model: spec,
      data: { inputs: spec.inputs, classes: spec.layers[spec.layers.length - 1].units, scale },
      training: settings,
      samplesFile: data && 'samples.safetensors',
      testFile: test && 'test.safetensors',
    };
  }

  /** A question to train from these weights, which are written; `read` gives what the trainer made of them. */
  train(weights: Float32Array, round: { readonly steps: number; readonly seed?: string }) {
    const id = ++this.#id;
    const [from, result] = [`weights-${id}.safetensors`, `result-${id}.safetensors`];
    this.writeFile(from, encodeSafetensors(this.tensors(weights)));
    const { steps, seed = 'round' } = round;
    const question = { type: 'train', id, generation: 5, steps, seed, weights: from, result } as const;
    return { question, read: () => this.#readWeights(result) };
  }

  evaluate(weights: Float32Array) {
    const id = ++this.#id;
    const name = `weights-${id}.safetensors`;
    this.writeFile(name, encodeSafetensors(this.tensors(weights)));
    return { type: 'evaluate', id, weights: name } as const;
  }

  tensors(weights: Float32Array): NamedTensor[] {
    return layoutOf(this.#spec).tensors.map(({ name, shape, offset, size }) => ({
      name,
      shape,
      data: weights.subarray(offset, offset + size),
    }));
  }

  writeFile(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.path, name), bytes);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  #readWeights(name: string): Float32Array {
    const { tensors, size } = layoutOf(this.#spec);
    const limits = { tensorsMax: tensors.length, bytesMax: 2 ** 24 };
    const file = decodeSafetensors(readFileSync(join(this.path, name)), limits);
    assert(!('error' in file), 'error' in file ? file.error : '');
    const weights = new Float32Array(size);
    for (const { name: tensor, shape, offset } of tensors) {
      const found: NamedTensor | undefined = file.tensors.find((each) => each.name === tensor);
      assert(found !== undefined);
      assert.deepEqual(found.shape, shape);
      weights.set(found.data, offset);
    }
    return weights;
  }
}
