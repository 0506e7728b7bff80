// The entry of the command line. It only starts the program and turns a failure into text and an exit status.
import { enableCompileCache } from 'node:module';
import { CommanderError } from 'commander';
import { formatError } from './errors.ts';

// Children of `mesh` load the same few hundred modules; compiled code on disk saves them most of a second.
enableCompileCache();
// libtensorflow, where it is loaded, else greets on standard error.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
// `meldmesh history | head` closes the pipe when it has seen enough: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
const { createProgram } = await import('./program.ts');
const debug = process.argv.includes('--debug');

try {
  await createProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help')) {
    // The help or the version has been printed; no command at all is no success.
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(`${formatError(error, { debug })}\n`);
    process.exitCode = 1;
  }
  // A failed start may leave timers or sockets behind; nothing of worth runs after an error was printed.
  if (process.exitCode !== 0) process.exit();
}
