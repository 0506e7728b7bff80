// The wheel that holds libtensorflow: fetched by pip with pip's own settings, checked, and read in part.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { answers, runProgram } from './child.js';
import { WHEEL } from './machine.js';
import { megabytes, SetupError, secondsSince } from './messages.js';
import { folderBytes } from './tree.js';
import { extractFiles } from './zip-file.js';

const LIMIT_MS = 1_800_000;
const STALL_MS = 180_000;
const SAY_EACH_S = 5;
const PIPS = [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']];

/** A pip that answers, as the words that start it. */
export async function findPip() {
  for (const words of PIPS) {
    const [program, ...rest] = words;
    if (await answers(program, [...rest, '--version'])) return words;
  }
  const advice =
    'install it (Debian: apt install python3-pip), or fetch the wheel elsewhere and name it: ' +
    `--wheel ${WHEEL.file}`;
  throw new SetupError(
    'MELDMESH_SETUP_PIP',
    'libtensorflow comes through pip, and there is no pip here',
    advice,
  );
}

/** Downloads the wheel into `folder`. */
export async function downloadWheel(folder, pip, say) {
  const startMs = performance.now();
  say(`fetching ${WHEEL.name} ${WHEEL.version}, ${megabytes(WHEEL.bytes)}`);
  // pip's temporary files lie here too: room is needed on one disk only, and nothing is left elsewhere.
  const temporary = join(folder, 'temporary');
  await mkdir(temporary);
  const [program, ...words] = pip;
  const wanted = [
    '--platform',
    WHEEL.platform,
    '--python-version',
    '3.11',
    '--implementation',
    'cp',
    '--abi',
    'cp311',
  ];
  const flags = [
    '--no-deps',
    '--only-binary=:all:',
    '--no-cache-dir',
    '--progress-bar',
    'off',
    '--dest',
    folder,
  ];
  const { code, output, ranOut } = await runProgram(
    program,
    [...words, 'download', ...flags, ...wanted, `${WHEEL.name}==${WHEEL.version}`],
    {
      ...{
        env: { TMPDIR: temporary, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
        limitMs: LIMIT_MS,
        stallMs: STALL_MS,
      },
      look: (seconds) => {
        const bytes = folderBytes(folder);
        // pip holds it twice for a moment.
        const arrived = megabytes(Math.min(bytes, WHEEL.bytes));
        if (seconds % SAY_EACH_S === 0) say(`  ${arrived} after ${seconds} s`);
        return bytes;
      },
    },
  );
  if (code !== 0 || !existsSync(join(folder, WHEEL.file))) {
    const text = `pip cannot fetch ${WHEEL.name} ${WHEEL.version}${ranOut && `: ${ranOut}`}`;
    const advice = 'check that pip reaches its index, or name a wheel that you have: see --help, --wheel';
    throw new SetupError('MELDMESH_SETUP_DOWNLOAD', text, advice, output);
  }
  await rm(temporary, { recursive: true });
  await checkWheel(join(folder, WHEEL.file));
  say(`  downloaded and checked in ${secondsSince(startMs)}`);
}

/** Throws unless the file has the bytes of the pinned wheel. */
export async function checkWheel(file) {
  if (!existsSync(file)) {
    const advice = `name the file ${WHEEL.file}`;
    throw new SetupError('MELDMESH_SETUP_ARGUMENT', `there is no wheel ${file}`, advice);
  }
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(piece);
  const found = hash.digest('hex');
  if (found === WHEEL.sha256) return;
  const text = `${file} is not the wheel that is expected: its sha256 is ${found}, not ${WHEEL.sha256}`;
  const advice = 'try again; if it stays so, the index or a mirror in between serves something else';
  throw new SetupError('MELDMESH_SETUP_HASH', text, advice);
}

const LIBRARY = /^tensorflow\/(libtensorflow_(?:cc|framework)\.so\.2)$/;
const HEADER =
  /^tensorflow\/(include\/(?:tensorflow\/c\/|tsl\/c\/|tensorflow\/core\/platform\/ctstring|tsl\/platform\/ctstring).*\.h)$/;

/** Unpacks the two libraries into `folder`/lib and the headers of the C interface into `folder`/include. */
export async function unpackWheel(wheel, folder, say) {
  const startMs = performance.now();
  say('unpacking libtensorflow');
  const placeOf = (name) => {
    const library = LIBRARY.exec(name)?.[1];
    return library === undefined ? HEADER.exec(name)?.[1] : join('lib', library);
  };
  const bytes = await extractFiles(wheel, folder, placeOf);
  say(`  ${megabytes(bytes)} in ${secondsSince(startMs)}`);
}

/** Moves the wheel out of the folder that pip has filled. */
export async function keepWheel(folder, target) {
  await rename(join(folder, WHEEL.file), target);
}
