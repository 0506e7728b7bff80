// What models from elsewhere are worth to a running mesh: three newcomers bring one each, and the mesh aligns them, leaves
// them outside or takes them as they are. Writes docs/benchmarks/align.md and align.json. Usage: npm run demo:align
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openTrainer } from '../../../learning/index.ts';
import { loadMnist } from '../../../node/index.ts';
import type { Lineage } from '../../../protocols/index.ts';
import {
  ALONE,
  type AlignData,
  type AlignResult,
  FOREIGN_DIGITS,
  FOREIGN_EPOCHS,
  FOUNDERS,
  manifestFor,
  NEWCOMERS,
  OWN_DIGITS,
  runAlignMeshes,
  TOGETHER,
  trainElsewhere,
} from './align-mesh.ts';

const FOLDER = new URL('../../../docs/benchmarks/', import.meta.url);
const SEEDS = [1, 2, 3] as const;
const LINEAGES: readonly Lineage[] = ['align', 'adopt', 'naive'];

const { train, test } = loadMnist({ samples: 40_000 });
const { model: spec } = manifestFor({ seed: 1, lineage: 'align' });
const data: AlignData = { train, test, trainer: await openTrainer({ spec, scale: 255, backend: 'wasm' }) };

const startMs = performance.now();
const elsewhere: AlignResult[] = [];
const held: AlignResult[] = [];
for (const seed of SEEDS) {
  const foreign = Array.from({ length: NEWCOMERS }, (_, i) => trainElsewhere(seed, i, data));
  for (const lineage of LINEAGES) {
    const results = await runAlignMeshes({ seed, lineage }, foreign, data);
    elsewhere.push(results.elsewhere);
    held.push(results.held);
    for (const [name, { accuracy, stories }] of Object.entries(results)) {
      console.log(`${name}, seed ${seed}, ${lineage}: ${accuracy.map((share) => points(share)).join(' ')}`);
      for (const story of stories) console.log(`  ${story?.name} ${story?.outcome}: ${story?.reason}`);
    }
  }
}
const seconds = (performance.now() - startMs) / 1_000;

function points(share: number): string {
  return (100 * share).toFixed(1);
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean over the seeds after so many generations with the newcomers; 0: before them. */
function meanAfter(results: readonly AlignResult[], lineage: Lineage, generations: number): number {
  const own = results.filter((result) => result.lineage === lineage);
  return meanOf(own.map(({ accuracy }) => accuracy[ALONE + generations - 1]));
}

function table(results: readonly AlignResult[]): readonly string[] {
  const after = Array.from({ length: TOGETHER + 1 }, (_, i) => i);
  return [
    `| lineage | before | ${after.slice(1).join(' | ')} |`,
    `| --- | ${after.map(() => '--:').join(' | ')} |`,
    ...LINEAGES.map((lineage) => {
      const cells = after.map((generations) => (100 * meanAfter(results, lineage, generations)).toFixed(2));
      return `| \`${lineage}\` | ${cells.join(' | ')} |`;
    }),
  ];
}

function decisions(results: readonly AlignResult[]): readonly string[] {
  const rows = results.flatMap(({ seed, lineage, stories, foreignAccuracy }) =>
    lineage !== 'align'
      ? []
      : stories.map((story, i) => {
          const { decision, outcome } = story ?? {};
          const { chosen, shared, foreign, matchings = [] } = decision ?? {};
          const matching = matchings.find(({ method }) => method === chosen?.method) ?? matchings[0];
          const scores = [shared, foreign, chosen].map((each) =>
            each === undefined ? '–' : `${each.loss.toFixed(3)}, ${points(each.accuracy)}`,
          );
          const taken = chosen === undefined ? outcome : `${chosen.share * 100} % by ${chosen.method}`;
          const distance = `${matching?.distance.before.toFixed(1)} → ${matching?.distance.after.toFixed(1)}`;
          const row = [seed, i + 1, points(foreignAccuracy[i]), distance, ...scores, taken];
          return `| ${[...row, chosen?.barrier.toFixed(3) ?? '–'].join(' | ')} |`;
        }),
  );
  return [
    '| seed | newcomer | its model on the test digits | distance | S: loss, % | it: loss, % | taken: loss, % | taken | barrier |',
    '| --: | --: | --: | --: | --: | --: | --: | --- | --: |',
    ...rows,
  ];
}

const machine = `${cpus().length} cores, ${cpus()[0].model}, Node ${process.version}`;
const page = [
  '# Models from elsewhere in a running mesh',
  '',
  `\`npm run demo:align\` wrote this page and align.json in ${Math.round(seconds)} s. ${machine}; seeds ${SEEDS.join(', ')}.`,
  `Real nodes over loopback, MLP 784-256-10, \`top1:1\`: ${FOUNDERS} founders with ${OWN_DIGITS} MNIST digits each learn ${ALONE} generations from the`,
  `shared start. Then ${NEWCOMERS} members come, each with an MLP that was trained elsewhere, from a start of its own, for ${FOREIGN_EPOCHS} passes`,
  `over ${FOREIGN_DIGITS.toLocaleString('en')} digits that nobody else has. Accuracy of the shared model on the 10,000 test digits in %, mean of the seeds,`,
  'before they come and after so many generations with them. They know the history when they come, and nobody goes on without',
  'everybody (`quorum: 1`), so that speed decides nothing. The lineage is part of the manifest and so of the mesh id, from which',
  'the start is drawn: the three meshes of a seed have different starts. Each of them ended with one digest on all members.',
  '',
  '`align`: matched, judged on half of the newcomer’s own digits, and sent as one 8-bit delta that weighs 2,000 samples.',
  '`adopt`: dropped; the newcomer goes on from the mesh’s model. `naive`: sent as it is, for comparison.',
  '',
  `## The ${FOREIGN_DIGITS.toLocaleString('en')} digits stay elsewhere`,
  '',
  `A newcomer has ${OWN_DIGITS} digits of its own, other ones than its model has seen.`,
  '',
  ...table(elsewhere),
  '',
  'What was decided, on 200 digits of each newcomer’s own:',
  '',
  ...decisions(elsewhere),
  '',
  '## The newcomers hold them',
  '',
  `A newcomer’s own digits are the ${FOREIGN_DIGITS.toLocaleString('en')} that its model was trained on, so that \`adopt\` learns from them too. What its model is`,
  'judged on is then no hold-out for that model, and it comes in whole; nobody but its owner could know.',
  '',
  ...table(held),
  '',
];
writeFileSync(fileURLToPath(new URL('align.md', FOLDER)), page.join('\n'));
const record = { machine, seeds: SEEDS, seconds: Math.round(seconds), elsewhere, held };
writeFileSync(fileURLToPath(new URL('align.json', FOLDER)), `${JSON.stringify(record)}\n`);
console.log(page.join('\n'));
for (const [name, results] of [
  ['elsewhere', elsewhere],
  ['held', held],
] as const) {
  for (const generations of [1, TOGETHER]) {
    const [align, ...others] = LINEAGES.map((lineage) => meanAfter(results, lineage, generations));
    if (others.every((other) => align >= other)) continue;
    console.error(`${name}: align is not the best after ${generations} generations`);
    process.exitCode = 1;
  }
}
process.exit();
