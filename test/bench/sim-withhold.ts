// Withhold and release on digits, generation by generation, with and without; ten peers, the first 8,000 digits,
// Dirichlet(0.5), default codec. Writes docs/benchmarks/sim-withhold.md. Usage: npm run bench:sim-withhold
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Falls } from '../sim/falls.ts';
import { withheldDigits } from '../sim/withheld-digits.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/benchmarks/sim-withhold.md', import.meta.url));
const GENERATIONS = 25;
/** Nobody, one and two of ten. */
const CASTS: readonly (readonly number[])[] = [[], [3], [3, 7]];
const STRENGTHS = [1, 2, 3, 6] as const;
const SEEDS = ['1', '2', '3'] as const;
/** Of the table by generation. */
const SHOWN = { seed: '1', strength: 3 } as const;

const points = (share: number | undefined, digits = 2): string =>
  share === undefined ? '–' : (100 * share).toFixed(digits);

const rows: string[] = [];
let shown: readonly Falls[] = [];
let worst = 0;
for (const seed of SEEDS) {
  // Without liars nothing depends on what they would keep back.
  const quiet = await withheldDigits({
    seed,
    liars: [],
    strength: 1,
    generations: GENERATIONS,
    model: 'mlp:256',
  });
  for (const strength of STRENGTHS) {
    const all = [quiet];
    for (const liars of CASTS.slice(1)) {
      all.push(await withheldDigits({ seed, liars, strength, generations: GENERATIONS, model: 'mlp:256' }));
    }
    if (seed === SHOWN.seed && strength === SHOWN.strength) shown = all;
    worst = Math.max(worst, ...all.slice(1).map(({ largest }) => largest));
    const cells = all.flatMap(({ largest, scores }) => [points(largest), points(scores.get(GENERATIONS))]);
    rows.push(`| ${[seed, strength, ...cells].join(' | ')} |`);
    console.log(rows.at(-1));
  }
}
const generations = Array.from({ length: GENERATIONS }, (_, i) => {
  const cells = shown.map(({ scores }) => points(scores.get(i + 1)));
  return `| ${[i + 1, ...cells].join(' | ')} |`;
});
const text = [
  '# Withhold and release',
  '',
  '`npm run bench:sim-withhold` wrote this page: ten peers, the first 8,000 digits, Dirichlet(0.5), `mlp:256`, `top1:1`, network of',
  '`clean`. From generation 5 on one or two of the ten keep so many generations back and publish them at once, again and again.',
  'A dip is how far an honest peer fell below its own best accuracy, looked at after every generation and every correction.',
  '',
  `The largest dip is ${points(worst)} points.`,
  '',
  '| seed | kept back | nobody: dip | at the end, % | one: dip | at the end, % | two: dip | at the end, % |',
  '| --- | --: | --: | --: | --: | --: | --: | --: |',
  ...rows,
  '',
  `Accuracy of the honest peers in % when they first had each generation, seed ${SHOWN.seed}, ${SHOWN.strength} kept back:`,
  '',
  '| generation | nobody | one | two |',
  '| --: | --: | --: | --: |',
  ...generations,
  '',
];
writeFileSync(DOCUMENT, text.join('\n'));
