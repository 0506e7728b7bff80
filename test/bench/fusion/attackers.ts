// Ten peers on digits in the simulator, two of them liars: what is left of the model by each rule, beside the eight honest
// peers alone. Default codec and momentum, the split of docs/benchmarks/mesh.md. Writes docs/benchmarks/attackers.{md,json}.
// Usage: npm run bench:attackers [-- rule …]
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { openSimulation } from '../../../cli/sim/host.ts';
import { parseScenario, type ScenarioInput } from '../../../sim/index.ts';

const GENERATIONS = 20;
const PEERS = 10;
/** Seed, and the two who lie in it. */
const CASTS = [
  { seed: '1', liars: [8, 9] },
  { seed: '2', liars: [0, 5] },
  { seed: '3', liars: [3, 7] },
] as const;
type Cast = (typeof CASTS)[number];
const ATTACKS = [
  { name: 'sign flip × 5', how: { kind: 'sign-flip', strength: 5 } },
  { name: 'Gaussian × 10', how: { kind: 'gaussian', strength: 10 } },
  { name: 'little is enough', how: { kind: 'little-is-enough', strength: 1.5 } },
  { name: 'inner product × 2', how: { kind: 'inner-product', strength: 2 } },
] as const;
type Attack = (typeof ATTACKS)[number];
const RULES_DEFAULT = [
  'mean',
  'clip:1|cosine/median:1',
  'clip:1|nnm:0.2|trimmed:0.2,1/median:1',
  'clip:1|nnm:0.2|multi-krum:0.2/median:1',
  // Of 1, 1.1 and 1.5 the middle: shorter lets sign flip through, longer the inner product.
  'clip:1.1|nnm:0.2|multi-krum:0.2/median:1',
  'clip:1|minimum-diameter:0.2/median:1',
];
const rules = process.argv.length > 2 ? process.argv.slice(2) : RULES_DEFAULT;
/** Points that a rule may cost. */
const BAR = 2;

/** Lowest accuracy of an honest peer in the end, in percent. Without an attack the two are not there. */
async function accuracyWith(
  rule: string,
  { seed, liars }: Cast,
  attack: Attack | undefined,
): Promise<number> {
  const input: ScenarioInput = {
    name: 'attackers',
    seed,
    peers: PEERS,
    learner: { kind: 'train', data: 'mnist', samples: 8_000, partition: 'file:data/partition-dir0.5.json' },
    manifest: { model: 'mlp:256', data: { inputs: 784, classes: 10, scale: 255 }, aggregation: { rule } },
    attackers: attack === undefined ? [] : [{ ...attack.how, peers: [...liars], fromGeneration: 1 }],
    faults: attack === undefined ? liars.map((peer) => ({ kind: 'kill' as const, peer, atMs: 200 })) : [],
    end: { generations: GENERATIONS },
  };
  const parsed = parseScenario(input);
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  const { simulation, close } = await openSimulation(parsed.scenario, { threads: availableParallelism() });
  const { peers, violation, agreed } = await simulation.run();
  await close();
  assert(agreed && violation === undefined, `${rule}: ${violation?.text ?? 'no agreement'}`);
  const honest = peers.filter((_, i) => !liars.some((liar) => liar === i));
  return 100 * Math.min(...honest.map(({ accuracy }) => accuracy ?? Number.NaN));
}

interface Row {
  readonly rule: string;
  /** By attack; the first one is without. Each by seed. */
  readonly accuracy: readonly (readonly number[])[];
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const rows: Row[] = [];
for (const rule of rules) {
  const accuracy: number[][] = [];
  for (const attack of [undefined, ...ATTACKS]) {
    const bySeed: number[] = [];
    for (const cast of CASTS) bySeed.push(await accuracyWith(rule, cast, attack));
    accuracy.push(bySeed);
  }
  rows.push({ rule, accuracy });
  console.error(rule, accuracy.map((bySeed) => mean(bySeed).toFixed(2)).join(' '));
}
const honestAlone = mean((rows.find(({ rule }) => rule === 'mean') ?? rows[0]).accuracy[0]);
const cell = (bySeed: readonly number[]): string => {
  const text = mean(bySeed).toFixed(1);
  return honestAlone - mean(bySeed) <= BAR ? text : `*${text}*`;
};
const text = [
  '# Two liars among ten',
  '',
  `\`npm run bench:attackers\` wrote this page and attackers.json. ${cpus().length} cores, ${cpus()[0].model}, Node ${process.version}.`,
  `Ten peers in the simulator, the first 8,000 digits, \`data/partition-dir0.5.json\`, \`mlp:256\`, \`top1:1\`, outer momentum 0.7,`,
  `${GENERATIONS} generations; two of the ten lie from the first generation on and know the deltas of the others. The lowest`,
  `accuracy of an honest peer on the 10,000 test digits in %, mean of ${CASTS.length} seeds with other liars each. The eight honest`,
  `peers alone come to ${honestAlone.toFixed(1)} with the mean; what is more than ${BAR} points below stands in italics.`,
  '',
  `| rule | eight honest alone | ${ATTACKS.map(({ name }) => name).join(' | ')} |`,
  `| --- | --: | ${ATTACKS.map(() => '--:').join(' | ')} |`,
  ...rows.map(
    ({ rule, accuracy }) => `| \`${rule.replaceAll('|', '\\|')}\` | ${accuracy.map(cell).join(' | ')} |`,
  ),
  '',
].join('\n');
writeFileSync('docs/benchmarks/attackers.md', text);
writeFileSync('docs/benchmarks/attackers.json', `${JSON.stringify({ honestAlone, rows })}\n`);
console.log(text);
