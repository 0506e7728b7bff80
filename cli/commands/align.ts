// Flags of `meldmesh align`: the same model with its units in another model's order.
import { type Command, Option } from 'commander';
import type { AlignWords } from '../align/align.ts';
import { wholeNumber } from '../option-values.ts';

const EXAMPLES = `
Examples:
  meldmesh align a.safetensors b.safetensors -o b2.safetensors
  meldmesh align a.safetensors b.safetensors -o b2.safetensors --method activations --data mnist
  meldmesh align gpt2-a.safetensors gpt2-b.safetensors -o b2.safetensors --heads 12 --json
  meldmesh align a.safetensors b.safetensors -o b2.safetensors --spec spec.json

Two networks that were trained apart order their units differently. The aligned one is the same function, and can be averaged
with the other (Ainsworth et al. 2023). Checkpoints are .safetensors of any names: plain stacks, ResNet, GPT-2, Llama, BERT
and ViT are known; docs/symmetries.md says how to describe others.`;

/** Adds the command to a program. */
export function addAlign(program: Command): void {
  program
    .command('align')
    .description("bring a checkpoint's units into the order of another one's")
    .argument('<a>', 'the checkpoint whose order is taken')
    .argument('<b>', 'the one to permute')
    .requiredOption('-o, --out <file>', 'where the permuted one goes')
    .addOption(
      new Option('--method <name>', 'what tells which units belong together')
        .choices(['weights', 'sinkhorn', 'activations', 'ste'])
        .default('weights'),
    )
    .option('--spec <file>', 'auto, or a permutation spec as JSON', 'auto')
    .addOption(
      new Option('--layout <name>', 'of kernels, where shapes do not tell').choices(['torch', 'tfjs']),
    )
    .option('--heads <n>', 'attention heads, which shapes do not tell', wholeNumber(1, 4_096))
    .option('--starts <n>', 'orders of weight matching that are tried', wholeNumber(1, 1_000), 10)
    .option('--steps <n>', 'steps of --method ste', wholeNumber(1, 1_000_000), 500)
    .option('--manifest <file>', 'for model files that carry no manifest')
    .option('--data <path>', 'mnist, an IDX pair or folder, CSV or NPZ: to run the models on')
    .option('--test <path>', 'samples to score on (default: the test set of --data, or all of it)')
    .option('--label-column <name>', 'CSV: name or number of the column with the label')
    .option('--samples <n>', 'first training samples to use', wholeNumber(1, 10_000_000), 10_000)
    .option('--test-samples <n>', 'first samples to score on (default: all)', wholeNumber(1, 10_000_000))
    .option('--points <n>', 'places at which the barrier is looked for', wholeNumber(2, 10_001), 25)
    .option('--seed <text>', 'start of all chance', '1')
    .option('--force', 'write over a file that is there', false)
    .option('--json', 'print one JSON object as the last line of standard output', false)
    .addHelpText('after', EXAMPLES)
    .action(async (first: string, second: string, options: AlignWords) => {
      const { runAlign } = await import('../align/align.ts');
      await runAlign({ first, second }, options);
    });
}
