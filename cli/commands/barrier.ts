// Flags of `meldmesh barrier`: is there a hill of loss between two models, and does alignment take it away?
import { type Command, Option } from 'commander';
import type { BarrierWords } from '../connect/barrier.ts';
import { numberBetween, wholeNumber } from '../option-values.ts';

const EXAMPLES = `
Examples:
  meldmesh barrier a.safetensors b.safetensors --data mnist
  meldmesh barrier a.safetensors b.safetensors --data train.csv --test test.csv --label-column digit --repair --layers

The barrier is the highest loss above the line between the losses of the two models, on the straight way from one to the
other (Frankle et al. 2020, Entezari et al. 2022).`;

/** Flags that `barrier` and `connect` share. */
export function addPairOptions(command: Command): Command {
  return command
    .argument('<a>', 'a .safetensors file of ours, or of dense layers from elsewhere, or model.json')
    .argument('<b>', 'another model of the same layers')
    .option('--manifest <file>', 'for model files that carry no manifest')
    .addOption(
      new Option('--layout <name>', 'of kernels from elsewhere, where shapes do not tell').choices([
        'torch',
        'tfjs',
      ]),
    )
    .addOption(
      new Option('--activation <name>', 'of hidden layers from elsewhere')
        .choices(['relu', 'tanh'])
        .default('relu'),
    )
    .option(
      '--scale <n>',
      'what raw values are divided by (default: the manifest, or as is usual for the data)',
      numberBetween(0, 1e9, { above: true }),
    )
    .requiredOption('--data <path>', 'mnist, an IDX pair or folder, CSV or NPZ')
    .option('--test <path>', 'samples to score on (default: the test set of --data, or all of it)')
    .option('--label-column <name>', 'CSV: name or number of the column with the label')
    .option('--samples <n>', 'first training samples to use', wholeNumber(1, 10_000_000), 10_000)
    .option('--test-samples <n>', 'first samples to score on (default: all)', wholeNumber(1, 10_000_000))
    .option('--points <n>', 'places on the way, both ends included', wholeNumber(2, 10_001), 25)
    .option('--no-align', 'leave the units of the second model where they are')
    .option('--seed <text>', 'start of all chance', '1')
    .option('--json', 'print one JSON object as the last line of standard output', false);
}

/** Adds the command to a program. */
export function addBarrier(program: Command): void {
  addPairOptions(
    program.command('barrier').description('the loss barrier between two models, before and after alignment'),
  )
    .option('--refine <n>', 'so often the gaps beside the highest place are halved', wholeNumber(0, 40), 0)
    .option('--repair', 'also with REPAIR at every place', false)
    .option('--layers', 'also by layer', false)
    .addHelpText('after', EXAMPLES)
    .action(async (from: string, to: string, options: BarrierWords) => {
      const { runBarrier } = await import('../connect/barrier.ts');
      await runBarrier({ from, to }, options);
    });
}
