// Flags of `meldmesh evaluate`: how good is a model on labelled data?
import type { Command } from 'commander';
import type { EvaluateOptions } from '../model-use.ts';
import { backendChoice } from '../option-values.ts';

const EXAMPLES = `
Examples:
  meldmesh evaluate --model model.safetensors --data mnist       the 10,000 test digits
  meldmesh evaluate --store .meldmesh/node --data test.csv --label-column digit

A file that has a test set is evaluated on it, any other file on all its samples.`;

/** Adds the command to a program. */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('accuracy and loss of a model on labelled data')
    .option('--model <file>', 'a .safetensors file of mesh, join or checkpoints export')
    .option('--store <dir>', 'or the newest model of a node, running or not')
    .option('--manifest <file>', 'for a model file that carries no manifest')
    .requiredOption('--data <path>', 'mnist, an IDX pair or folder, CSV or NPZ')
    .option('--label-column <name>', 'CSV: name or number of the column with the label')
    .option('--backend <name>', 'auto, node, wasm or cpu', backendChoice, 'auto')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', EXAMPLES)
    .action(async (options: EvaluateOptions) => {
      const { runEvaluate } = await import('../model-use.ts');
      await runEvaluate(options);
    });
}
