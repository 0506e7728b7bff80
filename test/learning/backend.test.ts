// Which backend is started, and what the user hears of the others. In place of the optional package of `node` stand
// small ones that fail in the ways that it can.
import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import * as util from 'node:util';
import { parseModelName } from '../../fusion/index.ts';
import { checkOldCalls } from '../../learning/backend.ts';
import { LearningError, openTrainer } from '../../learning/index.ts';

const spec = parseModelName('mlp:3', { inputs: 2, classes: 2 }) ?? assert.fail('no such model');
const open = (backend: 'auto' | 'node') => openTrainer({ spec, scale: 1, backend });

/** Runs `act` while @tensorflow/tfjs-node is this module; `undefined`: while it is not installed. */
async function withPackage<T>(text: string | undefined, act: () => Promise<T>): Promise<T> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== '@tensorflow/tfjs-node') return next(specifier, context);
      if (text === undefined) return next('@tensorflow/not-installed', context);
      return { url: `data:text/javascript,${encodeURIComponent(text)}`, shortCircuit: true };
    },
  });
  try {
    return await act();
  } finally {
    hooks.deregister();
  }
}

const isRefusal = (text: RegExp) => (error: unknown) =>
  error instanceof LearningError && error.code === 'MELDMESH_LEARNING_BACKEND' && text.test(error.message);

describe('the choice of a backend', () => {
  it('is wasm where the optional package is not installed, without a word', async () => {
    await withPackage(undefined, async () => {
      const { backend, notes } = await open('auto');
      assert.deepEqual([backend, notes], ['wasm', []]);
      await assert.rejects(open('node'), isRefusal(/the backend node does not start: Cannot find package/));
    });
  });

  for (const [fault, text] of [
    [
      'its binding',
      'throw new Error("The Node.js native addon module (tfjs_binding.node) can not be found");',
    ],
    ['libtensorflow', 'throw Object.assign(new Error("cannot open"), { code: "ERR_DLOPEN_FAILED" });'],
  ]) {
    it(`names the set-up where the package lacks ${fault}`, async () => {
      await withPackage(text, async () => {
        const { backend, notes } = await open('auto');
        assert.equal(backend, 'wasm');
        assert.match(notes.join('\n'), /^node does not start: .* missing; run `npm run setup:tfjs-node`$/);
        await assert.rejects(open('node'), isRefusal(/npm run setup:tfjs-node/));
      });
    });
  }

  it('passes on what else keeps the package from loading', async () => {
    await withPackage('throw new Error("no memory\\nat all");', async () => {
      assert.deepEqual((await open('auto')).notes, ['node does not start: no memory']);
    });
  });

  it('refuses libtensorflow on a Node that is too new for its package', () => {
    checkOldCalls(util);
    assert.throws(() => checkOldCalls({ isDeepStrictEqual: util.isDeepStrictEqual }), /works up to Node 22/);
  });
});
