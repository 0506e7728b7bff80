// Recorded deltas played back: what one world has learnt, another comes to again.
import assert from 'node:assert/strict';
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import {
  encodeRecording,
  parseRecording,
  parseScenario,
  type Recording,
  ReplayWork,
  recordingOf,
  type ScenarioInput,
  Simulation,
} from '../../sim/index.ts';
import { bowlSimulation } from './bowls.ts';

const PEERS = 4;
/** Everybody is waited for, so the same deltas count in both worlds. */
const scenario: ScenarioInput = {
  name: 'recorded',
  seed: 'recorded',
  peers: PEERS,
  manifest: {
    model: 'mlp:3',
    data: { inputs: 4, classes: 2 },
    codec: 'top20:8',
    pace: { quorum: 1, contributorsMin: PEERS, patience: 100, patienceMinMs: 60_000 },
  },
  end: { generations: 8 },
};

async function record(): Promise<{ readonly recording: Recording; readonly simulation: Simulation }> {
  const simulation = bowlSimulation(scenario);
  assert((await simulation.run()).agreed);
  return { recording: recordingOf(simulation.peers[2].disk.entries), simulation };
}

function replay(recording: Recording, input: ScenarioInput): Simulation {
  const parsed = parseScenario(input);
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  const order = recording.members.map(({ id }) => id);
  const simulation: Simulation = new Simulation(parsed.scenario, {
    work: (peer, { manifest }) =>
      new ReplayWork({
        recording,
        member: order.indexOf(simulation.peers[peer].id),
        codec: codecNamed(manifest.codec) ?? assert.fail('no such codec'),
        layout: layoutOf(manifest.model),
      }),
  });
  return simulation;
}

describe('recorded deltas', () => {
  it('lead another network to the models of the first, generation by generation', async () => {
    const { recording, simulation } = await record();
    assert.equal(recording.members.length, PEERS);
    for (const { deltas } of recording.members)
      assert.deepEqual([...deltas.keys()], [1, 2, 3, 4, 5, 6, 7, 8]);
    const network = { latencyMs: [100, 900] as [number, number], loss: 0.1 };
    const again = replay(recording, { ...scenario, learner: { kind: 'replay', file: '' }, network });
    const result = await again.run();
    assert(result.agreed && result.violation === undefined, result.violation?.text);
    assert.equal(again.peers[0].digest, simulation.peers[0].digest);
    assert.notEqual(again.world.nowMs, simulation.world.nowMs);
  });

  it('come back from their file as they went into it', async () => {
    const { recording } = await record();
    assert.deepEqual(parseRecording(encodeRecording(recording)), recording);
  });

  it('are refused with a sentence when they are of another mesh, damaged or none', async () => {
    const { recording } = await record();
    const code = 'MELDMESH_SIM_RECORDING';
    const layout = layoutOf(bowlSimulation(scenario).manifest.model);
    const [codec, other] = ['top20:8', 'float32'].map((name) => codecNamed(name) ?? assert.fail());
    const [member] = recording.members;
    const cut = { ...member, deltas: new Map([[1, new Uint8Array(3)]]) };
    assert.throws(() => new ReplayWork({ recording, member: 0, codec: other, layout }), { code });
    const damaged = { ...recording, members: [cut] };
    assert.throws(() => new ReplayWork({ recording: damaged, member: 0, codec, layout }), { code });
    for (const text of [
      '',
      '[]',
      '{"version":2}',
      encodeRecording(recording).replace('"payload":"', '"payload":"?'),
    ])
      assert.throws(() => parseRecording(text), { code });
    assert.throws(() => recordingOf(new Map()), { code });
  });

  it('of nobody make an observer, and a generation that was missed is missed again', async () => {
    const { recording } = await record();
    const codec = codecNamed('top20:8') ?? assert.fail();
    const layout = layoutOf(bowlSimulation(scenario).manifest.model);
    assert.equal(new ReplayWork({ recording, member: PEERS, codec, layout }).samples, 0);
    const work = new ReplayWork({ recording, member: 0, codec, layout });
    const job = { ticket: 1, model: new Float32Array(layout.size), takeBack: [] };
    assert(work.train({ ...job, generation: 8 }).payload.length > 0);
    assert.throws(() => work.train({ ...job, generation: 9 }), /generation 9/);
  });
});
