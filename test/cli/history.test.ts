import assert from 'node:assert/strict';
import { verificationText } from '../../cli/checkpoints.ts';
import { historyText, sums } from '../../cli/history.ts';
import { statusText } from '../../cli/status.ts';
import type { Contribution } from '../../node/index.ts';
import type { Hash, PeerId } from '../../protocols/index.ts';
import { statusAt } from './mesh-views.ts';

function delta(author: string, generation: number, counts = true): Contribution {
  const id = `${author}${generation}`.padEnd(64, '0') as Hash;
  const bytes = 2_400;
  return {
    id,
    author: author as PeerId,
    generation,
    samples: 100,
    payloadBytes: bytes,
    counts,
  };
}

const deltas = [delta('alice', 1), delta('bob', 1), delta('alice', 2), delta('bob', 2, false)];

describe('the history of a model', () => {
  it('is summed up by author, and what has no weight adds no samples', () => {
    assert.deepEqual(sums(deltas, 'author'), [
      { key: 'alice', deltas: 2, counted: 2, samples: 200, payloadBytes: 4_800 },
      { key: 'bob', deltas: 2, counted: 1, samples: 100, payloadBytes: 4_800 },
    ]);
  });

  it('is summed up by generation, in the order of numbers', () => {
    const many = [delta('alice', 10), delta('alice', 9), delta('bob', 9)];
    assert.deepEqual(
      sums(many, 'generation').map(({ key, deltas }) => [key, deltas]),
      [
        [9, 2],
        [10, 1],
      ],
    );
  });

  it('is a table, one line a delta', () => {
    const lines = historyText(deltas, undefined).split('\n');
    assert.equal(lines.length, 5);
    assert.match(lines[4], /^ +2 {2}bob +100 +2\.3 KiB {2}no weight {2}bob20000$/);
    assert.match(
      historyText(deltas, 'author'),
      /^author +deltas +with weight +samples +payloads\nalice +2 +2 +200/,
    );
    assert.match(historyText([], undefined), /no delta/);
  });
});

describe('the words about a store and a node', () => {
  it('say that all is well, or every problem', () => {
    const result = {
      ok: true,
      from: 0,
      generation: 20,
      digest: 'aa' as Hash,
      expected: 'aa' as Hash,
      copies: [{ generation: 16, ok: true }],
      problems: [],
    };
    assert.match(
      verificationText(result),
      /from the mesh id to generation 20: aa\n.* aa\n.*1 of 1.*\nAll is well\./,
    );
    const broken = verificationText({ ...result, ok: false, from: 16, problems: ['It is rotten'] });
    assert.match(broken, /copy of generation 16.*\n.*\n.*\nPROBLEM: It is rotten\n.*do not agree/);
  });

  it('show peers, generation, digest, bytes and the last error of a node', () => {
    const text = statusText('/store', { ...statusAt(5, 'd5'), lastError: 'the disk was full' });
    assert.match(text, /^generation +5$/m);
    assert.match(text, /^digest +d5$/m);
    assert.match(text, /^peers +2: bob, charlie$/m);
    assert.match(text, /^received +41\.0 KiB \(gossip 39\.1 KiB, transfer 0 B, control 2\.0 KiB\)$/m);
    assert.match(text, /^refused +wrong-mesh 2$/m);
    assert.match(text, /^last error +the disk was full$/m);
  });
});
