// CPU time of the robust means on twenty dense updates of a million numbers, and of sparse ones with 3 % of them, beside byzfl
// where MELDMESH_PYTHON (default python3) has it. Prints a table; fails where a rule takes more than three times as long.
// Usage: node test/bench/fusion/robust.ts [runs]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fuse, robustMeanNamed, type UpdateSet } from '../../../fusion/index.ts';

const COUNT = 20;
const SIZE = 1_000_000;
/** A top3 codec sends 3 % of the entries. */
const SPARSE_EVERY = 33;
const RATIO_MAX = 3;
const RULES = [
  ...['mean', 'median', 'trimmed', 'krum', 'multi-krum', 'centred-clip:1,1', 'geometric-median'],
  ...['minimum-diameter', 'nnm|trimmed', 'clip|nnm|trimmed', 'bulyan:0.1', 'sign-election', 'cosine'],
];
const runs = Number(process.argv[2] ?? 5);

type Rivals = Readonly<Record<string, { readonly numpy: number; readonly torch: number }>>;

/** The same numbers every time, spread evenly, by a linear congruence (Numerical Recipes, 7.1). */
function denseSet(): UpdateSet {
  let state = 1;
  const updates = Array.from({ length: COUNT }, () => ({
    weight: 1,
    values: Float32Array.from({ length: SIZE }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return state / 2 ** 31;
    }),
  }));
  return { size: SIZE, updates };
}

/** Half of the places are everybody's, as large entries are; the others are each member's own. */
function sparseSet({ updates }: UpdateSet): UpdateSet {
  const sparse = updates.map(({ values, weight }, member) => {
    const every = 2 * SPARSE_EVERY;
    const own = Array.from({ length: Math.floor(SIZE / every) }, (_, k) => k * every + 1 + member);
    const common = own.map((place) => place - 1 - member);
    const places = Uint32Array.from([...common, ...own]).sort();
    return { places, values: Float32Array.from(places, (place) => values[place]), weight };
  });
  return { size: SIZE, updates: sparse };
}

function milliseconds(set: UpdateSet, name: string): number {
  const mean = robustMeanNamed(name);
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const start = process.cpuUsage();
    fuse(set, mean);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

function rivals(): Rivals | undefined {
  const script = fileURLToPath(new URL('../peers/robust_byzfl.py', import.meta.url));
  const python = process.env.MELDMESH_PYTHON ?? 'python3';
  const { stdout, status } = spawnSync(python, [script, `${SIZE}`, `${runs}`], { encoding: 'utf8' });
  return status === 0 ? JSON.parse(stdout) : undefined;
}

const others = rivals();
const dense = denseSet();
const sparse = sparseSet(dense);
const misses: string[] = [];
console.log(`${COUNT} updates of ${SIZE} numbers, CPU ms on one thread, best of ${runs}`);
if (others === undefined) console.log('byzfl does not take part: MELDMESH_PYTHON has none, or no torch');
console.log('\n| rule | dense | byzfl numpy | byzfl torch | to the faster | sparse, 3 % |');
console.log('| --- | --- | --- | --- | --- | --- |');
for (const name of RULES) {
  const own = milliseconds(dense, name);
  const other = others?.[name];
  const ratio = other === undefined ? undefined : own / Math.min(other.numpy, other.torch);
  if (ratio !== undefined && ratio > RATIO_MAX)
    misses.push(`${name} takes ${ratio.toFixed(1)} times as long`);
  const cells = [own, other?.numpy, other?.torch].map((ms) => ms?.toFixed(1) ?? '–');
  const sparseMs = milliseconds(sparse, name).toFixed(1);
  console.log(
    `| ${[`\`${name.replaceAll('|', '\\|')}\``, ...cells, ratio?.toFixed(2) ?? '–', sparseMs].join(' | ')} |`,
  );
}
if (misses.length > 0) {
  console.error(misses.join('\n'));
  process.exitCode = 1;
}
