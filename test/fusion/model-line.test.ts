import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createModelLine, createRandom, type GenerationPart, type ModelLine } from '../../fusion/index.ts';
import { toHex } from './hex.ts';
import { codecOf, layoutFrom } from './vectors-of-floats.ts';

const layout = layoutFrom([40, 9]);
const codec = codecOf('top10:1');
const initial = Float32Array.from({ length: layout.size }, (_, i) => Math.sin(i));
const settings = { layout, initial, codec, outerMomentum: 0.7, outerLearningRate: 0.5 };

/** The parts of a generation; `version` changes when a late delta arrives. */
function partsOf(generation: number, version = 0): GenerationPart[] {
  const random = createRandom(`${generation}/${version}`);
  return Array.from({ length: 1 + random.below(3) }, () => ({
    samples: 1 + random.below(1000),
    payload: codec.encode(
      Float32Array.from(initial, () => random.float() - 0.5),
      layout,
      random,
    ),
  }));
}

function advance(line: ModelLine, to: number, version: (generation: number) => number = () => 0): void {
  while (line.generation < to)
    line.apply(line.generation + 1, partsOf(line.generation + 1, version(line.generation + 1)));
}

const stateOf = (line: ModelLine) => `${line.generation} ${toHex(line.model())} ${toHex(line.momentum())}`;

describe('a model line', () => {
  it('starts at generation 0 with the initial model, no momentum, and a copy of its own', () => {
    const line = createModelLine(settings);
    assert.equal(line.generation, 0);
    assert.deepEqual(line.model(), initial);
    assert(line.momentum().every((value) => value === 0));
    assert.notEqual(line.model().buffer, initial.buffer);
    assert(line.model().buffer instanceof SharedArrayBuffer);
  });

  it('rolled back and brought forward again is byte for byte a line that never turned', () => {
    const straight = createModelLine(settings);
    const states = [stateOf(straight)];
    for (let generation = 1; generation <= 90; generation++) {
      advance(straight, generation);
      states.push(stateOf(straight));
    }
    const turns = fc.array(fc.tuple(fc.nat(30), fc.nat(90)), { maxLength: 12 });
    fc.assert(
      fc.property(turns, fc.integer({ min: 1, max: 7 }), (walk, snapshotEvery) => {
        const line = createModelLine({ ...settings, snapshotEvery });
        for (const [steps, back] of walk) {
          advance(line, Math.min(90, line.generation + steps));
          assert.equal(stateOf(line), states[line.generation]);
          const to = Math.max(line.floor(), line.generation - back);
          const expected = line.snapshotAtOrBelow(to);
          assert.equal(line.rollback(to), expected);
          assert.equal(line.generation, expected);
          assert(expected <= to && line.floor() <= expected);
          assert.equal(stateOf(line), states[expected]);
        }
      }),
      { seed: 12, numRuns: 20 },
    );
  });

  it('with one generation corrected is the line that had the correction from the start', () => {
    const corrected = (generation: number) => (generation === 37 ? 1 : 0);
    const fromTheStart = createModelLine(settings);
    advance(fromTheStart, 40, corrected);
    const later = createModelLine(settings);
    advance(later, 40);
    assert.notEqual(stateOf(later), stateOf(fromTheStart));
    assert.equal(later.rollback(36), 36);
    advance(later, 40, corrected);
    assert.equal(stateOf(later), stateOf(fromTheStart));
  });

  it('goes back at most three generations too far within the last sixteen, fifteen up to the horizon', () => {
    const line = createModelLine(settings);
    for (let newest = 1; newest <= 200; newest++) {
      advance(line, newest);
      for (let back = 0; back <= Math.min(64, newest); back++) {
        const to = newest - back;
        const excess = to - line.snapshotAtOrBelow(to);
        assert(
          excess >= 0 && excess <= (back <= 16 ? 3 : 15),
          `${newest} back to ${to} goes ${excess} too far`,
        );
      }
    }
  });

  it('keeps a bounded number of snapshots and forgets what lies beyond the horizon', () => {
    const line = createModelLine(settings);
    for (let newest = 1; newest <= 300; newest++) {
      advance(line, newest);
      assert(line.floor() >= newest - 64 - 32, `at ${newest} the floor is still ${line.floor()}`);
      const reached = new Set<number>();
      for (let to = line.floor(); to < newest; to++) reached.add(line.snapshotAtOrBelow(to));
      assert(reached.size <= 11, `${reached.size} snapshots at ${newest}`);
    }
    assert.throws(() => line.rollback(line.floor() - 1), /floor/);
  });

  it('does nothing when told to go back to where it is, or beyond', () => {
    const line = createModelLine(settings);
    advance(line, 7);
    const before = stateOf(line);
    assert.equal(line.rollback(7), 7);
    assert.equal(line.rollback(100), 7);
    assert.equal(line.snapshotAtOrBelow(7), 7);
    assert.equal(stateOf(line), before);
  });

  it('goes on from an adopted state as its first owner does, and never back behind it', () => {
    const first = createModelLine(settings);
    advance(first, 21);
    const second = createModelLine(settings);
    advance(second, 33);
    second.adopt(21, first.model(), first.momentum());
    assert.equal(second.floor(), 21);
    advance(first, 50);
    advance(second, 50);
    assert.equal(stateOf(second), stateOf(first));
    assert.equal(second.rollback(23), 21);
    advance(second, 50);
    assert.equal(stateOf(second), stateOf(first));
    assert.throws(() => second.rollback(20), /floor/);
  });

  it('hands out views that stay the current model, and snapshots that they do not touch', () => {
    const line = createModelLine(settings);
    const model = line.model();
    advance(line, 4);
    const atFour = toHex(model);
    advance(line, 9);
    assert.equal(line.model(), model);
    line.rollback(4);
    assert.equal(toHex(model), atFour);
  });

  it('takes generations one after the other only', () => {
    const line = createModelLine(settings);
    assert.throws(() => line.apply(2, partsOf(2)), /one after the other/);
    assert.throws(() => line.apply(0, partsOf(0)), /one after the other/);
    assert.equal(line.generation, 0);
  });

  it('stays where it is in a generation to which nobody contributed', () => {
    const line = createModelLine(settings);
    advance(line, 5);
    const before = [toHex(line.model()), toHex(line.momentum())];
    line.apply(6, []);
    assert.equal(line.generation, 6);
    assert.deepEqual([toHex(line.model()), toHex(line.momentum())], before);
  });

  it('shows S and m of the generations that it holds as snapshots, of no other', () => {
    const line = createModelLine(settings);
    advance(line, 8);
    const before = [toHex(line.model()), toHex(line.momentum())];
    advance(line, 11);
    const snapshot = line.snapshots().find(({ generation }) => generation === 8);
    assert(snapshot !== undefined);
    assert.deepEqual([toHex(snapshot.model), toHex(snapshot.momentum)], before);
    assert.deepEqual(
      line.snapshots().map(({ generation }) => generation),
      [0, 4, 8],
    );
  });
});
