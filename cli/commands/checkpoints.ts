// Flags of `meldmesh checkpoints` and its five parts. The work is in cli/checkpoints.ts.
import type { Command } from 'commander';
import type { ExportWords, ImportWords, StoreWords } from '../checkpoints.ts';
import { wholeNumber } from '../option-values.ts';

const EXAMPLES = `
Examples:
  meldmesh checkpoints list
  meldmesh checkpoints verify --store .meldmesh/node
  meldmesh checkpoints export --out model.safetensors
  meldmesh checkpoints export --out web/model.json           for TensorFlow.js
  meldmesh checkpoints import backup.safetensors --store .meldmesh/new
  meldmesh checkpoints prune --history

The node must not run: its database is locked then.`;

/** Adds the commands to a program. */
export function addCheckpoints(program: Command): void {
  const group = program
    .command('checkpoints')
    .description('look into, prove, export, import and prune the store of a node that does not run')
    .addHelpText('after', EXAMPLES);
  const part = (name: string, text: string): Command =>
    group
      .command(name)
      .description(text)
      .option('--json', 'print one JSON object', false)
      .addHelpText('after', EXAMPLES);
  const onStore = (command: Command): Command =>
    command.option('--store <dir>', 'folder of a node (default: .meldmesh/node, else the newest mesh)');
  const work = () => import('../checkpoints.ts');

  onStore(part('list', 'what the store holds')).action(async (words: StoreWords) =>
    (await work()).listCheckpoints(words),
  );
  onStore(
    part('verify', 'recompute the model from mesh id and deltas; exit status 1 when it differs'),
  ).action(async (words: StoreWords) => {
    process.exitCode = (await (await work()).verifyCheckpoints(words)) ? 0 : 1;
  });
  onStore(part('export', 'write a model as .safetensors, or as model.json of TensorFlow.js'))
    .requiredOption('--out <file>', 'where to; the name decides on the format')
    .option('--generation <n>', 'an older model', wholeNumber(0, 4e9))
    .option('--state', 'the outer momentum too: a backup that `import` brings back whole', false)
    .action(async (words: ExportWords) => (await work()).exportCheckpoint(words));
  part('import', 'make a new store begin with a model from a file')
    .argument('<file>', '.safetensors, or model.json of TensorFlow.js')
    .requiredOption('--store <dir>', 'folder of a node that has no history yet')
    .option('--manifest <file>', 'manifest of the mesh (default: the one in the file)')
    .action(async (file: string, words: ImportWords) => (await work()).importCheckpoint(file, words));
  onStore(part('prune', 'throw away what nothing refers to, and compact the database'))
    .option('--history', 'also the deltas that are sealed under a copy of the model', false)
    .action(async (words: StoreWords & { history: boolean }) => (await work()).pruneCheckpoints(words));
}
