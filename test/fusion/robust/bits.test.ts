// The bits that every machine must get. They were taken from this code after it agreed with the slow rules and with byzfl; a
// change of them is a change of what meshes agree on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fuse, robustMeanNamed, type UpdateSet } from '../../../fusion/robust/index.ts';
import { agreeing } from './update-sets.ts';

const file = new URL('./robust-means.vectors.json', import.meta.url);
const vectors: Readonly<Record<string, { readonly dense: string; readonly sparse: string }>> = JSON.parse(
  readFileSync(file, 'utf8'),
);

const drawn = agreeing({ count: 11, size: 30, seed: 'bits' });
const dense: UpdateSet = {
  size: 30,
  updates: drawn.map((values, i) => ({ values: values.map((value) => value * (1 + i)), weight: 100 + i })),
};
const sparse: UpdateSet = {
  size: 30,
  updates: dense.updates.map(({ values, weight }, i) => {
    const places = Uint32Array.from(values.keys()).filter((place) => (place * 7 + i) % 5 < 3);
    return { places, values: Float32Array.from(places, (place) => values[place]), weight };
  }),
};

function bitsOf(set: UpdateSet, name: string): string {
  const reference = { values: drawn[0] };
  const { values } = fuse(set, robustMeanNamed(name), { seed: 'bits', reference }).change;
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  for (const [i, value] of values.entries()) bytes.setFloat32(4 * i, value, true);
  return Buffer.from(bytes.buffer).toString('hex');
}

describe('the bits of a robust mean', () => {
  for (const [name, expected] of Object.entries(vectors)) {
    it(`${name} are the same everywhere`, () => {
      assert.deepEqual({ dense: bitsOf(dense, name), sparse: bitsOf(sparse, name) }, expected);
    });
  }
});
