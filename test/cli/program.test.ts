// The argument parser: what is refused, and how it is said. No command is run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { formatError } from '../../cli/errors.ts';
import { createProgram } from '../../cli/program.ts';
import { packageVersion } from '../../cli/program-version.ts';

async function refusal(...args: string[]): Promise<string> {
  const program = createProgram();
  const silent = { writeOut: () => undefined, writeErr: () => undefined, outputError: () => undefined };
  program.configureOutput(silent);
  for (const command of program.commands) {
    command.configureOutput(silent);
    for (const inner of command.commands) inner.configureOutput(silent);
  }
  try {
    await program.parseAsync(['node', 'meldmesh', ...args]);
  } catch (error) {
    return formatError(error, { debug: false });
  }
  return assert.fail(`${args.join(' ')} was accepted`);
}

describe('the command line', () => {
  it('suggests the nearest command and the nearest flag', async () => {
    assert.match(await refusal('mehs'), /^MELDMESH_USAGE: Unknown command 'mehs' \(did you mean mesh\?\)/);
    assert.match(await refusal('mesh', '--peer', '3'), /Unknown option '--peer' \(did you mean --peers\?\)/);
    assert.match(await refusal('join', '--generation', '3'), /did you mean --generations\?/);
    assert.match(await refusal('checkpoints', 'lsit'), /did you mean list\?/);
  });

  it('refuses numbers out of range and says what is allowed', async () => {
    for (const value of ['0', '-1', '1.5', 'five', '', '101']) {
      assert.match(await refusal('mesh', '--peers', value), /Give a whole number from 1 to 100\./, value);
    }
    assert.match(await refusal('mesh', '--lr', '0'), /Give a number above 0 and up to 100\./);
    assert.match(await refusal('mesh', '--momentum', '1'), /Give a number from 0 to 0\.9999\./);
    assert.match(await refusal('mesh', '--samples', '60001'), /from 1 to 60000/);
    assert.match(await refusal('join', '--backend', 'gpu'), /Use auto, node, wasm or cpu\./);
    assert.match(await refusal('join', '--listen', '127.0.0.1:4001'), /Give a multiaddr such as/);
  });

  it('asks for what is missing', async () => {
    assert.match(await refusal('evaluate', '--model', 'x'), /'--data <path>' not specified/);
    assert.match(await refusal('mesh', '--seed'), /argument missing/);
    assert.match(await refusal('mesh', 'too', 'many'), /Too many arguments/);
  });

  it('shows examples in the help of every visible command', () => {
    for (const command of createProgram().commands) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      if (command.name() !== 'references') assert.match(help, /Examples:\n {2}meldmesh /, command.name());
    }
  });

  it('knows the version of its package', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.equal(packageVersion(), version);
  });
});
