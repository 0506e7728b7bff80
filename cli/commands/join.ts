// Flags of `meldmesh join`. The work is in cli/join/ and is loaded when the command runs.
import type { Command } from 'commander';
import type { JoinOptions } from '../join/options.ts';
import { backendChoice, collectAddress, commandWords, wholeNumber } from '../option-values.ts';
import { NODE_STORE } from '../stores.ts';

const EXAMPLES = `
Examples:
  meldmesh join --manifest manifest.json --data mnist         found the mesh of \`meldmesh init\`
  meldmesh join meldmesh1:… --data digits.csv --label-column digit
  meldmesh join meldmesh1:… --data train.npz --test mnist --generations 40
  meldmesh join meldmesh1:… --trainer "python3 train.py"      train with a program of your own, in any framework
  meldmesh join meldmesh1:… --data my.csv --trainer "python3 train.py --lr 0.1"     the same, on these samples
  meldmesh join meldmesh1:… --data my.csv --from checkpoint.safetensors       where the mesh takes such models
  meldmesh join meldmesh1:… --observe                         follow without training
  meldmesh join --store .meldmesh/node                        go on after a stop, with the same settings
  meldmesh join --manifest manifest.json --data my.csv --dry-run   what would leave this machine?

There is no privacy guarantee: who sees your deltas can learn things about your data.`;

/** Adds the command to a program. */
export function addJoin(program: Command): void {
  program
    .command('join')
    .argument('[invitation]', 'the string that a founder or a running node prints')
    .description('run one node: join a mesh by invitation, found one by manifest, or go on in a store')
    .option('--manifest <file>', 'found the mesh of this manifest, or join it with --bootstrap')
    .option('--data <path>', 'training data: mnist, an IDX pair or folder, CSV or NPZ')
    .option('--label-column <name>', 'CSV: name or number of the column with the label')
    .option('--indices <file>', 'use only these samples of the data: {"indices": [0, 5, …]}')
    .option('--test <path>', 'evaluate each generation on this data: mnist or a file')
    .option('--store <dir>', "folder of this node's own", NODE_STORE)
    .option(
      '--generations <n>',
      'stop contributing after this generation, and soon after that',
      wholeNumber(1, 4e9),
    )
    .option('--keep-running', 'after --generations, go on serving the others until Ctrl-C', false)
    .option('--listen <multiaddr>', 'where to listen (default: /ip4/0.0.0.0/tcp/0)', collectAddress)
    .option('--announce <multiaddr>', 'address under which others reach this node', collectAddress)
    .option('--bootstrap <multiaddr>', 'one more address to dial', collectAddress)
    .option('--observe', 'follow without training', false)
    .option('--from <file>', 'bring a model that was trained elsewhere: safetensors or model.json')
    .option('--no-from', 'bring none, where the store remembers one that has not come in')
    .option(
      '--from-samples <n>',
      'samples that it was trained on (default: as its file says, or as many as --data has)',
      wholeNumber(1, 1_000_000_000),
    )
    .option('--trainer <command>', 'train with this program instead; see docs/trainers.md', commandWords)
    .option('--no-trainer', 'train in this process again, where the store remembers a trainer')
    .option(
      '--trainer-timeout <seconds>',
      'longest training of one generation by the trainer (default: 600)',
      wholeNumber(1, 1_000_000),
    )
    .option('--backend <name>', 'auto, node, wasm or cpu', backendChoice, 'auto')
    .option('--threads <n>', 'threads of the numeric backend', wholeNumber(1, 256), 1)
    .option('--seed <text>', 'order of batches and rounding (default: drawn)')
    .option(
      '--wait-for-peers <n>',
      'wait up to a minute for so many members before training',
      wholeNumber(1, 10_000),
    )
    .option('--no-mdns', 'do not look for members in the local network')
    .option('--dry-run', 'print what would leave this machine, and do nothing', false)
    .option('--json', 'print one JSON object a line for each event', false)
    .addHelpText('after', EXAMPLES)
    .action(async (invitation: string | undefined, options: JoinOptions, command: Command) => {
      const { runJoin } = await import('../join/run.ts');
      const given = Object.keys(options).filter((name) => command.getOptionValueSource(name) === 'cli');
      const status = await runJoin({ invitation, options, given });
      // Whatever a library still keeps open, this node has stopped: its store is closed and its lines are out.
      process.exit(status);
    });
}
