// What comes out of the queue of events, beside a slow and obvious one.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EventQueue } from '../../sim/event-queue.ts';

/** Asked for at the time of the event that came out last, or so much later; `undefined`: one comes out. */
const steps = fc.array(fc.option(fc.nat(4), { nil: undefined }), { maxLength: 400 });

describe('the queue of events', () => {
  it('gives them by time and, within one time, in the order of asking', () => {
    fc.assert(
      fc.property(steps, (asked) => {
        const queue = new EventQueue();
        const waiting: { readonly atMs: number; readonly order: number }[] = [];
        const came: number[] = [];
        let nowMs = 0;
        let order = 0;
        for (const delayMs of [...asked, ...asked.map(() => undefined)]) {
          if (delayMs !== undefined) {
            const mine = order++;
            waiting.push({ atMs: nowMs + delayMs, order: mine });
            queue.push(nowMs + delayMs, () => void came.push(mine));
          } else if (waiting.length > 0) {
            waiting.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
            const [first] = waiting.splice(0, 1);
            assert.equal(queue.nextAtMs, first.atMs);
            const event = queue.pop();
            void event.run();
            nowMs = event.atMs;
            assert.deepEqual([event.atMs, came.at(-1)], [first.atMs, first.order]);
          }
          assert.equal(queue.size, waiting.length);
        }
      }),
      { seed: 1 },
    );
  });

  it('holds more than it has room for at first', () => {
    const queue = new EventQueue();
    for (let i = 5_000; i > 0; i--) queue.push(i, () => {});
    const times = Array.from({ length: 5_000 }, () => queue.pop().atMs);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    assert.equal(queue.nextAtMs, Number.POSITIVE_INFINITY);
  });
});
