// What every `Clock` promises. Run on the real clock and on the simulated one.
import assert from 'node:assert/strict';
import type { Clock } from '../../protocols/index.ts';

export interface ClockUnderTest {
  port(onTick: () => void): Clock;
  /** Lets at least this much time go by. */
  pass(durationMs: number): Promise<void>;
  /** Forgets all wishes. */
  stop(): void;
}

/** Registers the suite. */
export function clockContract(name: string, make: () => ClockUnderTest): void {
  describe(`the clock contract: ${name}`, () => {
    let world: ClockUnderTest;
    beforeEach(() => {
      world = make();
    });
    afterEach(() => world.stop());

    it('never goes back, and moves on', async () => {
      const clock = world.port(() => undefined);
      const first = clock.nowMs();
      assert(clock.nowMs() >= first);
      await world.pass(20);
      assert(clock.nowMs() >= first + 20);
    });

    it('ticks once for a wish, not before its time, and never from inside the call', async () => {
      const ticksAtMs: number[] = [];
      let isAsking = false;
      const clock = world.port(() => {
        assert(!isAsking);
        ticksAtMs.push(clock.nowMs());
      });
      isAsking = true;
      const wishMs = clock.nowMs() + 20.5;
      clock.wakeAt(wishMs);
      isAsking = false;
      await world.pass(60);
      assert.equal(ticksAtMs.length, 1);
      assert(ticksAtMs[0] >= wishMs, `${ticksAtMs[0]} is before ${wishMs}`);
    });

    it('takes a wish that lies in the past as soon as it can', async () => {
      let ticks = 0;
      const clock = world.port(() => ticks++);
      clock.wakeAt(clock.nowMs() - 1_000);
      assert.equal(ticks, 0);
      await world.pass(20);
      assert.equal(ticks, 1);
    });

    it('forgets an earlier wish of the same machine when a second comes, sooner or later', async () => {
      let ticks = 0;
      const clock = world.port(() => ticks++);
      clock.wakeAt(clock.nowMs() + 10);
      clock.wakeAt(clock.nowMs() + 10_000);
      await world.pass(50);
      assert.equal(ticks, 0);
      clock.wakeAt(clock.nowMs() + 10);
      await world.pass(50);
      assert.equal(ticks, 1);
      clock.wakeAt(clock.nowMs() + 10_000_000_000_000);
      await world.pass(20);
      assert.equal(ticks, 1);
    });

    it('keeps the wishes of two machines apart', async () => {
      const ticks: string[] = [];
      const alice = world.port(() => ticks.push('alice'));
      const bob = world.port(() => ticks.push('bob'));
      bob.wakeAt(bob.nowMs() + 30);
      alice.wakeAt(alice.nowMs() + 10);
      await world.pass(80);
      assert.deepEqual(ticks, ['alice', 'bob']);
    });
  });
}
