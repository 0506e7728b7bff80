import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { inferSpec } from '../../../fusion/symmetry/infer.ts';
import { readSpecFile, writeSpecFile } from '../../../fusion/symmetry/spec-file.ts';
import { randomCases } from './support/random-spec.ts';
import { refusesSpec } from './support/refusal.ts';
import { layoutOfShapes } from './support/tiny-model.ts';
import { LLAMA } from './support/transformers.ts';

const layout = layoutOfShapes({ a: [4, 2], b: [4] });
const axes = [
  { tensor: 'a', axis: 0 },
  { tensor: 'b', axis: 0, start: 0, repeats: 2, block: 1, isStatistic: true },
];
const file = { version: 1, permutations: [{ name: 'p', size: 2, axes }], untouched: [] };
const read = (content: unknown) => () => readSpecFile(JSON.stringify(content), layout);
const withAxis = (extra: object) =>
  read({
    ...file,
    permutations: [{ name: 'p', size: 2, axes: [{ tensor: 'a', axis: 0, ...extra }] }],
    untouched: ['b'],
  });

describe('a spec file', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(randomCases, (each) => {
        assert.deepEqual(readSpecFile(writeSpecFile(each.spec), each.layout), each.spec);
      }),
      { seed: 7, numRuns: 50 },
    );
    const llama = layoutOfShapes(LLAMA.shapes);
    const { spec } = inferSpec(llama, { heads: 4 });
    assert.deepEqual(readSpecFile(writeSpecFile(spec), llama), spec);
  });

  it('is the spec as it stands, with a version', () => {
    assert.deepEqual(read(file)(), { permutations: file.permutations, untouched: [] });
    assert.deepEqual(JSON.parse(writeSpecFile(read(file)())), file);
  });

  it('is what the documentation shows', () => {
    const page = readFileSync(new URL('../../../docs/symmetries.md', import.meta.url), 'utf8');
    const [, example] = /```json\n([^`]*)```/.exec(page) ?? [];
    const shapes = {
      'conv1.weight': [8, 3, 3, 3],
      'bn1.weight': [8],
      'bn1.running_mean': [8],
      'conv2.weight': [16, 8, 3, 3],
      'fc.weight': [10, 32],
      'fc.bias': [10],
    };
    assert.equal(readSpecFile(example, layoutOfShapes(shapes)).permutations.length, 2);
  });

  it('is refused where it is no JSON or of another form', () => {
    refusesSpec(() => readSpecFile('{', layout), /is not JSON/);
    refusesSpec(read([]), /wrong form/);
    refusesSpec(read({ ...file, version: 2 }), /version/);
    refusesSpec(read({ ...file, more: 1 }), /more/);
    refusesSpec(read({ ...file, untouched: undefined }), /untouched/);
    refusesSpec(withAxis({ stride: 1 }), /permutations\.0\.axes\.0: .*stride/);
    refusesSpec(withAxis({ block: '2' }), /axes\.0\.block/);
  });

  it('is refused where it does not fit the model', () => {
    refusesSpec(read({ ...file, permutations: [] }), /no permutation moves tensor "a", "b"/);
    refusesSpec(withAxis({ start: 3 }), /reaches entry 5/);
  });

  it('of a stranger has numbers within reason', () => {
    for (const extra of [{ axis: 16 }, { start: -1 }, { block: 0 }, { repeats: 2 ** 29 }, { start: 1e300 }])
      refusesSpec(withAxis(extra), /wrong form.*axes\.0/);
    const huge = { ...file, permutations: [{ name: 'p', size: 2 ** 40, axes: [] }] };
    refusesSpec(read(huge), /permutations\.0\.size/);
    refusesSpec(read({ ...file, untouched: ['x'.repeat(2_000)] }), /untouched\.0/);
    refusesSpec(() => readSpecFile(' '.repeat(2 ** 24 + 1), layout), /longer than/);
  });
});
