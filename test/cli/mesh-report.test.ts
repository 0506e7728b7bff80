import assert from 'node:assert/strict';
import { liveLines } from '../../cli/mesh/display.ts';
import { makeReport, reportSchema } from '../../cli/mesh/report.ts';
import { closingSentence, digestSentence, summaryTable } from '../../cli/mesh/summary.ts';
import { applyStatus } from '../../cli/mesh/view.ts';
import { complete, statusAt, viewOf } from './mesh-views.ts';

const SCORES: Record<string, { accuracy: number; loss: number }> = {
  a1: { accuracy: 0.5, loss: 1.5 },
  a2: { accuracy: 0.9, loss: 0.4 },
  b1: { accuracy: 0.4, loss: 1.7 },
};
const scoreOf = (digest: string | undefined) => (digest === undefined ? undefined : SCORES[digest]);
const options = { seed: '7', codec: 'top1:1', seconds: 41.23456, generations: 2, scoreOf };

describe('the report of a mesh', () => {
  it('has the promised shape, also after a trip through JSON', () => {
    const views = [viewOf(0, ['a1', 'a2']), viewOf(1, ['b1', 'a2'])];
    const report = makeReport({ ...options, views });
    assert.deepEqual(reportSchema.parse(JSON.parse(JSON.stringify(report))), report);
    assert.deepEqual(Object.keys(report), [
      'seed',
      'backend',
      'codec',
      'seconds',
      'generations',
      'peers',
      'history',
    ]);
    assert.deepEqual(report.peers[1], {
      id: 'peer-1',
      samples: 1_600,
      accuracy: 0.9,
      loss: 0.4,
      digest: 'a2',
      bytesIn: { gossip: 40_000, transfer: 0, control: 2_000 },
      bytesOut: { gossip: 39_000, transfer: 10, control: 1_000 },
      rssPeakMiB: 211.3,
      eventLoopDelayP99Ms: 12.35,
    });
  });

  it('keeps in a row what each node held when it first completed the generation, whatever came later', () => {
    const views = [viewOf(0, ['a1', 'a2']), viewOf(1, ['b1', 'a2'])];
    complete(views[1], 1, 'a1');
    const { history } = makeReport({ ...options, views });
    assert.deepEqual(history, [
      { generation: 1, seconds: 0.101, accuracy: [0.5, 0.4], digest: ['a1', 'b1'], bytesIn: [1_000, 1_000] },
      { generation: 2, seconds: 0.201, accuracy: [0.9, 0.9], digest: ['a2', 'a2'], bytesIn: [2_000, 2_000] },
    ]);
  });

  it('names the program that trains for a node, and the backend of the others', () => {
    const views = [viewOf(0, ['a1', 'a2']), viewOf(1, ['b1', 'a2'])];
    applyStatus(views[0], { ...statusAt(2, 'a2'), backend: 'numpy' });
    const report = makeReport({ ...options, views });
    assert.deepEqual(
      [report.backend, report.peers[0].trainer, 'trainer' in report.peers[1]],
      ['wasm', 'numpy', false],
    );
    assert.match(summaryTable(report, undefined), / 0 numpy /);
    const [, first, second] = liveLines(views, { generations: 2, accuracyOf: () => undefined });
    assert.match(first, /^0 numpy +1,600/);
    assert.match(second, /^1 +1,600/);
  });

  it('tells what became of a model that a node brought from elsewhere', () => {
    const views = [viewOf(0, ['a1', 'a2']), viewOf(1, ['b1', 'a2'])];
    const story = {
      name: 'x.json',
      lineage: 'adopt',
      outcome: 'dropped',
      reason: 'so it is',
      samples: 9,
    } as const;
    applyStatus(views[0], { ...statusAt(2, 'a2'), foreign: story });
    const score = { loss: 0.5, accuracy: 0.8 };
    const gain = { mean: 0, stdError: 0 };
    const chosen = {
      ...score,
      method: 'weights',
      share: 1,
      repaired: false,
      barrier: 0.01,
      lossGain: gain,
      accuracyGain: gain,
    } as const;
    const decision = {
      ...({ generation: 2, outcome: 'accepted', reason: 'it fits', how: 'align', samples: 9 } as const),
      ...{
        holdOut: 50,
        probes: 50,
        shared: score,
        foreign: score,
        matchings: [],
        candidates: [chosen],
        chosen,
      },
    } as const;
    const accepted = { ...story, lineage: 'align', outcome: 'accepted', decision } as const;
    applyStatus(views[1], { ...statusAt(2, 'a2'), foreign: accepted });
    const report = makeReport({ ...options, views });
    assert.deepEqual(reportSchema.parse(JSON.parse(JSON.stringify(report))), report);
    assert.deepEqual(report.peers[0].foreign, story);
    const { lossGain, accuracyGain, ...taken } = chosen;
    assert.deepEqual(report.peers[1].foreign, {
      ...{ name: 'x.json', lineage: 'align', outcome: 'accepted', reason: 'so it is', samples: 9 },
      ...{ shared: score, foreign: score, taken },
    });
  });

  it('names a lost node and leaves null where it never was', () => {
    const views = [viewOf(0, ['a1', 'a2']), viewOf(1, ['a1'])];
    views[1].state = 'lost';
    const report = makeReport({ ...options, views });
    assert.equal(report.peers[1].lost, true);
    assert.deepEqual(report.history[1].digest, ['a2', null]);
    assert.equal(digestSentence(report), 'The digest of the one live node: a2');
    assert.match(summaryTable(report, undefined), /1 \(lost\)/);
  });

  it('reports the asked generation of nodes that keep running past it', () => {
    const views = [viewOf(0, ['a1', 'a2', 'c']), viewOf(1, ['a1', 'a2'])];
    const { peers } = makeReport({ ...options, views });
    assert.deepEqual(
      peers.map((peer) => peer.digest),
      ['a2', 'a2'],
    );
  });

  it('says in a sentence whether all digests are equal', () => {
    const digests = (...last: string[]) =>
      digestSentence(makeReport({ ...options, views: last.map((digest, i) => viewOf(i, ['a1', digest])) }));
    assert.equal(digests('a2', 'a2', 'a2', 'a2', 'a2'), 'All five digests are equal: a2');
    assert.equal(digests('a2', 'b1', 'a2'), 'The digests differ: a2 at node 0, 2; b1 at node 1.');
  });

  it('shows both reference lines where they are known', () => {
    const report = makeReport({ ...options, views: [viewOf(0, ['a1', 'a2']), viewOf(1, ['a1', 'a2'])] });
    const table = summaryTable(report, { alone: [0.7, 0.8], pooled: 0.96 });
    assert.match(table, /each shard alone.*75\.00 %.*70\.00 % to 80\.00 %/);
    assert.match(table, /all data pooled.*96\.00 %.*3,200 digits/);
    assert.doesNotMatch(summaryTable(report, undefined), /pooled/);
    assert.match(closingSentence(report), /^2 generations in 41\.2 s, accuracy 90\.00 % .* seed 7$/);
  });
});
