// Flags of `meldmesh history`: the deltas behind a model, and the model without one member.
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { HistoryOptions } from '../history.ts';

const EXAMPLES = `
Examples:
  meldmesh history                                   every delta, one line each
  meldmesh history --by author                       who contributed how much
  meldmesh history --by generation --store .meldmesh/node
  meldmesh history --without 12D3KooW… --out without.safetensors

The node must not run: its database is locked then.`;

/** Adds the command to a program. */
export function addHistory(program: Command): void {
  program
    .command('history')
    .description('list the deltas behind a model, or recompute it without one member')
    .option('--store <dir>', 'folder of a node (default: .meldmesh/node, else the newest mesh)')
    .option('--by <what>', 'sum up by author or by generation', grouping)
    .option('--without <peer id>', 'recompute the newest model without this member')
    .option('--out <file>', 'with --without: write that model as safetensors')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', EXAMPLES)
    .action(async (options: HistoryOptions) => {
      const { runHistory } = await import('../history.ts');
      await runHistory(options);
    });
}

function grouping(text: string): 'author' | 'generation' {
  if (text === 'author' || text === 'generation') return text;
  throw new InvalidArgumentError('Use author or generation.');
}
