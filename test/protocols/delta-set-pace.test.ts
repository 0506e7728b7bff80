// When a member goes on: stories of a few contributors against a clock that the test moves.
import assert from 'node:assert/strict';
import type { Head } from '../../protocols/delta-set/messages.ts';
import { Pace } from '../../protocols/delta-set/pace.ts';
import type { Neighbour } from '../../protocols/delta-set/sync.ts';
import type { PeerId } from '../../protocols/index.ts';
import { hashNamed } from './delta-records.ts';
import { Exchange, ExchangeMember, manifest, soundRecord } from './exchange.ts';

const head = (generation: number, samples: number): Head => ({
  generation,
  model: hashNamed('model'),
  state: hashNamed('state'),
  samples,
  floor: 0,
  snapshots: [],
});

/** A member that contributes 100 samples, with neighbours bert, cleo and dora of 100 each. */
class Walker {
  readonly member = new ExchangeMember(new Exchange(), 'anna');
  readonly neighbours = new Map<PeerId, Neighbour>();
  readonly pace: Pace;

  constructor(names: readonly string[] = ['bert', 'cleo', 'dora']) {
    this.pace = new Pace(this.member.context, { neighbours: () => this.neighbours, ownSamples: () => 100 });
    for (const name of names) this.meets(name, head(0, 100));
    this.pace.begin(0);
  }

  meets(name: string, head: Head): void {
    this.neighbours.set(name as PeerId, { head, sameUpTo: 0 });
  }

  hears(generation: number, ...names: readonly string[]): void {
    for (const name of names) {
      const record = soundRecord(name, generation);
      this.member.set.add(record);
      this.pace.arrived(record);
    }
  }

  /** Lets time pass; the generation that is being filled then. */
  at(nowMs: number): number {
    this.member.nowMs = nowMs;
    while (this.pace.advance(true));
    return this.pace.current;
  }

  /** When it goes on from where it is, in steps of ten milliseconds. */
  movesAt(limitMs: number): number | undefined {
    const { current } = this.pace;
    for (let ms = this.member.nowMs; ms <= limitMs; ms += 10) if (this.at(ms) !== current) return ms;
    return undefined;
  }
}

describe('a member of a mesh of four', () => {
  it('goes on at once when all have been heard', () => {
    const walker = new Walker();
    walker.hears(1, 'anna', 'bert', 'cleo');
    assert.equal(walker.at(10), 1);
    walker.hears(1, 'dora');
    assert.equal(walker.at(10), 2);
    assert.equal(walker.pace.complete, 1);
  });

  it('gives stragglers their time after a quorum, then goes on and no longer waits for them', () => {
    const walker = new Walker();
    walker.hears(1, 'anna', 'bert', 'cleo');
    const patience = manifest.pace.patienceMinMs;
    assert.equal(walker.movesAt(60_000), patience);
    // Dora is suspected now: the three others are everybody.
    walker.hears(2, 'anna', 'bert', 'cleo');
    assert.equal(walker.at(patience), 3);
  });

  it('waits again for a straggler that has been heard again', () => {
    const walker = new Walker();
    walker.hears(1, 'anna', 'bert', 'cleo');
    const now = walker.movesAt(60_000) ?? 0;
    walker.hears(2, 'anna', 'bert', 'cleo', 'dora');
    assert.equal(walker.at(now), 3);
    walker.hears(3, 'anna', 'bert', 'cleo');
    assert.equal(walker.at(now), 3);
    walker.hears(3, 'dora');
    assert.equal(walker.at(now), 4);
  });

  it('does not wait for a neighbour that left', () => {
    const walker = new Walker();
    walker.hears(1, 'anna', 'bert', 'cleo');
    walker.pace.left('dora' as PeerId);
    assert.equal(walker.at(1), 2);
    walker.pace.joined('dora' as PeerId);
    walker.hears(2, 'anna', 'bert', 'cleo');
    assert.equal(walker.at(1), 2);
  });

  it('does not run away with one other from two who are three generations behind and still at work', () => {
    const walker = new Walker();
    for (const name of ['cleo', 'dora']) walker.pace.left(name as PeerId);
    for (let generation = 1; generation <= 4; generation++) {
      walker.hears(generation, 'anna', 'bert');
      assert.equal(walker.at(generation), generation + 1);
    }
    // The cut is over: what the two others did meanwhile comes late.
    walker.hears(1, 'cleo', 'dora');
    walker.hears(5, 'anna', 'bert');
    assert.equal(walker.at(5), 6, 'half of the four is a quorum');
    walker.meets('emil', head(0, 100));
    walker.pace.left('emil' as PeerId);
    walker.hears(2, 'cleo', 'dora', 'emil');
    walker.hears(6, 'anna', 'bert');
    assert.equal(walker.at(6), 6, 'two of five are none');
    walker.hears(6, 'cleo');
    assert.equal(walker.at(7), 7);
  });

  it('goes on alone after its patience, and is twice as patient each time', () => {
    const walker = new Walker();
    const waits: number[] = [];
    for (let generation = 1; generation <= 4; generation++) {
      const before = walker.member.nowMs;
      walker.hears(generation, 'anna');
      // Bert answers nothing, but his head keeps saying that he contributes; so do the two others.
      for (const name of ['bert', 'cleo', 'dora']) walker.pace.joined(name as PeerId);
      waits.push((walker.movesAt(10_000_000) ?? 0) - before);
    }
    // Before anything was observed, a generation is taken to last as long as the least patience.
    const least = manifest.pace.patienceMinMs;
    assert.deepEqual(waits, [manifest.pace.patience * least, 2 * least, 4 * least, 8 * least]);
  });

  it('forces nothing with empty hands, nor when it must not', () => {
    const walker = new Walker();
    assert.equal(walker.movesAt(100_000), undefined);
    walker.hears(1, 'anna');
    walker.member.nowMs = 200_000;
    assert.equal(walker.pace.advance(false), false);
    assert.equal(walker.at(200_000), 2);
  });

  it('jumps to the newest generation that has a quorum', () => {
    const walker = new Walker();
    walker.hears(5, 'bert', 'cleo', 'dora');
    assert.equal(walker.pace.newestQuorum(), 5);
    assert.equal(walker.at(1), 5);
    walker.hears(5, 'anna');
    assert.equal(walker.at(1), 6);
  });

  it('is not led away by one who races ahead', () => {
    const walker = new Walker();
    walker.hears(1, 'anna', 'bert', 'cleo', 'dora');
    assert.equal(walker.at(1), 2);
    for (let generation = 2; generation <= 6; generation++) walker.hears(generation, 'dora');
    assert.equal(walker.pace.newestQuorum(), 1);
    assert.equal(walker.at(1), 2);
  });

  it('passes what most of its neighbours have passed, when it holds something of it', () => {
    const walker = new Walker();
    for (const name of ['bert', 'cleo']) walker.meets(name, head(7, 100));
    assert.equal(walker.at(1), 1);
    walker.hears(1, 'bert');
    assert.equal(walker.at(1), 2);
    assert.equal(walker.at(2), 2);
  });

  it('asks to be woken when the next decision is due', () => {
    const walker = new Walker();
    walker.hears(1, 'anna', 'bert', 'cleo');
    const wishes: number[] = [];
    const { context } = walker.member;
    Object.assign(context.ports.clock, { wakeAt: (atMs: number) => wishes.push(atMs) });
    walker.at(10);
    assert.deepEqual(wishes, [10 + manifest.pace.patienceMinMs]);
  });
});
