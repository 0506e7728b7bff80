// What a trainer may write, and what becomes of everything else that it can write.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createLineSplitter } from '../../node/trainer/line-splitter.ts';
import { createLogLimit, printable } from '../../node/trainer/log-limit.ts';
import { decodeTrainerLine, encodeMessage } from '../../node/trainer/messages.ts';
import { trainerName } from '../../node/trainer/trainer-name.ts';

const SEED = { seed: 4 };

/** Lines and the number of overflows after these chunks. */
function split(chunks: readonly Uint8Array[], bytesMax: number): { lines: string[]; overflows: number } {
  const lines: string[] = [];
  let overflows = 0;
  const splitter = createLineSplitter({
    bytesMax,
    onLine: (line) => lines.push(line),
    onOverflow: () => {
      overflows += 1;
    },
  });
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return { lines, overflows };
}

describe('the lines of a trainer', () => {
  it('are the same however the bytes are cut into chunks, and never longer than the limit', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((all) => all.map((b) => (b % 7 === 0 ? 10 : b)));
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(200), { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (all, cuts, max) => {
          const ends = [...cuts, all.length].map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b);
          const chunks = ends.map((end, index) => all.subarray(index === 0 ? 0 : ends[index - 1], end));
          const whole = split([all], max);
          assert.deepEqual(split(chunks, max), whole);
          const expected = Buffer.from(all)
            .toString('latin1')
            .split(/[\n\r]/)
            .map((line) => Buffer.from(line.slice(0, max), 'latin1').toString('utf8'))
            .filter((line) => line.trim() !== '');
          assert.deepEqual(whole.lines, expected);
        },
      ),
      SEED,
    );
  });

  it('tell of an endless line once, and go on behind it', () => {
    const chunks = [...Array(50).fill('x'.repeat(100)), '\nnext\n'].map((text) => Buffer.from(text));
    const { lines, overflows } = split(chunks, 1_000);
    assert.deepEqual([lines.map(({ length }) => length), overflows], [[1_000, 4], 1]);
  });

  it('end at a carriage return too, as progress bars write them', () => {
    const { lines } = split([Buffer.from('10%\r20%\r{"type":"ready","samples":3}\r\n')], 100);
    assert.deepEqual(lines, ['10%', '20%', '{"type":"ready","samples":3}']);
  });
});

describe('the messages of a trainer', () => {
  it('are read with what they need and without what they have besides', () => {
    assert.deepEqual(
      decodeTrainerLine('{"type":"ready","name":"torch","samples":5,"evaluates":true,"gpu":1}'),
      {
        type: 'ready',
        name: 'torch',
        samples: 5,
        evaluates: true,
      },
    );
    assert.deepEqual(decodeTrainerLine(' {"type":"trained","id":1,"steps":50,"loss":0.3} '), {
      type: 'trained',
      id: 1,
      steps: 50,
      loss: 0.3,
    });
  });

  it('are told apart from text for people', () => {
    for (const text of [
      'loss 0.3',
      '',
      '{',
      '[1]',
      '"ready"',
      '{"a":1}',
      '{"type":"poem"}',
      '{"type":"toString"}',
    ]) {
      assert.equal(decodeTrainerLine(text), undefined, text);
    }
  });

  it('name their fault, also where Python writes a number that JSON has no word for', () => {
    for (const [line, fault] of [
      ['{"type":"ready","samples":0}', /"ready" has a fault \(samples/],
      ['{"type":"ready","samples":1.5}', /samples/],
      ['{"type":"ready","samples":1e300}', /samples/],
      ['{"type":"trained","id":1,"steps":2,"loss": NaN}', /loss/],
      ['{"type":"evaluated","id":1,"accuracy":-Infinity,"loss":1}', /accuracy/],
      ['{"type":"evaluated","id":1,"accuracy":1.2,"loss":1}', /accuracy/],
    ] as const) {
      const decoded = decodeTrainerLine(line);
      assert(decoded !== undefined && 'fault' in decoded, line);
      assert.match(decoded.fault, fault);
    }
  });

  it('never break the reader, whatever the bytes are', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record({
          type: fc.constantFrom('ready', 'trained', 'evaluated', 'failed', 'progress'),
          id: fc.anything(),
        })
        .map((value) => JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each))),
      fc.uint8Array().map((bytes) => `{"type":"trained",${Buffer.from(bytes).toString('utf8')}`),
      fc.constantFrom(
        '{"__proto__":{"type":"ready"}}',
        `{"type":${'['.repeat(10_000)}`,
        '{"type":"ready","samples":NaN',
      ),
    );
    fc.assert(
      fc.property(hostile, (line) => {
        const decoded = decodeTrainerLine(line);
        assert(decoded === undefined || 'fault' in decoded || typeof decoded.type === 'string');
      }),
      SEED,
    );
  });

  it('go to the trainer as one line each, whatever texts they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (weights) => {
        const text = encodeMessage({ type: 'evaluate', id: 1, weights });
        assert.equal(text.indexOf('\n'), text.length - 1);
        assert.equal(JSON.parse(text).weights, weights);
      }),
      SEED,
    );
  });
});

describe('what a trainer prints', () => {
  it('passes in a burst, then slowly, and what is left out is counted', () => {
    let nowMs = 0;
    const passed: string[] = [];
    const limit = createLogLimit({ nowMs: () => nowMs, emit: (text) => passed.push(text) });
    for (let i = 0; i < 100; i++) limit.line(`line ${i}`);
    assert.equal(passed.length, 20);
    nowMs = 4_100;
    limit.line('later');
    assert.deepEqual(passed.slice(20), ['(80 more lines were left out)', 'later']);
    for (let i = 0; i < 3; i++) limit.line('again');
    limit.flush();
    limit.flush();
    assert.deepEqual(passed.slice(22), ['again', '(2 more lines were left out)']);
  });

  it('is one line of plain text of a bounded length', () => {
    assert.equal(printable('\u001b[31mred\u001b[0m\u0007 \u2028end\t'), 'red    end');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1_000 }), (text) => {
        const plain = printable(text);
        assert(plain.length <= 301 && [...plain].every((letter) => letter >= ' ' && letter !== '\u007f'));
      }),
      SEED,
    );
  });

  it('is not its name where a backend has that name', () => {
    assert.deepEqual(['numpy', undefined, ' ', 'none', 'wasm', 'x'.repeat(99)].map(trainerName), [
      'numpy',
      'trainer',
      'trainer',
      'trainer',
      'trainer',
      'x'.repeat(40),
    ]);
  });
});
