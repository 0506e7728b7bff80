// What every preset reaches: ten peers, 8,000 digits, Dirichlet(0.5), default codec. Writes the table of
// docs/simulator.md. `node test/bench/sim-presets.ts [row …]` runs some of them and only prints.
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openSimulation } from '../../cli/sim/host.ts';
import { readScenario } from '../../cli/sim/scenario.ts';
import { PRESETS, type Scenario, type SimResult } from '../../sim/index.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/simulator.md', import.meta.url));
const [BEGIN, END] = ['<!-- presets: begin -->', '<!-- presets: end -->'];
/** At ten peers it would be `wan`. */
const LEFT_OUT = ['thousand'];
/** Worlds that are no preset: `clean`, with something wrong in it. */
const OTHERS: Readonly<Record<string, (clean: Scenario) => Scenario>> = {
  'late deliveries': (clean) => ({ ...clean, network: { ...clean.network, late: 0.3 } }),
  'away at times': (clean) => ({
    ...clean,
    faults: [{ kind: 'offline', fromMs: 2_600, untilMs: 40_000, share: 0.3, spellMs: [2_000, 8_000] }],
  }),
};
/** Of the ten minutes of `churn`: a death costs its peer all of its arithmetic again, and there are five hundred. */
const CHURN_MS = 120_000;
const GENERATION = 20;
const PEERS = 10;

const FLAGS = {
  seed: '1',
  codec: undefined,
  model: undefined,
  data: undefined,
  partition: undefined,
  samples: undefined,
  generations: undefined,
};

function percent(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.length === 0 ? '–' : (100 * mean).toFixed(2);
}

/** Accuracy of the honest peers at generation 20 and at the end, agreement, virtual seconds a real second. */
function rowOf(name: string, { peers, history, ...result }: SimResult): string {
  const isHonest = (peer: number): boolean => peers[peer].attacker === undefined;
  const early = history.filter(({ generation, peer }) => generation === GENERATION && isHonest(peer));
  const last = peers.filter(({ attacker }) => attacker === undefined);
  const cells = [
    name in OTHERS ? name : `\`${name}\``,
    percent(early.flatMap(({ accuracy }) => accuracy ?? [])),
    percent(last.flatMap(({ accuracy }) => accuracy ?? [])),
    String(Math.max(...last.map(({ generation }) => generation))),
    result.agreed && result.violation === undefined ? 'yes' : (result.violation?.checker ?? 'no'),
    result.virtualSeconds.toFixed(0),
    (result.virtualSeconds / result.realSeconds).toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

function shorter(scenario: Scenario): Scenario {
  const faults = scenario.faults.map((fault) =>
    fault.kind === 'churn' ? { ...fault, untilMs: Math.min(fault.untilMs, CHURN_MS) } : fault,
  );
  return { ...scenario, faults };
}

const wanted = process.argv.slice(2);
const rows: string[] = [];
for (const name of [...PRESETS.map((preset) => preset.name), ...Object.keys(OTHERS)]) {
  if (wanted.length > 0 ? !wanted.includes(name) : LEFT_OUT.includes(name)) continue;
  const other = OTHERS[name];
  const read = readScenario(other === undefined ? name : 'clean', { ...FLAGS, peers: PEERS });
  const scenario = shorter(other === undefined ? read : other(read));
  const { simulation, close } = await openSimulation(scenario, { threads: availableParallelism() });
  rows.push(rowOf(name, await simulation.run()));
  await close();
  console.log(rows.at(-1));
}
if (wanted.length === 0) {
  const table = [
    `| preset | accuracy at ${GENERATION}, % | at the end, % | generations | agreed | virtual s | virtual s a second |`,
    '| --- | --: | --: | --: | --- | --: | --: |',
    ...rows,
  ];
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const [, after] = rest.split(END);
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n${table.join('\n')}\n${END}${after}`);
}
