// Flags of `meldmesh predict`: what a model says about samples.
import type { Command } from 'commander';
import type { PredictOptions } from '../model-use.ts';
import { backendChoice, wholeNumber } from '../option-values.ts';

const EXAMPLES = `
Examples:
  meldmesh predict --model model.safetensors --data mnist --limit 20
  meldmesh predict --store .meldmesh/node --data new.csv > labels.csv

The output is CSV, one line a sample: the likeliest label and its probability. A CSV file may be without labels:
then it has exactly as many columns as the model takes.`;

/** Adds the command to a program. */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('labels and probabilities for samples, as CSV')
    .option('--model <file>', 'a .safetensors file of mesh, join or checkpoints export')
    .option('--store <dir>', 'or the newest model of a node, running or not')
    .option('--manifest <file>', 'for a model file that carries no manifest')
    .requiredOption('--data <path>', 'mnist, an IDX pair or folder, CSV or NPZ')
    .option('--label-column <name>', 'CSV: a column that is a label and not an input')
    .option('--limit <n>', 'only the first samples', wholeNumber(1, 1e9))
    .option('--backend <name>', 'auto, node, wasm or cpu', backendChoice, 'auto')
    .addHelpText('after', EXAMPLES)
    .action(async (options: PredictOptions) => {
      const { runPredict } = await import('../model-use.ts');
      await runPredict(options);
    });
}
