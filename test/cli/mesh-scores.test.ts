import assert from 'node:assert/strict';
import { Scores } from '../../cli/mesh/scores.ts';

const score = { accuracy: 0.9, loss: 0.3 };

describe('the scores of models', () => {
  it('evaluate each digest once, in the order in which they were wanted', async () => {
    const evaluated: number[] = [];
    const scores = new Scores({
      fetch: async (digest) => Float32Array.of(Number(digest)),
      evaluate: async (weights) => {
        evaluated.push(weights[0]);
        return score;
      },
      onScore: () => undefined,
    });
    for (const digest of ['3', '1', '3', '2', '1']) scores.want(digest);
    assert.equal(scores.isPending('2'), true);
    await scores.drain();
    scores.want('3');
    await scores.drain();
    assert.deepEqual(evaluated, [3, 1, 2]);
    assert.deepEqual(scores.get('2'), score);
    assert.equal(scores.isPending('2'), false);
  });

  it('fetch at once, though the evaluation of another takes its time', async () => {
    const fetched: string[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const scores = new Scores({
      fetch: async (digest) => {
        fetched.push(digest);
        return new Float32Array(1);
      },
      evaluate: async () => {
        await held;
        return score;
      },
      onScore: () => undefined,
    });
    for (const digest of ['a', 'b', 'c']) scores.want(digest);
    await scores.fetched();
    assert.deepEqual(fetched, ['a', 'b', 'c']);
    assert.equal(scores.get('a'), undefined);
    release();
    await scores.drain();
  });

  it('leave out a model that nobody has any more, and ask again for it later', async () => {
    let have = false;
    const scores = new Scores({
      fetch: async () => (have ? new Float32Array(1) : undefined),
      evaluate: async () => score,
      onScore: () => undefined,
    });
    scores.want('a');
    await scores.drain();
    assert.equal(scores.get('a'), undefined);
    have = true;
    scores.want('a');
    await scores.drain();
    assert.deepEqual(scores.get('a'), score);
  });

  it('leave out what is only nice to know while anything else is on its way', async () => {
    const scores = new Scores({
      fetch: async () => new Float32Array(1),
      evaluate: async () => score,
      onScore: () => undefined,
    });
    scores.want('a');
    scores.want('b', { niceToKnow: true });
    await scores.drain();
    assert.equal(scores.get('b'), undefined);
    scores.want('b', { niceToKnow: true });
    await scores.drain();
    assert.deepEqual(scores.get('b'), score);
  });

  it('do not wait at the end for what is wanted later', async () => {
    const scores = new Scores({
      fetch: async () => new Float32Array(1),
      evaluate: async () => score,
      onScore: (digest) => {
        if (digest.length < 50) scores.want(`${digest}+`);
      },
    });
    scores.want('a');
    await scores.drain();
    assert.deepEqual(scores.get('a'), score);
  });

  it('say at the end that the evaluation failed', async () => {
    const scores = new Scores({
      fetch: async () => new Float32Array(1),
      evaluate: async () => Promise.reject(new Error('no backend')),
      onScore: () => undefined,
    });
    scores.want('a');
    await assert.rejects(scores.drain(), /no backend/);
  });
});
