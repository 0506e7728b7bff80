// Sets the simulated network beside the real mesh: the same settings with bowls for learners, whose messages have the
// same size, and the bytes that a node receives in a generation, by kind. The costs in `sim/network/wire-costs.ts` come
// from two nodes on loopback and from the first setting; the others are predictions. Writes
// docs/benchmarks/sim-network.md, unless only settings with a word in their names were asked for.
// Usage: node test/bench/calibrate-network.ts [word]
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { codecNamed, createRandom, layoutOf } from '../../fusion/index.ts';
import { BowlWork, parseScenario, type SimResult, Simulation } from '../../sim/index.ts';

interface Bytes {
  readonly gossip: number;
  readonly transfer: number;
  readonly control: number;
}

/** What is compared of a run, real or simulated. */
interface Run {
  readonly seed: string;
  readonly codec: string;
  readonly generations: number;
  readonly peers: readonly { readonly samples: number; readonly bytesIn: Bytes }[];
  /** Seconds since the start of the run. */
  readonly history: readonly { readonly seconds: number }[];
}

interface Setting {
  readonly name: string;
  readonly runs: readonly Run[];
}

const KINDS = ['gossip', 'transfer', 'control'] as const;
const SEEDS_SIMULATED = 5;
/** One core for two or three processes: messages wait for each other, as they would for a distance. */
const LATENCY_MS: [number, number] = [2, 20];
/** Share of a generation that is not training: hearing, fusing, waiting for the slowest. */
const ROUND_SHARE = 0.8;

const benchmarks = new URL('../../docs/benchmarks/', import.meta.url);

function readSettings(name: string): readonly Setting[] {
  const { results }: { readonly results: readonly Setting[] } = JSON.parse(
    readFileSync(new URL(name, benchmarks), 'utf8'),
  );
  return results;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Seconds from one generation to the next, once all are there. */
function generationSeconds({ history }: Pick<Run, 'history'>): number {
  const [first, last] = [history[0], history[history.length - 1]];
  return (last.seconds - first.seconds) / (history.length - 1);
}

/** KiB received, a node and generation. */
function received(run: Pick<Run, 'peers' | 'generations'>): Bytes {
  const of = (kind: keyof Bytes): number =>
    mean(run.peers.map(({ bytesIn }) => bytesIn[kind])) / 1024 / run.generations;
  return { gossip: of('gossip'), transfer: of('transfer'), control: of('control') };
}

async function simulate(run: Run, seed: string): Promise<SimResult> {
  const parsed = parseScenario({
    name: 'calibration',
    seed,
    peers: run.peers.length,
    manifest: { model: 'mlp:256', data: { inputs: 784, classes: 10, scale: 255 }, codec: run.codec },
    network: { latencyMs: LATENCY_MS },
    compute: { roundMs: 1_000 * ROUND_SHARE * generationSeconds(run) },
    end: { generations: run.generations },
  });
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  const simulation: Simulation = new Simulation(parsed.scenario, {
    work: (peer, { manifest, seed: own }) => {
      const layout = layoutOf(manifest.model);
      const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
      const random = createRandom(`${own} optimum`);
      const optimum = Float32Array.from({ length: layout.size }, () => random.float() - 0.5);
      return new BowlWork({
        codec,
        layout,
        samples: run.peers[peer].samples,
        optimum,
        rate: 0.2,
        seed: own,
      });
    },
  });
  const result = await simulation.run();
  assert(result.agreed, `seed ${seed} ended without agreement`);
  return result;
}

/** When the last member had each generation. */
function historyOf({ history, scenario }: SimResult): Run['history'] {
  return Array.from({ length: scenario.end.generations }, (_, i) => ({
    seconds: Math.max(...history.filter((row) => row.generation === i + 1).map(({ atMs }) => atMs)) / 1_000,
  }));
}

async function simulateAll(setting: Setting): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let i = 0; i < SEEDS_SIMULATED; i++) {
    const model = setting.runs[i % setting.runs.length];
    const result = await simulate(model, `${i + 1}`);
    runs.push({ ...model, seed: `${i + 1}`, peers: result.peers, history: historyOf(result) });
  }
  return runs;
}

function rowsOf({ name, runs }: Setting, simulated: readonly Run[]): string[] {
  const kib = (all: readonly Run[], kind: keyof Bytes): number => mean(all.map((run) => received(run)[kind]));
  const total = (all: readonly Run[]): number => KINDS.reduce((sum, kind) => sum + kib(all, kind), 0);
  const row = (label: string, real: number, ours: number): string => {
    const ratio = real === 0 ? '' : (ours / real).toFixed(2);
    return `| ${label} | ${real.toFixed(2)} | ${ours.toFixed(2)} | ${ratio} |`;
  };
  return [
    row(`${name}: **all**`, total(runs), total(simulated)),
    ...KINDS.map((kind) => row(kind, kib(runs, kind), kib(simulated, kind))),
    row('seconds a generation', mean(runs.map(generationSeconds)), mean(simulated.map(generationSeconds))),
  ];
}

const HEADER = `# The simulated network beside the real one

KiB that a node receives in a generation, counted at the connection, by what they are for: gossip streams, transfer
streams, and control, which is all the rest (handshakes, encryption, framing, sync requests). Measured: \`mesh.json\` (mean of
three seeds) and \`sim-network.json\` (one) beside this file, real processes on one machine. Simulated: mean of ${SEEDS_SIMULATED} seeds
of \`node test/bench/calibrate-network.ts\`, members that learn bowls in place of digits with the same model, codec and manifest.

Calibrated: what a message and a request cost was measured between two nodes on loopback; what a connection costs was
set so that the control bytes of the first setting agree (\`sim/network/wire-costs.ts\`). Round times are ${ROUND_SHARE} of each setting's
measured time from generation to generation, latencies ${LATENCY_MS.join(' to ')} ms for processes that share two cores. The
number of copies of a message, and with it nearly all of the bytes, comes out of the simulated mesh (degree 2 to 3, heartbeat,
grafts, prunes, IHAVE, IDONTWANT) and was fitted to nothing. Small meshes differ from seed to seed, real ones too: the three of
the first setting took 27.8, 31.3 and 27.6 KiB, because the mesh that five nodes happen to form is denser or thinner.

| setting | measured | simulated | ratio |
| --- | --- | --- | --- |
`;

const word = process.argv[2] ?? '';
const rows: string[] = [];
for (const setting of [...readSettings('mesh.json'), ...readSettings('sim-network.json')]) {
  if (!setting.name.includes(word)) continue;
  const added = rowsOf(setting, await simulateAll(setting));
  rows.push(...added);
  console.log(added.join('\n'));
}
if (word === '') writeFileSync(new URL('sim-network.md', benchmarks), `${HEADER}${rows.join('\n')}\n`);
