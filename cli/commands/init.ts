// Flags of `meldmesh init`. The work is in cli/init.ts and is loaded when the command runs.
import type { Command } from 'commander';
import type { InitOptions } from '../init.ts';
import { collect, collectAddress, numberBetween, wholeNumber } from '../option-values.ts';
import { MANIFEST_FILE, NODE_STORE } from '../stores.ts';

const EXAMPLES = `
Examples:
  meldmesh init --name digits --model mlp:256 --inputs 784 --classes 10 --scale 255
  meldmesh init --config mesh.yaml --out manifest.json
  meldmesh init --config mesh.yaml --announce /dns4/node.example.org/tcp/4001

The same keys as in the manifest may stand in the file; what is left out is filled in:
  name: digits
  model: mlp:256
  data: { inputs: 784, classes: 10, scale: 255 }
  training: { learningRate: 0.05 }
  members: [12D3KooW…]        # absent: anybody who holds the invitation`;

/** Adds the command to a program. */
export function addInit(program: Command): void {
  program
    .command('init')
    .description('write the manifest of a new mesh, make the founder’s key, print the invitation')
    .option('--config <file>', 'YAML or JSON with keys of the manifest; flags win over it')
    .option('--name <text>', 'name of the mesh')
    .option('--salt <text>', 'makes meshes of equal settings different (default: drawn)')
    .option('--model <name>', 'mlp:H, or mlp:H,H for more hidden layers')
    .option('--inputs <n>', 'numbers in one sample', wholeNumber(1, 1_000_000))
    .option('--classes <n>', 'number of labels', wholeNumber(1, 100_000))
    .option('--scale <x>', 'raw values are divided by this', numberBetween(0, 1e12, { above: true }))
    .option('--codec <name>', 'float32, int8, int4, sign or top<percent>:<8|2|1>')
    .option('--rule <name>', 'how deltas become one: mean, or a robust mean (docs/robust-means.md)')
    .option('--lineage <name>', 'models from elsewhere: shared, adopt, align or naive (default: shared)')
    .option('--lr <x>', 'learning rate of SGD', numberBetween(0, 100, { above: true }))
    .option('--momentum <x>', 'momentum of SGD', numberBetween(0, 0.9999))
    .option('--batch <n>', 'samples in a batch', wholeNumber(1, 65_536))
    .option('--local-epochs <n>', 'passes over the own samples in a generation', wholeNumber(1, 1_000))
    .option('--samples-max <n>', 'samples that one member may claim', wholeNumber(1, 1_000_000_000))
    .option('--member <peer id>', 'admit only this peer (may be given again)', collect)
    .option('--announce <multiaddr>', 'address of the founder, for the invitation', collectAddress)
    .option('--store <dir>', "folder of the founder's node", NODE_STORE)
    .option('--out <file>', 'where the manifest goes', MANIFEST_FILE)
    .option('--force', 'overwrite a manifest that is there', false)
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', EXAMPLES)
    .action(async (options: InitOptions) => {
      const { runInit } = await import('../init.ts');
      await runInit(options);
    });
}
