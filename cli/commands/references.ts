// The hidden command by which `mesh` computes a reference line in a process of its own.
import { type Command, InvalidArgumentError } from 'commander';
import type { BackendChoice } from '../../learning/index.ts';
import { backendChoice, wholeNumber } from '../option-values.ts';

/** Adds the command to a program. */
export function addReferences(program: Command): void {
  program
    .command('references', { hidden: true })
    .description('train each shard of a mesh alone, or all of them pooled; prints a JSON list')
    .requiredOption('--store <dir>', 'folder of the mesh')
    .requiredOption('--generations <n>', 'rounds of local epochs', wholeNumber(1, 100_000))
    .requiredOption('--part <name>', 'alone or pooled', partName)
    .option('--backend <name>', 'auto, node, wasm or cpu', backendChoice, 'auto')
    .action(async (options: ReferencesWords) => {
      const { computeReference } = await import('../mesh/references.ts');
      process.stdout.write(`${JSON.stringify(await computeReference(options))}\n`);
    });
}

interface ReferencesWords {
  readonly store: string;
  readonly generations: number;
  readonly part: 'alone' | 'pooled';
  readonly backend: BackendChoice;
}

function partName(text: string): 'alone' | 'pooled' {
  if (text === 'alone' || text === 'pooled') return text;
  throw new InvalidArgumentError('Use alone or pooled.');
}
