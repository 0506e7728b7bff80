// How the trainers of this repository are started, and which of them this machine can run. Python's are registered
// where their packages are: MELDMESH_PYTHON names the interpreter, MELDMESH_REQUIRE the packages that must be there.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TrainerCommand } from './conversation.ts';

const folder = (name: string): string => fileURLToPath(new URL(`../../../trainers/${name}`, import.meta.url));
const python = process.env.MELDMESH_PYTHON ?? 'python3';
const required = (process.env.MELDMESH_REQUIRE ?? '').split(/[\s,]+/);

/** Whether Python has the package. Says so once where it has not; throws where it must be there. */
function hasPackage(name: string): boolean {
  const found = spawnSync(python, ['-c', `import ${name}`], { encoding: 'utf8' });
  if (found.status === 0) return true;
  const reason = found.error?.message ?? found.stderr.trim().split('\n').at(-1);
  const text = `${python} cannot import ${name} (${reason})`;
  if (required.includes(name)) throw new Error(`${text}, and MELDMESH_REQUIRE says that it must`);
  console.log(`${text}: trainers that need it are not tested`);
  return false;
}

export const hasNumpy = hasPackage('numpy');
export const hasTorch = hasPackage('torch') && hasNumpy;

export function pythonExample(file: string, ...parameters: string[]): TrainerCommand {
  return { program: python, parameters: [`${folder('python')}/${file}`, ...parameters] };
}

/** A program that can import meldmesh_trainer. */
export function pythonProgram(code: string): TrainerCommand {
  return { program: python, parameters: ['-c', code], environment: { PYTHONPATH: folder('python') } };
}

export function nodeExample(file: string): TrainerCommand {
  return { program: process.execPath, parameters: [`${folder('node')}/${file}`] };
}

/** A program whose import of './meldmesh-trainer.js' is that of the repository. */
export function nodeProgram(code: string): TrainerCommand {
  const url = new URL('../../../trainers/node/meldmesh-trainer.js', import.meta.url).href;
  const text = code.replace("'./meldmesh-trainer.js'", JSON.stringify(url));
  return { program: process.execPath, parameters: ['--input-type=module', '-e', text] };
}
