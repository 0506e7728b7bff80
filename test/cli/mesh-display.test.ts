import assert from 'node:assert/strict';
import { finishedGenerations, generationLine, liveLines } from '../../cli/mesh/display.ts';
import { progressOf } from '../../cli/mesh/view.ts';
import { complete, viewOf } from './mesh-views.ts';

const accuracyOf = (digest: string | undefined) => ({ a1: 0.5, a2: 0.9, b1: 0.4 })[digest ?? ''];
const nothingPending = () => false;

describe('the lines of a running mesh', () => {
  it('show one live line a node with generation, accuracy, bytes, digest and phase', () => {
    const lost = viewOf(1, ['a1']);
    lost.state = 'lost';
    const lines = liveLines([viewOf(0, ['a1', 'a2']), lost], { generations: 20, accuracyOf });
    assert.equal(lines.length, 3);
    assert.match(lines[1], /^0 +1,600 +2 of 20 +90\.00 % +12 +41\.0 KiB +39\.1 KiB +a2 +training$/);
    assert.match(lines[2], /^1 .* 1 of 20 +50\.00 % .* lost$/);
  });

  it('keep showing the last known accuracy while a newer model is evaluated', () => {
    const lines = liveLines([viewOf(0, ['a1', 'unknown'])], { generations: 20, accuracyOf });
    assert.match(lines[1], /2 of 20 +50\.00 %/);
  });

  it('sum up a generation in one plain line', () => {
    const same = generationLine(1, [viewOf(0, ['a1']), viewOf(1, ['a1'])], accuracyOf);
    assert.equal(same, 'generation 1  0.10 s  accuracy 50.00 %  digest a1  received 1000 B a node');
    const apart = generationLine(1, [viewOf(0, ['a1']), viewOf(1, ['b1'])], accuracyOf);
    assert.match(apart, /accuracy 40\.00 % to 50\.00 % {2}2 digests/);
  });

  it('print a generation once all live nodes have it and its accuracy is known', () => {
    const views = [viewOf(0, ['a1', 'a2']), viewOf(1, ['a1'])];
    assert.deepEqual(finishedGenerations({ views, printed: 0, isPending: nothingPending }), [1]);
    assert.deepEqual(finishedGenerations({ views, printed: 0, isPending: (digest) => digest === 'a1' }), []);
    views[1].state = 'lost';
    assert.deepEqual(finishedGenerations({ views, printed: 1, isPending: nothingPending }), [2]);
  });

  it('begin where a resumed mesh goes on', () => {
    const view = viewOf(0, []);
    for (const generation of [13, 14]) complete(view, generation, `g${generation}`);
    assert.deepEqual(finishedGenerations({ views: [view], printed: 0, isPending: nothingPending }), [13, 14]);
  });
});

describe('the end of a mesh', () => {
  it('is reached when every live node is there, and agreed when they hold one digest', () => {
    const views = [viewOf(0, ['a1', 'a2']), viewOf(1, ['a1', 'b1'])];
    assert.deepEqual(progressOf(views, 3), { kind: 'running' });
    assert.deepEqual(progressOf(views, 2), { kind: 'complete', agreed: false, settled: false });
    complete(views[1], 2, 'a2');
    for (const view of views) view.settled = true;
    assert.deepEqual(progressOf(views, 2), { kind: 'complete', agreed: true, settled: true });
  });

  it('does not wait for the lost, but for those who have not answered yet', () => {
    const views = [viewOf(0, ['a1', 'a2']), viewOf(1, ['a1'])];
    views[1].state = 'lost';
    assert.equal(progressOf(views, 2).kind, 'complete');
    views[1].state = 'starting';
    assert.equal(progressOf(views, 2).kind, 'running');
    for (const view of views) view.state = 'lost';
    assert.equal(progressOf(views, 2).kind, 'dead');
  });

  it('compares nodes that keep running at the generation that was asked for', () => {
    const views = [viewOf(0, ['a1', 'a2', 'c']), viewOf(1, ['a1', 'a2'])];
    assert.deepEqual(progressOf(views, 2), { kind: 'complete', agreed: true, settled: false });
  });

  it('is over when node 0 dies before anybody has met anybody', () => {
    const views = [viewOf(0, []), viewOf(1, []), viewOf(2, [])];
    assert.equal(progressOf(views, 2).kind, 'running');
    views[0].state = 'lost';
    assert.equal(progressOf(views, 2).kind, 'dead');
    const later = [viewOf(0, ['a']), viewOf(1, ['a']), viewOf(2, ['a'])];
    later[0].state = 'lost';
    assert.equal(progressOf(later, 2).kind, 'running');
  });
});
