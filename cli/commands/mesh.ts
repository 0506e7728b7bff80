// Flags of `meldmesh mesh`. The work is in cli/mesh/ and is loaded when the command runs.
import type { Command } from 'commander';
import type { MeshOptions } from '../mesh/options.ts';
import { backendChoice, collectAddress, commandText, numberBetween, wholeNumber } from '../option-values.ts';

const EXAMPLES = `
Examples:
  meldmesh mesh
  meldmesh mesh --peers 10 --partition file:data/partition-dir0.5.json --samples 8000
  meldmesh mesh --codec int8 --generations 40 --seed 7 --out model.safetensors
  meldmesh mesh --trainer "python3 train.py" --trainer-nodes 2    two of the five train with a program of yours
  meldmesh mesh --store .meldmesh/my-mesh         a folder that exists already goes on where it was
  meldmesh mesh --json > run.txt                  the last line is one JSON object

The nodes are ordinary \`meldmesh join\` processes. If this command is killed they learn on to the end;
\`meldmesh status --store DIR\` shows them, Ctrl-C here stops them.`;

/** Adds the command to a program. */
export function addMesh(program: Command): void {
  program
    .command('mesh')
    .description('start a mesh of nodes on this machine that learn MNIST, and watch them')
    .option('--peers <n>', 'nodes', wholeNumber(1, 100), 5)
    .option('--generations <n>', 'generations to learn', wholeNumber(1, 100_000), 20)
    .option('--partition <name>', 'who gets which digits: iid, dirichlet:A or file:F', 'dirichlet:0.5')
    .option('--samples <n>', 'first training digits to share out (default: 8000)', wholeNumber(1, 60_000))
    .option('--model <name>', 'mlp:H, or mlp:H,H for more hidden layers', 'mlp:256')
    .option('--codec <name>', 'float32, int8, int4, sign or top<percent>:<8|2|1>', 'top1:1')
    .option('--local-epochs <n>', 'passes over the own digits in a generation', wholeNumber(1, 1_000), 1)
    .option('--batch <n>', 'digits in a batch', wholeNumber(1, 65_536), 32)
    .option('--lr <x>', 'learning rate of SGD', numberBetween(0, 100, { above: true }), 0.05)
    .option('--momentum <x>', 'momentum of SGD', numberBetween(0, 0.9999), 0.9)
    .option('--seed <text>', 'start of all chance: keys, shards, batches (default: drawn and printed)')
    .option('--store <dir>', 'folder of the nodes (default: a fresh one in .meldmesh/)')
    .option('--out <file>', 'the model at the end, safetensors (default: model.safetensors in the store)')
    .option('--threads <n>', 'threads of the numeric backend in each node', wholeNumber(1, 256), 1)
    .option('--backend <name>', 'auto, node, wasm or cpu', backendChoice, 'auto')
    .option(
      '--trainer <command>',
      'let the last nodes train with this program; see docs/trainers.md',
      commandText,
    )
    .option('--trainer-nodes <n>', 'so many of the nodes', wholeNumber(1, 100), 1)
    .option(
      '--trainer-timeout <seconds>',
      'longest training of one generation by the program (default: 600)',
      wholeNumber(1, 1_000_000),
    )
    .option('--listen <multiaddr>', 'where nodes listen (default: /ip4/127.0.0.1/tcp/0)', collectAddress)
    .option('--announce <multiaddr>', 'address of node 0 as others see it', collectAddress)
    .option('--observe', 'one more node that follows without training', false)
    .option('--no-references', 'leave out the two reference lines of the summary')
    .option('--json', 'print one JSON object as the last line of standard output', false)
    .option('--keep-running', 'go on training after the summary, until Ctrl-C', false)
    .addHelpText('after', EXAMPLES)
    .action(async (options: MeshOptions, command: Command) => {
      const { runMesh } = await import('../mesh/run.ts');
      const given = Object.keys(options).filter((name) => command.getOptionValueSource(name) === 'cli');
      process.exitCode = await runMesh(options, given);
    });
}
