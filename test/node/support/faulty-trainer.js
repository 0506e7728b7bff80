// A trainer for tests that goes wrong as its parameters say: `faulty-trainer.js HABIT [FOLDER]`. With a folder it does so
// only once and is good from its next start on, or, within one run, from the next question on.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [habit = 'none', memory] = process.argv.slice(2);
let hello;

const print = (text) => process.stdout.write(text);
const say = (message) => print(`${JSON.stringify(message)}\n`);

/** Whether to go wrong now. */
function isBad(name) {
  if (name !== habit) return false;
  if (memory === undefined) return true;
  const done = join(memory, 'done');
  if (existsSync(done)) return false;
  mkdirSync(memory, { recursive: true });
  writeFileSync(done, '');
  return true;
}

function write(name, change = (bytes) => bytes) {
  const path = join(hello.folder, name);
  writeFileSync(`${path}.part`, change(readFileSync(join(hello.folder, weights))));
  renameSync(`${path}.part`, path);
}

/** Puts bytes over the last four, which are the last bias. */
const ending =
  (...last) =>
  (bytes) =>
    Buffer.concat([bytes.subarray(0, -4), Buffer.from(last)]);
/** Replaces text of the header by text of the same length. */
const header = (from, to) => (bytes) => Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');

let weights = '';

const FILES = {
  nan: ending(0, 0, 0xc0, 0x7f),
  infinite: ending(0, 0, 0x80, 0x7f),
  truncated: (bytes) => bytes.subarray(0, -3),
  longer: (bytes) => Buffer.concat([bytes, Buffer.alloc(2 ** 22)]),
  'other-name': header('dense_1/bias', 'dense_7/bias'),
  'other-shape': header('[6,5]', '[5,6]'),
  'other-type': header('F32', 'F16'),
  'no-safetensors': () => Buffer.from('nothing of the kind'),
};

function train({ id, steps, weights: file, result }) {
  weights = file;
  const trained = { type: 'trained', id, steps, loss: 0.5 };
  if (isBad('crash')) {
    process.stderr.write('Traceback (most recent call last):\nRuntimeError: CUDA out of memory\n');
    process.exit(3);
  }
  if (isBad('killed')) process.kill(process.pid, 'SIGKILL');
  if (isBad('silent')) return;
  if (isBad('progressing')) {
    let step = 0;
    setInterval(() => say({ type: 'progress', id, step: ++step, loss: 1 }), 20);
    return;
  }
  if (isBad('flood')) return pour('all work and no play\n'.repeat(10_000));
  if (isBad('endless-line')) return pour('x'.repeat(100_000));
  if (isBad('failed')) return say({ type: 'failed', id, error: 'CUDA out of memory' });
  if (isBad('no-file')) return say(trained);
  if (isBad('other-id')) return say({ ...trained, id: id + 7 });
  if (isBad('other-answer')) return say({ type: 'evaluated', id, accuracy: 1, loss: 0 });
  if (isBad('no-steps')) return say({ type: 'trained', id, loss: 0.5 });
  if (isBad('nan-loss')) return print(`{"type": "trained", "id": ${id}, "steps": 1, "loss": NaN}\n`);
  const name = Object.keys(FILES).find(isBad);
  write(result, name === undefined ? undefined : FILES[name]);
  if (isBad('many-steps')) return say({ ...trained, steps: steps + 1 });
  if (isBad('words')) print('epoch 1\n[1, 2]\n{"colour": "red"}\n{"type": "poem"}\n  50%\r 100%\r');
  say(trained);
  if (isBad('twice')) say(trained);
}

function pour(text) {
  const more = () => {
    while (process.stdout.write(text));
  };
  process.stdout.on('drain', more);
  more();
}

function greet() {
  if (isBad('exit')) {
    process.stderr.write('ModuleNotFoundError: No module named "torch"\n');
    process.exit(1);
  }
  if (isBad('mute')) return;
  if (isBad('refuses')) return say({ type: 'failed', error: 'only protocol 2' });
  if (isBad('other-protocol')) return say({ type: 'ready', protocol: 2, samples: 10 });
  if (isBad('no-samples')) return say({ type: 'ready', samples: 0 });
  if (isBad('many-samples')) return say({ type: 'ready', samples: 10_000 });
  const samples = existsSync(join(memory ?? '', 'done')) && habit === 'crash' ? 60 : 64;
  say({ type: 'ready', name: 'faulty', samples, evaluates: false });
}

if (habit === 'stubborn') {
  // Neither a word nor a signal ends it, and it has a child of its own.
  process.on('SIGTERM', () => undefined);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
  writeFileSync(join(memory, 'pids'), `${process.pid} ${child.pid}`);
  setInterval(() => undefined, 1_000);
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const message = JSON.parse(line);
    if (message.type === 'hello') {
      hello = message;
      greet();
    }
    if (message.type === 'train') train(message);
    if (message.type !== 'stop' || habit === 'stubborn') return;
    if (existsSync(memory ?? '')) writeFileSync(join(memory, 'stopped'), '');
    process.exit(0);
  })
  .on('close', () => {
    if (habit !== 'stubborn') process.exit(0);
  });
