// Flags of `meldmesh connect`: a curve of low loss between two models, and a page with the curve and the plane around it.
import { type Command, Option } from 'commander';
import type { ConnectWords } from '../connect/connect-outcome.ts';
import { numberBetween, wholeNumber } from '../option-values.ts';
import { addPairOptions } from './barrier.ts';

const EXAMPLES = `
Examples:
  meldmesh connect a.safetensors b.safetensors --data mnist
  meldmesh connect a.safetensors b.safetensors --data train.npz --curve chain --bends 3 --epochs 30 --out chain.html
  meldmesh connect a.safetensors b.safetensors --data mnist --no-align --grid 0 --json

The page opens offline: loss and accuracy along the straight way and along the curve, and the plane through both models and
the curve's middle point (Garipov et al. 2018).`;

/** Adds the command to a program. */
export function addConnect(program: Command): void {
  addPairOptions(
    program.command('connect').description('a curve of low loss between two models, as a page with plots'),
  )
    .addOption(
      new Option('--curve <kind>', 'form of the curve').choices(['bezier', 'chain']).default('bezier'),
    )
    .option('--bends <n>', 'trained points of the curve', wholeNumber(1, 16), 1)
    .option('--epochs <n>', 'epochs over the training samples', wholeNumber(1, 100_000), 20)
    .option('--rate <n>', 'learning rate of Adam', numberBetween(0, 10, { above: true }), 1e-3)
    .option('--grid <n>', 'places of the plane each way; 0: no plane', wholeNumber(0, 200), 21)
    .option('-o, --out <file>', 'the page', 'connect.html')
    .option('--force', 'write over a page that is there', false)
    .addHelpText('after', EXAMPLES)
    .action(async (from: string, to: string, options: ConnectWords) => {
      const { runConnect } = await import('../connect/connect.ts');
      await runConnect({ from, to }, options);
    });
}
