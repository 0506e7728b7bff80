// Flags of `meldmesh sim`. The work is in cli/sim/ and is loaded when the command runs.
import { type Command, InvalidArgumentError } from 'commander';
import { numberBetween, wholeNumber } from '../option-values.ts';
import type { FuzzCommandOptions } from '../sim/fuzz.ts';
import type { ShardChoice, SimOptions, Variation, VariedFlag } from '../sim/options.ts';
import { VARIED_FLAGS } from '../sim/options.ts';
import type { ShrinkCommandOptions } from '../sim/shrink.ts';

const EXAMPLES = `
Examples:
  meldmesh sim --list                             presets and attackers, each with its story
  meldmesh sim wan                                ten peers on a bad network learn digits
  meldmesh sim churn --peers 30 --seed 7 --report churn.html
  meldmesh sim my-world.yaml --json > run.txt     the last line is one JSON object
  meldmesh sim clean --seeds 1..10 --vary codec=top1:1,sign,int8 --out results
  meldmesh sim wan --seeds 1..100 --shard 3/20 --out results      the third of twenty machines
  meldmesh sim merge results                      the table of all that was run
  meldmesh sim fuzz --minutes 5                   random worlds; what fails is told with its seed
  meldmesh sim shrink sim-failure-17.json         the smallest scenario that still fails

A run is a function of its scenario and its seed: the trace hash at the end is the same every time.`;

/** Adds the command and its subcommands to a program. */
export function addSim(program: Command): void {
  const sim = program
    .command('sim')
    .description('run a whole mesh in this process, in virtual time, with faults and attackers')
    .argument('[scenario]', 'a preset, or a file in YAML or JSON (- reads it from standard input)')
    .option('--peers <n>', 'peers', wholeNumber(1, 10_000))
    .option('--generations <n>', 'generations to learn', wholeNumber(1, 100_000))
    .option('--seed <text>', 'start of all chance (default: 1, or what the file says)')
    .option('--codec <name>', 'float32, int8, int4, sign or top<percent>:<8|2|1>')
    .option('--model <name>', 'mlp:H, or mlp:H,H for more hidden layers')
    .option('--data <name>', 'mnist, bowl (no data at all), or a file as for `join`')
    .option('--partition <name>', 'who gets which samples: iid, dirichlet:A or file:F')
    .option('--samples <n>', 'first training samples to share out', wholeNumber(1, 10_000_000))
    .option('--threads <n>', 'threads that train (default: one for each core)', wholeNumber(1, 256))
    .option('--report <file>', 'write a page with plots, HTML that opens offline')
    .option('--record <file>', 'keep the deltas, for a scenario whose learner replays them')
    .option('--json', 'print one JSON object as the last line of standard output', false)
    .option('--list', 'show presets and attackers', false)
    .option('--seeds <list>', 'a sweep over seeds: 1..10 or 3,5,8', seedList)
    .option('--vary <flag=values>', 'a sweep over a flag, several times: codec=top1:1,sign', collectVariation)
    .option('--shard <i/n>', 'run only the i-th of n parts of a sweep', shardChoice)
    .option('--out <dir>', 'keep the results of a sweep here; what is there already is not run again')
    .option('--workers <n>', 'processes of a sweep (default: one for each core)', wholeNumber(1, 1_024))
    .addHelpText('after', EXAMPLES)
    .enablePositionalOptions()
    .action(async (source: string | undefined, options: SimOptions) => {
      process.exitCode = await start(source, options);
    });
  addMerge(sim);
  addFuzz(sim);
  addShrink(sim);
}

async function start(source: string | undefined, options: SimOptions): Promise<number> {
  const { PRESET_DEFAULT } = await import('../sim/scenario.ts');
  if (options.list) {
    const { listLines, listObject } = await import('../sim/list.ts');
    process.stdout.write(options.json ? `${JSON.stringify(listObject())}\n` : `${listLines().join('\n')}\n`);
    return 0;
  }
  const scenario = source ?? PRESET_DEFAULT;
  if (options.seeds === undefined && options.vary === undefined) {
    const { runSim } = await import('../sim/run.ts');
    return runSim(scenario, options);
  }
  const { runSweep } = await import('../sim/sweep/run.ts');
  return runSweep(scenario, options);
}

function addMerge(sim: Command): void {
  sim
    .command('merge')
    .description('one table from the results of a sweep, wherever they were run')
    .argument('<dir>', 'folder with the results')
    .option('--json', 'print one JSON object a result', false)
    .action(async (folder: string, options: { readonly json: boolean }) => {
      const { mergeResults } = await import('../sim/sweep/merge.ts');
      process.exitCode = mergeResults(folder, options);
    });
}

function addFuzz(sim: Command): void {
  sim
    .command('fuzz')
    .description('draw random worlds, each from its seed, and report those that fail')
    .option(
      '--seeds <n>',
      'worlds at most (default: 100, or as many as the minutes hold)',
      wholeNumber(1, 1e9),
    )
    .option('--minutes <n>', 'stop after so long', numberBetween(0, 100_000, { above: true }))
    .option('--from <seed>', 'the first seed (default: 1)')
    .option('--json', 'print one JSON object as the last line of standard output', false)
    .action(async (options: FuzzCommandOptions) => {
      const { runFuzz } = await import('../sim/fuzz.ts');
      process.exitCode = await runFuzz(options);
    });
}

function addShrink(sim: Command): void {
  sim
    .command('shrink')
    .description('remove faults, peers and time from a failure until nothing more can go')
    .argument('<failure>', 'the file that `fuzz` has written')
    .option('-o, --out <file>', 'scenario to write (default: the name of the failure with -small in it)')
    .option('--json', 'print one JSON object as the last line of standard output', false)
    .action(async (failure: string, options: ShrinkCommandOptions) => {
      const { runShrink } = await import('../sim/shrink.ts');
      process.exitCode = await runShrink(failure, options);
    });
}

/** `1..10`, `3,5,8`, `1..3,7`. */
export function seedList(text: string): readonly string[] {
  const seeds = text.split(',').flatMap((part) => {
    const [, first, last] = /^(\d{1,9})\.\.(\d{1,9})$/.exec(part) ?? [];
    if (first === undefined) return [part];
    const count = Number(last) - Number(first) + 1;
    if (count < 1 || count > 1_000_000) throw new InvalidArgumentError('Give a range such as 1..10.');
    return Array.from({ length: count }, (_, i) => String(Number(first) + i));
  });
  if (seeds.some((seed) => seed === '')) throw new InvalidArgumentError('Give seeds such as 1..10 or 3,5,8.');
  return [...new Set(seeds)];
}

/** `codec=top1:1,sign`; a value with commas in it, as of a model, is put in quotes: `model="mlp:8,8",mlp:16`. */
export function collectVariation(text: string, before: readonly Variation[] = []): readonly Variation[] {
  const [, name, list] = /^([a-z-]+)=(.+)$/.exec(text) ?? [];
  const flag = VARIED_FLAGS.find((each): each is VariedFlag => each === name);
  if (flag === undefined)
    throw new InvalidArgumentError(`Give one of ${VARIED_FLAGS.join(', ')} and values.`);
  if (before.some((each) => each.flag === flag)) throw new InvalidArgumentError(`${flag} varies already.`);
  const values = Array.from(list.matchAll(/"([^"]*)"|[^,]+/g), (match) => match[1] ?? match[0]);
  return [...before, { flag, values: [...new Set(values)] }];
}

/** `3/20`. */
export function shardChoice(text: string): ShardChoice {
  const [, part, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  if (part === undefined || Number(part) < 1 || Number(part) > Number(of)) {
    throw new InvalidArgumentError('Give a part and the number of parts, such as 3/20.');
  }
  return { part: Number(part), of: Number(of) };
}
