// The hidden command by which `mesh` computes its reference lines in a process of their own.
import type { Command } from 'commander';
import type { BackendChoice } from '../../learning/index.ts';
import { backendChoice, wholeNumber } from '../option-values.ts';

/** Adds the command to a program. */
export function addReferences(program: Command): void {
  program
    .command('references', { hidden: true })
    .description('train each shard of a mesh alone and all of them pooled; prints one JSON object')
    .requiredOption('--store <dir>', 'folder of the mesh')
    .requiredOption('--generations <n>', 'rounds of local epochs', wholeNumber(1, 100_000))
    .option('--backend <name>', 'auto, node, wasm or cpu', backendChoice, 'auto')
    .action(async (options: { store: string; generations: number; backend: BackendChoice }) => {
      const { computeReferences } = await import('../mesh/references.ts');
      process.stdout.write(`${JSON.stringify(await computeReferences(options))}\n`);
    });
}
