// The benchmarks of the fusion library, each part in a process of its own, which prints its section and fails where a bar is
// missed. Writes docs/benchmarks/fusion.json, and fusion.md from it; a part that is not measured keeps its last section.
// Usage: npm run bench:fusion [-- part … --fresh --page]; --fresh trains again, which takes about ten minutes; --page measures
// nothing and writes the page from the figures that are there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { forgetTrainedWeights } from './trained-weights.ts';

/** Title of each part; its file has the name of the part. */
const PARTS: Readonly<Record<string, string>> = {
  planted: 'Planted permutations',
  'mlp-pairs': 'Two MLPs, aligned by weights',
  'cnn-pair': 'Two CNNs',
  'residual-pair': 'Two residual nets with batch norm',
  connect: 'A curve of low loss between two MLPs',
  matching: 'Speed of weight matching',
  robust: 'Speed of robust means',
};

interface Section {
  /** Markdown below the title. */
  readonly text: string;
  /** What the part said on its standard error: bars that were missed. */
  readonly missed: readonly string[];
  readonly machine: string;
}

type Measured = Readonly<Record<string, Section>>;

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../../docs/benchmarks/${name}`, import.meta.url));
const fileOf = (part: string): string => fileURLToPath(new URL(`${part}.ts`, import.meta.url));

function measure(part: string): Section {
  const run = spawnSync(process.execPath, [...process.execArgv, fileOf(part)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  assert(run.status !== null, `${part} was ended by ${run.signal}`);
  const missed = run.stderr.trim().split('\n').filter(Boolean);
  assert(run.stdout.includes('| --- |'), `${part} printed no table: ${run.stderr}`);
  const machine = `${cpus().length} cores, ${cpus()[0].model}, Node ${process.version}`;
  return { text: run.stdout.trim(), missed, machine };
}

function page(measured: Measured): string {
  const sections = Object.entries(PARTS).flatMap(([part, title]) => {
    const section = measured[part];
    if (section === undefined) return [];
    const { text, missed, machine } = section;
    const bars = missed.length === 0 ? ['All bars were met.'] : missed.map((line) => `- ${line}`);
    return [`## ${title}`, '', `\`npm run bench:fusion -- ${part}\`; ${machine}.`, '', text, '', ...bars, ''];
  });
  return [
    '# The fusion library',
    '',
    '`npm run bench:fusion` wrote this page, a part at a time. Digits are those of MNIST. Models that are trained for it are kept in',
    '`node_modules/.cache/meldmesh-fusion`; `--fresh` trains them again. Seeds are stated; the same seeds give the same models on the',
    'same kind of processor. Parts say below their tables which bars were missed.',
    '',
    ...sections,
  ].join('\n');
}

const words = process.argv.slice(2);
const chosen = words.filter((word) => !word.startsWith('--'));
if (words.includes('--fresh')) forgetTrainedWeights();
const json = pathOf('fusion.json');
let measured: Measured = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : {};
const isPageOnly = words.includes('--page');
for (const part of chosen.length === 0 && !isPageOnly ? Object.keys(PARTS) : chosen) {
  assert(part in PARTS, `there is no part ${part}; there are ${Object.keys(PARTS).join(', ')}`);
  const section = measure(part);
  console.log(`${part}\n${section.text}\n${section.missed.join('\n')}\n`);
  measured = { ...measured, [part]: section };
  writeFileSync(json, `${JSON.stringify(measured, undefined, 2)}\n`);
}
writeFileSync(pathOf('fusion.md'), page(measured));
