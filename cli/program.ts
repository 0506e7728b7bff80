// All commands with their common manners: help with examples, nearest names for typing errors, --debug. What a
// command does is loaded when it runs, so that `--help` and `mesh` start fast.
import { Command } from 'commander';
import { addAlign } from './commands/align.ts';
import { addBarrier } from './commands/barrier.ts';
import { addCheckpoints } from './commands/checkpoints.ts';
import { addConnect } from './commands/connect.ts';
import { addEvaluate } from './commands/evaluate.ts';
import { addHistory } from './commands/history.ts';
import { addInit } from './commands/init.ts';
import { addJoin } from './commands/join.ts';
import { addMesh } from './commands/mesh.ts';
import { addPredict } from './commands/predict.ts';
import { addReferences } from './commands/references.ts';
import { addRobust } from './commands/robust.ts';
import { addSim } from './commands/sim.ts';
import { addStatus } from './commands/status.ts';
import { packageVersion } from './program-version.ts';

const EXAMPLES = `
Examples:
  meldmesh mesh                                   five nodes learn MNIST on this machine, watch them
  meldmesh mesh --peers 10 --partition dirichlet:0.1 --json > run.txt
  meldmesh init --name digits --model mlp:256 --inputs 784 --classes 10 --scale 255
  meldmesh join --manifest manifest.json --data mnist          the founder starts a mesh
  meldmesh join meldmesh1:… --data my-digits.csv --label-column label
  meldmesh sim wan --peers 30                     a whole mesh on a bad network, in virtual time
  meldmesh status                                 what the node on this machine is doing
  meldmesh predict --model model.safetensors --data new.csv

Every command has its own examples: meldmesh <command> --help`;

/** The whole command line. It throws CommanderError, CliError or a coded error; it never exits by itself. */
export function createProgram(): Command {
  const program = new Command('meldmesh')
    .description('Train one model on many machines without a server.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--debug', 'print the stack of an error')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError(true)
    // A command and its subcommands may have flags of the same names.
    .enablePositionalOptions()
    .configureOutput({ outputError: () => undefined })
    .exitOverride();
  for (const add of [
    addMesh,
    addInit,
    addJoin,
    addStatus,
    addEvaluate,
    addPredict,
    addHistory,
    addCheckpoints,
    addAlign,
    addBarrier,
    addConnect,
    addRobust,
    addReferences,
    addSim,
  ]) {
    add(program);
  }
  for (const command of allCommands(program)) {
    if (command !== program) command.option('--debug', 'print the stack of an error');
  }
  return program;
}

function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
