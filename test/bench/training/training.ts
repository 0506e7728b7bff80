// Speed of local training and evaluation on one core: node test/bench/training.ts [backend].
// Prints digits per second of MLP 784-256-10 at batch 32, the time to evaluate 10,000 digits, and memory.
import { createRandom, type DenseSpec, initialWeights, parseModelName } from '../../fusion/index.ts';
import { createTrainer } from '../../learning/trainer.ts';
import { loadMnist } from '../../node/data-files.ts';

const backend = process.argv[2] ?? 'wasm';
if (backend !== 'wasm' && backend !== 'cpu' && backend !== 'node') throw new Error(`no backend ${backend}`);
const spec: DenseSpec | undefined = parseModelName('mlp:256', { inputs: 784, classes: 10 });
if (spec === undefined) throw new Error('mlp:256 is a model');

const { train, test } = loadMnist({ samples: 8_000 });
const trainer = await createTrainer({ spec, scale: 255, backend });
let weights: Float32Array = initialWeights(spec, 'bench');
let velocity: Float32Array = new Float32Array(weights.length);
const settings = { learningRate: 0.05, momentum: 0.9, batch: 32, localEpochs: 1 };
const rates: number[] = [];
const evaluationsMs: number[] = [];
for (let round = 0; round < 5; round++) {
  const random = createRandom(`bench-${round}`);
  const startMs = performance.now();
  const trained = trainer.train({ weights, velocity, data: train, settings, random });
  const trainedMs = performance.now();
  ({ weights, velocity } = trained);
  const score = trainer.evaluate(weights, test);
  evaluationsMs.push(performance.now() - trainedMs);
  rates.push((trained.steps * settings.batch * 1_000) / (trainedMs - startMs));
  console.log(
    `epoch ${round + 1}: loss ${trained.loss.toFixed(4)}, accuracy ${score.accuracy}, ${format(rates, round)} digits/s, evaluation ${format(evaluationsMs, round)} ms`,
  );
}
const rssMiB = process.memoryUsage.rss() / 2 ** 20;
console.log(
  `${backend}: best ${Math.round(Math.max(...rates))} digits/s, best evaluation of ${test.count} ${Math.round(Math.min(...evaluationsMs))} ms, RSS ${Math.round(rssMiB)} MiB`,
);

function format(values: readonly number[], index: number): string {
  return String(Math.round(values[index]));
}
