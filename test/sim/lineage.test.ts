// Members that bring a model from elsewhere into a whole simulated mesh: one dense record among sparse ones, and still one
// model on all members.
import assert from 'node:assert/strict';
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import { admitsForeign, decodeOwn, FOREIGN_CODEC, type Lineage, OWN_KEY } from '../../protocols/index.ts';
import { BowlWork, parseScenario, recordingOf, type ScenarioInput, Simulation } from '../../sim/index.ts';

const int8 = codecNamed(FOREIGN_CODEC) ?? assert.fail('no such codec');
const FOREIGN_SAMPLES = 5_000;
const FAR = 20;

/** Bowls around 0; the last member comes late and, where the mesh takes it, brings a model that is `FAR` away. */
function meshWithNewcomer(lineage: Lineage | undefined, input: Partial<ScenarioInput> = {}): Simulation {
  const peers = input.peers ?? 5;
  const parsed = parseScenario({
    name: `newcomer ${lineage}`,
    seed: '3',
    peers,
    manifest: { model: 'mlp:3', data: { inputs: 4, classes: 2 }, codec: 'top20:8', lineage },
    faults: [{ kind: 'join', from: peers - 1, to: peers - 1, atMs: 6_000 }],
    end: { generations: 12 },
    ...input,
  });
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  return new Simulation(parsed.scenario, {
    work: (peer, { manifest, seed }) => {
      const layout = layoutOf(manifest.model);
      const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
      const brings = peer === peers - 1 && admitsForeign(manifest);
      const weights = new Float32Array(layout.size).fill(FAR);
      const foreign = brings ? { weights, samples: FOREIGN_SAMPLES, codec: int8 } : undefined;
      const optimum = new Float32Array(layout.size);
      return new BowlWork({ codec, layout, samples: 100, optimum, rate: 0.2, seed, foreign });
    },
  });
}

const denseRecords = (simulation: Simulation) =>
  simulation.peers.map((peer) =>
    [...(peer.machine?.set.all() ?? [])].filter(({ codec }) => codec === int8.name),
  );

describe('a newcomer with a model from elsewhere', () => {
  for (const lineage of [undefined, 'shared', 'adopt', 'align', 'naive'] as const) {
    it(`leaves all members with one model where the lineage is ${lineage ?? 'not said'}`, async () => {
      const simulation = meshWithNewcomer(lineage);
      const { agreed, violation } = await simulation.run();
      assert.equal(violation, undefined, JSON.stringify(violation));
      assert(agreed);
      const dense = denseRecords(simulation);
      const isBrought = lineage === 'align' || lineage === 'naive';
      for (const records of dense) {
        assert.deepEqual(
          records.map(({ samples }) => samples),
          isBrought ? [FOREIGN_SAMPLES] : [],
        );
      }
    });
  }

  it('moves the model of the mesh by its samples, once', async () => {
    const simulation = meshWithNewcomer('align', { end: { generations: 8 } });
    await simulation.run();
    const [record] = denseRecords(simulation)[0];
    const { machine } = simulation.peers[0];
    assert(machine?.set.counted(record.generation).some(({ id }) => id === record.id));
    const model = simulation.peers[0].fusion?.model() ?? assert.fail('it runs');
    const mean = model.reduce((sum, value) => sum + value, 0) / model.length;
    assert(mean > 1, `the mean weight is ${mean}`);
  });

  it('cannot be recorded with the deltas of the others, which have one codec', async () => {
    const simulation = meshWithNewcomer('align', { end: { generations: 8 } });
    await simulation.run();
    assert.throws(() => recordingOf(simulation.peers[0].disk.entries), {
      code: 'MELDMESH_SIM_RECORDING',
      message: /brought a model from elsewhere/,
    });
    const plain = meshWithNewcomer('adopt', { end: { generations: 8 } });
    await plain.run();
    assert.equal(recordingOf(plain.peers[0].disk.entries).codec, 'top20:8');
  });

  it('is the same to members that share their states', async () => {
    const simulation = meshWithNewcomer('align', { peers: 51, end: { generations: 8 } });
    assert(simulation.states !== undefined);
    const { agreed, violation } = await simulation.run();
    assert.equal(violation, undefined, JSON.stringify(violation));
    assert(agreed);
    assert.equal(denseRecords(simulation)[0].length, 1);
  });

  it('gets its work back whole when it was alone and what it brought lost its weight', async () => {
    const simulation = meshWithNewcomer('align', {
      faults: [
        { kind: 'join', from: 4, to: 4, atMs: 6_000 },
        { kind: 'cut', fromMs: 6_900, untilMs: 30_000, groups: [[0, 1, 2, 3], [4]] },
      ],
      end: { generations: 40 },
    });
    const { agreed, violation } = await simulation.run();
    assert.equal(violation, undefined, JSON.stringify(violation));
    assert(agreed);
    const [[record]] = denseRecords(simulation);
    const { disk, machine } = simulation.peers[4];
    assert(!machine?.set.counted(record.generation).some(({ id }) => id === record.id));
    const own = disk.entries.get(OWN_KEY) ?? assert.fail('it has worked');
    assert(decodeOwn(own)?.returned.includes(record.id));
  });
});
