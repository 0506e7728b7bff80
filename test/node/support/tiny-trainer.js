// A trainer for tests that really trains: a stack of dense layers by plain SGD with momentum, in plain JavaScript.
// Start it as `node tiny-trainer.js`. It speaks docs/trainers.md and nothing more.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

let hello;
let samples;

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

function readTensors(name) {
  const bytes = readFileSync(join(hello.folder, name));
  const dataAt = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, dataAt));
  const types = { F32: Float32Array, I32: Int32Array, U8: Uint8Array };
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        tensor,
        {
          dtype,
          data_offsets: [begin, end],
        },
      ]) => [tensor, new types[dtype](new Uint8Array(bytes.subarray(dataAt + begin, dataAt + end)).buffer)],
    ),
  );
}

function writeTensors(name, tensors) {
  const header = {};
  let offset = 0;
  for (const { name: tensor, shape } of hello.tensors) {
    const end = offset + tensors[tensor].byteLength;
    header[tensor] = { dtype: 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const data = hello.tensors.map(({ name: tensor }) => Buffer.from(tensors[tensor].buffer));
  const path = join(hello.folder, name);
  writeFileSync(`${path}.part`, Buffer.concat([length, text, ...data]));
  renameSync(`${path}.part`, path);
}

/** Values of all layers for one sample; the last are logits. */
function forward(weights, input) {
  const values = [input];
  for (const [index, { units, activation }] of hello.model.layers.entries()) {
    const [kernel, bias] = [weights[`dense_${index}/kernel`], weights[`dense_${index}/bias`]];
    const out = Float64Array.from(bias);
    const from = values[index];
    for (let i = 0; i < from.length; i++)
      for (let j = 0; j < units; j++) out[j] += from[i] * kernel[i * units + j];
    values.push(activation === 'relu' ? out.map((value) => Math.max(0, value)) : out);
  }
  return values;
}

function softmax(logits) {
  const max = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - max));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((value) => value / sum);
}

function inputOf({ inputs }, index) {
  const size = hello.data.inputs;
  return Float64Array.from(inputs.subarray(index * size, (index + 1) * size), (v) => v / hello.data.scale);
}

function addGradient(weights, gradient, data, index) {
  const values = forward(weights, inputOf(data, index));
  const label = data.labels[index];
  let error = softmax(values.at(-1));
  const loss = -Math.log(Math.max(error[label], 1e-12));
  error[label] -= 1;
  for (let layer = hello.model.layers.length - 1; layer >= 0; layer--) {
    const { units } = hello.model.layers[layer];
    const from = values[layer];
    const kernel = weights[`dense_${layer}/kernel`];
    const below = new Float64Array(from.length);
    for (let i = 0; i < from.length; i++)
      for (let j = 0; j < units; j++) {
        gradient[`dense_${layer}/kernel`][i * units + j] += from[i] * error[j];
        if (layer > 0 && from[i] > 0) below[i] += kernel[i * units + j] * error[j];
      }
    for (let j = 0; j < units; j++) gradient[`dense_${layer}/bias`][j] += error[j];
    error = below;
  }
  return loss;
}

function train({ id, steps, weights: file, result, seed }) {
  const weights = readTensors(file);
  const zeros = () =>
    Object.fromEntries(Object.entries(weights).map(([k, v]) => [k, new Float64Array(v.length)]));
  const velocity = zeros();
  const { batch, learningRate, momentum } = hello.training;
  const count = samples.labels.length;
  const size = Math.min(batch, count);
  let state = Number.parseInt(seed.slice(0, 8), 16) || 1;
  let lossSum = 0;
  for (let step = 0; step < steps; step++) {
    const gradient = zeros();
    for (let i = 0; i < size; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      lossSum += addGradient(weights, gradient, samples, state % count) / size;
    }
    for (const [name, values] of Object.entries(weights))
      for (let i = 0; i < values.length; i++) {
        velocity[name][i] = momentum * velocity[name][i] + gradient[name][i] / size;
        values[i] -= learningRate * velocity[name][i];
      }
  }
  writeTensors(result, weights);
  say({ type: 'trained', id, steps, loss: lossSum / steps });
}

function evaluate({ id, weights: file }) {
  const weights = readTensors(file);
  const data = hello.testFile === undefined ? samples : readTensors(hello.testFile);
  let [loss, correct] = [0, 0];
  for (const [index, label] of data.labels.entries()) {
    const chances = softmax(forward(weights, inputOf(data, index)).at(-1));
    loss -= Math.log(Math.max(chances[label], 1e-12)) / data.labels.length;
    if (chances.indexOf(Math.max(...chances)) === label) correct++;
  }
  say({ type: 'evaluated', id, accuracy: correct / data.labels.length, loss });
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const message = JSON.parse(line);
    if (message.type === 'hello') {
      hello = message;
      samples = readTensors(hello.samplesFile);
      say({ type: 'ready', name: 'tiny', samples: samples.labels.length, evaluates: true });
    }
    if (message.type === 'train') train(message);
    if (message.type === 'evaluate') evaluate(message);
    if (message.type === 'stop') process.exit(0);
  })
  .on('close', () => process.exit(0));
