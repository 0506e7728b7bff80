/**
 * Lets any JavaScript program train for a meldmesh node: copy this one file, write `train`, call `run`.
 *
 *     import { run } from './meldmesh-trainer.js';
 *     run({
 *       samples: 60000,
 *       async train(weights, job) {   // Map of { shape, data: Float32Array } by tensor name
 *         …                           // job.steps steps of your own
 *         return { weights, loss };   // the same names and shapes, and the mean loss
 *       },
 *     });                             // then: meldmesh join … --trainer "node train.js"
 *
 * The node starts the program, asks it over its standard streams and exchanges weights as safetensors files;
 * docs/trainers.md of meldmesh describes the protocol. `console.log` goes to stderr here, which the node logs. What
 * your code throws costs this one answer: the node is told, and asks again later. Needs Node 18, no packages.
 */
import { Console } from 'node:console';
import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';

/**
 * @typedef {{ shape: number[], data: Float32Array }} Tensor row-major; a kernel is [inputs, units]
 * @typedef {Map<string, Tensor>} Weights
 * @typedef {{ inputs: Float32Array, labels: Int32Array, count: number }} Samples inputs [count, inputs], scaled
 * @typedef {{ accuracy: number, loss: number }} Score accuracy from 0 to 1
 * @typedef {object} Trainer
 * @property {number} samples how many samples it trains on, at least 1
 * @property {string} [name]
 * @property {(weights: Weights, job: Job) => TrainedWeights | Promise<TrainedWeights>} train
 * @property {(weights: Weights) => Score | Promise<Score>} [evaluate]
 * @property {() => void} [reset] called after a round that failed, to forget momentum
 * @typedef {{ weights: Weights, loss: number }} TrainedWeights
 * @typedef {Record<string, unknown> & { type: string }} Message
 * @typedef {{ type: string, protocol: number, folder: string, seed: string,
 *   tensors: { name: string, shape: number[] }[],
 *   model: { inputs: number, layers: { units: number, activation: string }[] },
 *   data: { inputs: number, classes: number, scale: number },
 *   training: { learningRate: number, momentum: number, batch: number, localEpochs: number },
 *   samplesFile?: string, testFile?: string }} Hello
 * @typedef {{ type: string, id: number, generation: number, steps: number, seed: string, weights: string,
 *   result: string }} Question
 */

const PROTOCOL = 1;
/** The node shows progress to people, who read no faster. */
const PROGRESS_MS = 250;
/** Questions that came before the node closed the stream get this long to be answered. */
const GRACE_MS = 500;
const ERROR_CHARACTERS_MAX = 500;

/** What the node says of its mesh when it starts the trainer. */
export class Mesh {
  /** @param {Hello} hello */
  constructor(hello) {
    if (hello.type !== 'hello' || hello.protocol !== PROTOCOL) {
      throw new Error(`the node does not speak protocol ${PROTOCOL}; copy the trainer file of its version`);
    }
    this.hello = hello;
    this.folder = hello.folder;
    this.seed = hello.seed;
    this.tensors = hello.tensors;
    this.model = hello.model;
    this.data = hello.data;
    this.training = hello.training;
  }

  /** The node's --data, divided by the scale; undefined without it. */
  samples() {
    return this.#read(this.hello.samplesFile);
  }

  /** The node's --test in the same form; undefined without it. */
  test() {
    return this.#read(this.hello.testFile);
  }

  /**
   * The path of a file of the node's folder. Refuses anything but a bare name.
   * @param {string} name
   */
  path(name) {
    if (/^$|^\.\.?$|[/\\\0]/.test(name)) throw new Error(`${JSON.stringify(name)} is not a bare file name`);
    return join(this.folder, name);
  }

  /**
   * @param {string | undefined} name
   * @returns {Promise<Samples | undefined>}
   */
  async #read(name) {
    if (name === undefined) return undefined;
    const tensors = await readSafetensors(this.path(name));
    const inputs = tensors.get('inputs');
    const labels = tensors.get('labels');
    if (inputs === undefined || labels === undefined) throw new Error(`${name} lacks inputs or labels`);
    const scaled = Float32Array.from(inputs.data, (value) => value / this.data.scale);
    return { inputs: scaled, labels: Int32Array.from(labels.data), count: labels.data.length };
  }
}

/** One round of training. */
export class Job {
  #send;
  #told = performance.now();

  /**
   * @param {Mesh} mesh
   * @param {Question} question
   * @param {(message: Message) => void} send
   */
  constructor(mesh, question, send) {
    this.mesh = mesh;
    this.id = question.id;
    this.generation = question.generation;
    /** Batches to train: localEpochs × max(1, floor(samples / batch)). */
    this.steps = question.steps;
    this.seed = question.seed;
    /** A number from 0 to 1, the same sequence whenever this round is repeated. */
    this.random = seededRandom(question.seed);
    this.#send = send;
  }

  /**
   * `steps` arrays of sample indices, a new order for each epoch; the last partial batch is dropped.
   * @param {number} samples
   */
  *batches(samples) {
    const batch = Math.min(this.mesh.training.batch, samples);
    const order = Uint32Array.from({ length: samples }, (_, i) => i);
    let start = samples;
    for (let step = 0; step < this.steps; step++, start += batch) {
      if (start + batch > samples) {
        this.#shuffle(order);
        start = 0;
      }
      yield order.slice(start, start + batch);
    }
  }

  /**
   * Await it after every step: the node hears of it a few times a second, and the program hears when the node stops.
   * Throws where the loss is not finite.
   * @param {number} step
   * @param {number} loss
   */
  async progress(step, loss) {
    finite(loss, `the loss after ${step} steps`);
    if (performance.now() - this.#told < PROGRESS_MS) return;
    this.#told = performance.now();
    this.#send({ type: 'progress', id: this.id, step, loss });
    await setImmediate();
  }

  /** @param {Uint32Array} order */
  #shuffle(order) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(this.random() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
  }
}

/**
 * Answers the node until it says stop or closes the stream. Give a trainer, or a function that makes one for the mesh.
 * @param {Trainer | ((mesh: Mesh) => Trainer | Promise<Trainer>)} trainer
 */
export async function run(trainer) {
  const send = takeOutput();
  /** @type {Mesh | undefined} */
  let mesh;
  /** @type {Trainer | undefined} */
  let own;
  let queue = Promise.resolve();
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    const message = parse(line);
    if (message?.type === 'stop') break;
    if (message === undefined) continue;
    // In a queue beside this loop, so that the end of the node is noticed while a round is under way.
    queue = queue.then(async () => {
      if (mesh === undefined || own === undefined) {
        mesh = new Mesh(/** @type {Hello} */ (message));
        own = typeof trainer === 'function' ? await trainer(mesh) : trainer;
        const { name = 'node', samples, evaluate } = own;
        send({ type: 'ready', name, samples, evaluates: evaluate !== undefined });
      } else {
        await answer({ own, mesh, send, question: /** @type {Question} */ (message) });
      }
    });
    queue.catch((error) => {
      send({ type: 'failed', error: explain(error) });
      process.exit(1);
    });
  }
  setTimeout(() => process.exit(), GRACE_MS).unref();
  await queue;
  process.exit();
}

/** @param {{ own: Trainer, mesh: Mesh, send: (message: Message) => void, question: Question }} work */
async function answer({ own, mesh, send, question }) {
  const { id, type } = question;
  try {
    if (type === 'train') {
      const trained = await own.train(
        await readWeights(mesh, question.weights),
        new Job(mesh, question, send),
      );
      const loss = finite(trained.loss, 'the loss');
      await writeSafetensors(mesh.path(question.result), checked(mesh, trained.weights));
      send({ type: 'trained', id, steps: question.steps, loss });
    } else if (type === 'evaluate') {
      if (own.evaluate === undefined) throw new Error('this trainer does not evaluate');
      const { accuracy, loss } = await own.evaluate(await readWeights(mesh, question.weights));
      send({ type: 'evaluated', id, accuracy: finite(accuracy, 'accuracy'), loss: finite(loss, 'the loss') });
    }
  } catch (error) {
    send({ type: 'failed', id, error: explain(error) });
    if (type === 'train') own.reset?.();
  }
}

/** Keeps standard output for the protocol; everybody else's goes to stderr. */
function takeOutput() {
  const write = process.stdout.write.bind(process.stdout);
  // When the node is gone, nobody is left to be told.
  process.stdout.on('error', () => process.exit());
  const { stderr } = process;
  process.stdout.write = stderr.write.bind(stderr);
  globalThis.console = new Console({ stdout: stderr, stderr });
  return (/** @type {Message} */ message) => void write(`${JSON.stringify(message)}\n`);
}

/**
 * @param {string} line
 * @returns {Message | undefined}
 */
function parse(line) {
  try {
    const message = JSON.parse(line);
    if (typeof message.type === 'string') return message;
  } catch {
    // Said below: no JSON and no message are one to us.
  }
  console.error(`the node sent what is no message: ${line.slice(0, 100)}`);
  return undefined;
}

/**
 * Name and message; the whole stack goes to stderr.
 * @param {unknown} error
 */
function explain(error) {
  console.error(error);
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, ERROR_CHARACTERS_MAX);
}

/**
 * @param {Mesh} mesh
 * @param {string} name
 */
async function readWeights(mesh, name) {
  return checked(mesh, /** @type {Weights} */ (await readSafetensors(mesh.path(name))));
}

/**
 * The tensors in the mesh's order; throws for other names, shapes and values that are not finite.
 * @param {Mesh} mesh
 * @param {Weights} weights
 * @returns {Weights}
 */
function checked(mesh, weights) {
  const names = [...weights.keys()].join(', ');
  if (weights.size !== mesh.tensors.length) throw new Error(`the weights are ${names}`);
  return new Map(
    mesh.tensors.map(({ name, shape }) => {
      const tensor = weights.get(name);
      if (tensor === undefined) throw new Error(`the weights are ${names}; ${name} is missing`);
      const { shape: given, data } = tensor;
      const fits = String(given) === String(shape) && data.length === sizeOf(shape);
      if (!fits) throw new Error(`${name} has shape [${given}] and ${data.length} values, not [${shape}]`);
      if (!(data instanceof Float32Array)) throw new Error(`${name} is no Float32Array`);
      if (!data.every(Number.isFinite)) throw new Error(`${name} has values that are not finite`);
      return [name, tensor];
    }),
  );
}

/**
 * @param {number} value
 * @param {string} what
 */
function finite(value, what) {
  if (!Number.isFinite(value))
    throw new Error(`${what} is ${value}; lower the learning rate or check the data`);
  return value;
}

/**
 * Mulberry32 over a hash of the seed: enough to shuffle.
 * @param {string} seed
 */
function seededRandom(seed) {
  let state = createHash('sha256').update(seed).digest().readUInt32LE();
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param {number[]} shape */
const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1);

const TYPES = { F32: Float32Array, U8: Uint8Array, I32: Int32Array };

/**
 * The tensors of a safetensors file by name. Throws for all that the format does not allow and for other types than
 * F32, U8 and I32.
 * @param {string} path
 * @returns {Promise<Map<string, { shape: number[], data: Float32Array | Uint8Array | Int32Array }>>}
 */
export async function readSafetensors(path) {
  const bytes = await readFile(path);
  const check = (/** @type {boolean} */ holds, /** @type {string} */ text) => {
    if (!holds) throw new Error(`${path}: ${text}`);
  };
  check(bytes.length >= 8, 'the file is shorter than its header length');
  const dataAt = 8 + Number(bytes.readBigUInt64LE());
  check(dataAt <= bytes.length, 'the header ends outside of the file');
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, dataAt));
  check(text.startsWith('{'), 'the header does not start with a brace');
  const { __metadata__: _, ...header } = JSON.parse(text);
  const tensors = new Map();
  let expected = dataAt;
  const entries = Object.entries(header).map(([name, { dtype, shape, data_offsets: offsets }]) => {
    check(Object.hasOwn(TYPES, dtype), `${name} is ${dtype}; only ${Object.keys(TYPES).join(', ')} are read`);
    const numbers = [shape, offsets].flat();
    check(
      numbers.every((n) => Number.isSafeInteger(n) && n >= 0),
      `${name} has a bad size`,
    );
    return { name, Type: TYPES[/** @type {keyof typeof TYPES} */ (dtype)], shape, offsets };
  });
  entries.sort((a, b) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1]);
  for (const { name, Type, shape, offsets } of entries) {
    const [begin, end] = [dataAt + offsets[0], dataAt + offsets[1]];
    check(begin === expected, `there is a hole or an overlap before ${name}`);
    check(
      end - begin === sizeOf(shape) * Type.BYTES_PER_ELEMENT,
      `the bytes of ${name} do not fit its shape`,
    );
    check(end <= bytes.length, `${name} ends outside of the file`);
    // A copy, because typed arrays need aligned memory. The numbers are little-endian, as every machine of Node's.
    tensors.set(name, { shape, data: new Type(Uint8Array.from(bytes.subarray(begin, end)).buffer) });
    expected = end;
  }
  check(expected === bytes.length, 'bytes follow the last tensor');
  return tensors;
}

/**
 * Writes float32 tensors under another name and renames: the file is there only when it is whole.
 * @param {string} path
 * @param {Weights} tensors
 */
export async function writeSafetensors(path, tensors) {
  let offset = 0;
  const entries = [...tensors].map(([name, { shape, data }]) => {
    const offsets = [offset, offset + data.byteLength];
    offset += data.byteLength;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: 'F32', shape, data_offsets: offsets })}`;
  });
  const text = Buffer.from(`{${entries.join()}}`);
  const padding = Buffer.alloc((8 - (text.length % 8)) % 8, ' ');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length + padding.length));
  const data = [...tensors.values()].map((tensor) =>
    Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
  );
  const partial = `${path}.partial`;
  try {
    await writeFile(partial, Buffer.concat([length, text, padding, ...data]));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
