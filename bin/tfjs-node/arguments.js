// The command line of the set-up.
import { parseArgs } from 'node:util';
import { cacheFolder, TFJS_NODE_VERSION, WHEEL } from './machine.js';
import { SetupError } from './messages.js';

/** What the words ask for; throws a SetupError for words that it does not know. */
export function readArguments(words) {
  try {
    const { values } = parseArgs({
      args: words,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        force: { type: 'boolean', default: false },
        build: { type: 'boolean', default: false },
        wheel: { type: 'string' },
      },
    });
    return { ...values, build: values.build || values.wheel !== undefined };
  } catch (error) {
    const advice = 'see `npm run setup:tfjs-node -- --help`';
    throw new SetupError('MELDMESH_SETUP_ARGUMENT', error.message.replace(/\.? To specify .*$/s, ''), advice);
  }
}

export function usage() {
  return `Installs @tensorflow/tfjs-node ${TFJS_NODE_VERSION}, so that meldmesh trains on libtensorflow (--backend node).

usage: npm run setup:tfjs-node [-- options]

The package's own installer is asked first. Where it cannot fetch its binary, the binding is built from
${WHEEL.name} ${WHEEL.version} of the Python package index (through pip) and from the package's C++ source (through g++).
Afterwards the binding is loaded once and multiplies two matrices. package.json and the lock stay as they are,
so \`npm ci\` and \`npm install\` take the package out again; run this again then, it takes some seconds.

options
  --build        do not ask the package's own installer
  --wheel FILE   build from this wheel, where there is no pip: ${WHEEL.file}
  --force        throw away what is cached and installed, and do everything again
  -h, --help     this text

What is downloaded and built, some ${WHEEL.roomMegabytes} MB while it works, is kept in
  ${cacheFolder()}
MELDMESH_TFJS_NODE_CACHE names another folder. It has to stay: the installed package points into it.

examples
  npm run setup:tfjs-node
  npm run setup:tfjs-node -- --build
  npm explore meldmesh -- npm run setup:tfjs-node      where meldmesh is a dependency`;
}
