// How fast the simulator is and what it takes, each world in a process of its own so that its memory can be told. Writes
// docs/benchmarks/sim.json, and sim.md from it; a part that is not measured keeps its last figures.
// Usage: npm run bench:sim [-- thousand | growth | trained]. Presets: npm run bench:sim-presets.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openSimulation } from '../../cli/sim/host.ts';
import { parseScenario, type ScenarioInput } from '../../sim/index.ts';

interface Figures {
  readonly peers: number;
  readonly generations: number;
  readonly agreed: boolean;
  readonly violation: string | undefined;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly virtualSeconds: number;
  readonly events: number;
  readonly peakMiB: number;
  /** Heard by the mean peer in one generation. */
  readonly bytesIn: number;
  readonly accuracy: number | undefined;
  readonly traceHash: string;
}

const WAN = { latencyMs: [0, 1_000] as [number, number], jitter: 0.3, loss: 0.1, duplicates: 0.02 };
const TARGET = 64;

/** Bowls of 10,010 dimensions, on a network that is slow and loses messages. */
const bowls = (peers: number, generations: number): ScenarioInput => ({
  name: `bowls ${peers}`,
  peers,
  network: WAN,
  manifest: {
    model: 'mlp:100',
    data: { inputs: 89, classes: 10 },
    pace: { contributorsTarget: TARGET },
  },
  end: { generations },
});

const trained: ScenarioInput = {
  name: 'trained',
  peers: 256,
  learner: { kind: 'train', data: 'mnist', samples: 60_000, partition: 'dirichlet:0.5' },
  manifest: { model: 'mlp:32', data: { inputs: 784, classes: 10, scale: 255 } },
  end: { generations: 20 },
};

const PARTS: Readonly<Record<string, readonly ScenarioInput[]>> = {
  thousand: [bowls(1_000, 20)],
  growth: [10, 30, 100, 300, 1_000].map((peers) => bowls(peers, 8)),
  trained: [trained],
};

async function measure(input: ScenarioInput): Promise<Figures> {
  const parsed = parseScenario(input);
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  const { scenario } = parsed;
  const isBowl = scenario.learner.kind === 'bowl';
  const opened = await openSimulation(scenario, { threads: isBowl ? 1 : availableParallelism() });
  const before = process.cpuUsage();
  const result = await opened.simulation.run();
  const { user, system } = process.cpuUsage(before);
  await opened.close();
  const { agreed, violation, realSeconds, virtualSeconds, events, traceHash } = result;
  const bytes = result.peers.map(({ bytesIn }) => bytesIn.gossip + bytesIn.transfer + bytesIn.control);
  const { peers, end } = scenario;
  return {
    peers,
    generations: end.generations,
    agreed,
    violation: violation?.text,
    seconds: realSeconds,
    cpuSeconds: (user + system) / 1e6,
    virtualSeconds,
    events,
    peakMiB: process.resourceUsage().maxRSS / 1_024,
    bytesIn: bytes.reduce((sum, each) => sum + each, 0) / peers / end.generations,
    accuracy: result.peers[0].accuracy,
    traceHash,
  };
}

type Measured = Readonly<Record<string, readonly (Figures & { readonly name: string })[]>>;

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../docs/benchmarks/${name}`, import.meta.url));
const self = fileURLToPath(import.meta.url);

/** A thousand machines leave much behind within a moment: with room for it a fifth less time goes into collecting it. */
const YOUNG_SPACE = '--max-semi-space-size=64';

function inProcess(part: string, index: number): Figures {
  const run = spawnSync(process.execPath, [...process.execArgv, YOUNG_SPACE, self, part, String(index)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.equal(run.status, 0, `the world ${index} of ${part} ended with ${run.status ?? run.signal}`);
  return JSON.parse(run.stdout);
}

const row = (...cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

function table(measured: Measured): string {
  const { thousand = [], growth = [], trained: trainedRows = [] } = measured;
  const state = ({ agreed, violation }: Figures): string =>
    violation === undefined ? (agreed ? 'one digest' : 'not agreed') : `violated: ${violation}`;
  const head = (...names: readonly string[]): string[] => [row(...names), row(...names.map(() => '---'))];
  const world = head('peers', 'generations', 'seconds', 'CPU s', 'peak MiB', 'events / s', 'end');
  const worldRow = (each: Figures): string =>
    row(
      each.peers,
      each.generations,
      each.seconds.toFixed(1),
      each.cpuSeconds.toFixed(1),
      whole(each.peakMiB),
      whole(each.events / each.seconds),
      state(each),
    );
  return [
    '# The simulator',
    '',
    `\`npm run bench:sim\` wrote this page. ${cpus().length} cores, ${cpus()[0].model}, Node ${process.version}. A world runs on one`,
    'thread; where members train for real, their rounds are spread over as many threads as there are cores.',
    '',
    `## A thousand peers: bowls of 10,010 dimensions, ${TARGET} contributors a generation, 0–1000 ms, 10 % loss`,
    '',
    ...world,
    ...thousand.map(worldRow),
    '',
    '## Cost of a peer in one generation: the same world at other sizes',
    '',
    ...head('peers', 'µs of CPU', 'KB heard', 'µs a KB', 'end'),
    ...growth.map((each) => {
      const micros = (1e6 * each.cpuSeconds) / each.peers / each.generations;
      const heard = each.bytesIn / 1_000;
      return row(each.peers, whole(micros), whole(heard), (micros / heard).toFixed(1), state(each));
    }),
    '',
    '## 256 peers share 60,000 digits and train: MLP 784-32-10',
    '',
    ...world,
    ...trainedRows.map(worldRow),
    '',
  ].join('\n');
}

const [part, index] = process.argv.slice(2);
if (index !== undefined) {
  process.stdout.write(JSON.stringify(await measure(PARTS[part][Number(index)])));
} else {
  const json = pathOf('sim.json');
  let measured: Measured = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : {};
  for (const name of part === undefined ? Object.keys(PARTS) : [part]) {
    const worlds = PARTS[name];
    assert(worlds !== undefined, `there is no part ${name}; there are ${Object.keys(PARTS).join(', ')}`);
    const figures = worlds.map((input, i) => {
      const each = { name: input.name, ...inProcess(name, i) };
      console.log(`${name} ${each.name}: ${each.seconds.toFixed(1)} s, ${whole(each.peakMiB)} MiB`);
      return each;
    });
    measured = { ...measured, [name]: figures };
    writeFileSync(json, `${JSON.stringify(measured, undefined, 2)}\n`);
    writeFileSync(pathOf('sim.md'), table(measured));
  }
}
