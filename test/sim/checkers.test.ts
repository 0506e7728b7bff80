// Each checker finds what is planted for it, and all are silent where nothing is wrong.
import assert from 'node:assert/strict';
import { encodeDelta, encodeHeadRow, type Hash, HEAD_KEY, OWN_KEY } from '../../protocols/index.ts';
import { forgedRecord } from '../../sim/attackers/publications.ts';
import { forward } from '../../sim/checkers/forward.ts';
import { healing } from '../../sim/checkers/healing.ts';
import { limits } from '../../sim/checkers/limits.ts';
import { oneRecord } from '../../sim/checkers/one-record.ts';
import { storePromise } from '../../sim/checkers/store-promise.ts';
import { BowlWork, type ScenarioInput, type SimResult, type Simulation } from '../../sim/index.ts';
import type { SimPeer } from '../../sim/peer.ts';
import { bowlSimulation, runBowls } from './bowls.ts';

const SMALL = { name: 'checked', peers: 4, end: { generations: 8, maxMs: 120_000 } };
const CHURN = {
  kind: 'churn' as const,
  fromMs: 2_000,
  untilMs: 9_000,
  everyMs: [500, 2_000] as [number, number],
};
const CUT = {
  kind: 'cut' as const,
  fromMs: 3_000,
  untilMs: 9_000,
  groups: [
    [0, 1],
    [2, 3],
  ],
};
const LOSSY = { latencyMs: [0, 300] as [number, number], loss: 0.15, duplicates: 0.1 };

/** Runs a small world in which something is done to it after three seconds. */
async function planted(
  plant: (simulation: Simulation) => void,
  input: Partial<ScenarioInput> = {},
): Promise<SimResult> {
  const simulation = bowlSimulation({ ...SMALL, ...input });
  simulation.world.after(4_000, () => plant(simulation));
  return await simulation.run();
}

async function finished(input: Partial<ScenarioInput> = {}): Promise<Simulation> {
  const simulation = bowlSimulation({ ...SMALL, ...input });
  assert((await simulation.run()).agreed);
  return simulation;
}

/** Makes a getter of a living object lie. */
const pretend = (target: object, name: string, value: unknown): void => {
  Object.defineProperty(target, name, { value, configurable: true });
};

const machineOf = (peer: SimPeer) => peer.machine ?? assert.fail('it is alive');

function writeTo(peer: SimPeer, key: string, value: Uint8Array | undefined): void {
  peer.disk.port(() => {}).write([{ key, value }], true, 1);
}

function ownRecord(simulation: Simulation, peer: number) {
  const { id } = simulation.peers[peer];
  const all = [...machineOf(simulation.peers[peer]).set.all()];
  return all.find(({ author }) => author === id) ?? assert.fail('it has published');
}

describe('the checkers', () => {
  it('stay silent in clean, lossy, churning and torn worlds', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      for (const world of [{}, { network: LOSSY }, { faults: [CHURN] }, { network: LOSSY, faults: [CUT] }]) {
        const result = await runBowls({ ...SMALL, ...world, seed: `${seed}` });
        assert.equal(
          result.violation,
          undefined,
          `${seed} ${JSON.stringify(world)} ${result.violation?.text}`,
        );
        assert(result.agreed, `${seed} ${JSON.stringify(world)}`);
      }
    }
  }).timeout(60_000);

  it('find a model that its records do not give, and show what led to it', async () => {
    const { violation } = await planted(({ peers }) => pretend(peers[2], 'digest', 'f'.repeat(64)));
    assert.equal(violation?.checker, 'equal sets give equal digests');
    assert.equal(violation.peers.length, 2);
    assert(violation.atMs >= 4_000 && violation.lines.length > 50);
    assert(violation.lines.every(({ peer }) => violation.peers.includes(peer)));
  });

  it('find a generation that goes back', async () => {
    const { violation } = await planted(({ peers }) => pretend(peers[1], 'generation', 1));
    assert.equal(violation?.checker, 'a generation never goes back');
  });

  it('find a restart below what the disk says', async () => {
    const [peer] = (await finished()).peers;
    const checker = forward();
    writeTo(peer, HEAD_KEY, encodeHeadRow({ generation: 9, model: '0'.repeat(64) as Hash, sealed: 0 }));
    assert.equal(checker.onStart?.(peer), undefined);
    assert.match(
      checker.onGeneration?.(peer, { generation: 8, digest: '', corrected: false })?.text ?? '',
      /went back from generation 9 to 8/,
    );
  });

  it('find an honest author with two records for one generation', async () => {
    const { violation } = await planted((simulation) => {
      const author = simulation.peers[3];
      const record = ownRecord(simulation, 3);
      const other = forgedRecord(record, { samples: record.samples + 1 }, author.options.signer);
      const payload = [...author.disk.entries].find(([key]) => key.startsWith('chunk/'))?.[1];
      const bytes = encodeDelta({ ...other, payload: record.payload }, payload);
      for (const peer of simulation.peers) machineOf(peer).receive(author.id, bytes);
    });
    assert.equal(violation?.checker, 'one record an author and generation');
  });

  it('find a second record at the moment it is published', async () => {
    const simulation = await finished();
    const checker = oneRecord();
    const [author] = simulation.peers;
    const record = ownRecord(simulation, 0);
    const other = forgedRecord(record, { samples: record.samples + 1 }, author.options.signer);
    assert.equal(checker.onPublished?.(author, record), undefined);
    assert.equal(checker.onPublished?.(author, record), undefined, 'the same again is none');
    assert.match(checker.onPublished?.(author, other)?.text ?? '', /signed two records for generation 1/);
  });

  it('find a residual that was forgotten at a restart', async () => {
    const result = await withBowls({ restore: () => {} }, { faults: [CHURN] });
    assert.equal(result.violation?.checker, 'what was left out plus what was sent is what was trained');
    assert.match(result.violation.text, /residual is off by/);
  });

  it('find work that lost its weight and was not taken back', async () => {
    const { train } = BowlWork.prototype;
    const deaf: BowlWork['train'] = function (this: BowlWork, job) {
      return train.call(this, { ...job, takeBack: [] });
    };
    const result = await withBowls(
      { train: deaf },
      { peers: 6, manifest: { limits: { contributorsMax: 3 } }, end: { generations: 16 } },
    );
    assert.equal(result.violation?.checker, 'what was left out plus what was sent is what was trained');
  });

  it('find a queue, a set, a store and a calendar above their limits', async () => {
    const simulation = await finished();
    const [peer] = simulation.peers;
    const machine = machineOf(peer);
    const found = (): string => limits().check?.(simulation, false)?.text ?? '';
    assert.equal(found(), '');
    pretend(machine, 'pending', 257);
    assert.match(found(), /257 records are on their way/);
    pretend(machine, 'pending', 0);
    pretend(machine, 'payloadBytes', 1e9);
    assert.match(found(), /1000000000 bytes of payloads are in memory/);
    pretend(machine, 'payloadBytes', 0);
    const { held } = machine.set;
    machine.set.held = () => Array.from({ length: 513 }, () => ownRecord(simulation, 1));
    assert.match(found(), /513 records are held of generation 1/);
    machine.set.held = held;
    for (let i = 0; i < 16_001; i++) simulation.world.after(1e9, () => {});
    assert.match(found(), /events wait for 4 peers/);
    const { violation } = await planted(() => {}, {
      manifest: { limits: { payloadBytes: 1_000, storeBytes: 3_000, inlineBytes: 1_000 } },
    });
    assert.match(violation?.text ?? '', /a store holds \d+ bytes, at most 3000 may/);
  });

  it('find a disk that forgot what others hold', async () => {
    const { violation } = await planted((simulation) => {
      const [peer] = simulation.peers;
      peer.kill();
      writeTo(peer, OWN_KEY, undefined);
      peer.start();
    });
    assert.equal(violation?.checker, 'what the store promised survives a crash');
    assert.match(violation.text, /its disk knows nothing/);
  });

  it('find that a disk forgot even where only others tell', async () => {
    const simulation = await finished();
    const [peer] = simulation.peers;
    const checker = storePromise();
    checker.check?.(simulation, false);
    assert.equal(checker.onStart?.(peer), undefined);
    writeTo(peer, OWN_KEY, undefined);
    assert.match(checker.onStart?.(peer)?.text ?? '', /others hold an author's record/);
  });

  it('find peers that hold other histories after the healing', async () => {
    const simulation = await finished({ faults: [CUT], network: LOSSY });
    const checker = healing();
    const { set } = machineOf(simulation.peers[2]);
    set.digest = () => 'f'.repeat(16);
    for (const peer of simulation.peers) pretend(peer, 'generation', 1);
    assert.equal(checker.check?.(simulation, false), undefined);
    for (const peer of simulation.peers) pretend(peer, 'generation', 9);
    assert.equal(checker.check?.(simulation, false), undefined, 'they have a moment to exchange');
    pretend(simulation.world, 'nowMs', simulation.world.nowMs + 90_000);
    assert.match(checker.check?.(simulation, false)?.text ?? '', /hold different records of generation 1/);
  });

  it('find peers that end with two models', async () => {
    const simulation = await finished();
    const checker = healing();
    pretend(simulation.peers[1], 'digest', 'f'.repeat(64));
    assert.equal(checker.check?.(simulation, false), undefined);
    pretend(simulation.world, 'nowMs', simulation.world.nowMs + 121_000);
    assert.match(checker.check?.(simulation, false)?.text ?? '', /do not come to one model/);
  });

  it('find a peer that stands still among others', async () => {
    const { violation } = await planted(
      ({ peers }) => {
        machineOf(peers[1]).handle = () => {};
      },
      { checks: { patienceMs: 20_000 } },
    );
    assert.equal(violation?.checker, 'nobody waits for ever');
    assert.equal(violation.peers.length, 1);
  });
});

/** A world in which all bowls are changed in this way. */
async function withBowls(
  change: Partial<Pick<BowlWork, 'restore' | 'train'>>,
  input: Partial<ScenarioInput>,
): Promise<SimResult> {
  const { restore, train } = BowlWork.prototype;
  Object.assign(BowlWork.prototype, change);
  try {
    return await runBowls({ ...SMALL, ...input });
  } finally {
    Object.assign(BowlWork.prototype, { restore, train });
  }
}
