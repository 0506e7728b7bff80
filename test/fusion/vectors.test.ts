// The published numbers, computed by an implementation in another language: whoever gets these bytes can join a mesh.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  applyGeneration,
  codecNamed,
  createRandom,
  denseSpecSchema,
  initialWeights,
  layoutOf,
  type Random,
  restoreRandom,
} from '../../fusion/index.ts';
import { fromHex, toHex } from './hex.ts';

interface Vectors {
  random: { seed: string; forks: string[]; words: number[]; stateAfter: string }[];
  spec: unknown;
  initialWeights: { seed: string; weights: string }[];
  lines: {
    codec: string;
    outerMomentum: number;
    outerLearningRate: number;
    S: string;
    m: string;
    generations: {
      parts: { samples: number; delta: string; rounding: string; payload: string }[];
      S: string;
      m: string;
    }[];
  }[];
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../vectors/generation.vectors.json', import.meta.url), 'utf8'),
);
const spec = denseSpecSchema.parse(vectors.spec);
const layout = layoutOf(spec);

describe('the published vectors', () => {
  for (const { seed, forks, words, stateAfter } of vectors.random) {
    it(`give the words of the stream ${JSON.stringify([seed, ...forks])}`, () => {
      const random = forks.reduce<Random>((stream, name) => stream.fork(name), createRandom(seed));
      assert.deepEqual(
        words.map(() => random.uint32()),
        words,
      );
      assert.equal(toHex(random.state()), stateAfter);
    });
  }

  for (const { seed, weights } of vectors.initialWeights) {
    it(`give the initial weights of the seed ${JSON.stringify(seed)}`, () => {
      assert.equal(toHex(initialWeights(spec, seed)), weights);
    });
  }

  for (const line of vectors.lines) {
    const { codec: name, outerMomentum, outerLearningRate } = line;
    it(`give payloads and three generations with ${name}, μ ${outerMomentum}, η ${outerLearningRate}`, () => {
      const codec = codecNamed(name);
      assert(codec !== undefined);
      const S = floats(line.S);
      const m = floats(line.m);
      const scratch = new Float64Array(layout.size);
      for (const generation of line.generations) {
        for (const { delta, rounding, payload } of generation.parts) {
          const encoded = codec.encode(floats(delta), layout, restoreRandom(fromHex(rounding)));
          assert.equal(toHex(encoded), payload);
          assert.equal(codec.check(encoded, layout), undefined);
        }
        const parts = generation.parts.map(({ samples, payload }) => ({
          samples,
          payload: fromHex(payload),
        }));
        applyGeneration({ S, m, parts, codec, layout, outerMomentum, outerLearningRate, scratch });
        assert.equal(toHex(S), generation.S);
        assert.equal(toHex(m), generation.m);
      }
    });
  }
});

function floats(hex: string): Float32Array {
  return new Float32Array(fromHex(hex).buffer);
}
