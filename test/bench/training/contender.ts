// One contender on one workload, in a process of its own: node contender.ts <contender> <workload> <epochs>. Prints a line of
// JSON. CPU time is that of the whole process, so that work on helper threads counts. What a contender does without is not
// loaded, for memory and start-up are measured too.
import { createHash } from 'node:crypto';
import { createRandom, initialWeights } from '../../../fusion/index.ts';
import { type Dataset, openFastTensors, openTrainer } from '../../../learning/index.ts';
import { samplesOf, WORKLOADS, type Workload, type WorkloadName } from './workloads.ts';

/** Prepares; the function that comes back runs one epoch and gives a loss. */
type Contender = (workload: Workload, data: Dataset) => Promise<() => Promise<number>>;

const ours =
  (backend: 'node' | 'wasm' | 'cpu'): Contender =>
  async (workload, data) => {
    const { spec, settings } = workload;
    const trainer = await openTrainer({ spec, scale: data.scale, backend });
    let weights: Float32Array = initialWeights(spec, 'bench');
    let velocity: Float32Array = new Float32Array(weights.length);
    return async () => {
      const trained = trainer.train({ weights, velocity, data, settings, random: createRandom('order') });
      ({ weights, velocity } = trained);
      digest = createHash('sha256').update(new Uint8Array(weights.buffer)).digest('hex');
      return trained.loss;
    };
  };

const stock =
  (backend: 'node' | 'wasm' | 'cpu'): Contender =>
  async (workload, data) => {
    const { startBackend } = await import('../../../learning/backend.ts');
    await startBackend(backend);
    const { layersEpoch } = await import('./layers-model.ts');
    return layersEpoch(workload, data);
  };

const CONTENDERS: Readonly<Record<string, Contender>> = {
  'meldmesh-wasm': ours('wasm'),
  'meldmesh-node': ours('node'),
  'meldmesh-cpu': ours('cpu'),
  'layers-kernels': async (workload, data) => {
    const fast = await openFastTensors();
    const { layersEpoch } = await import('./layers-model.ts');
    return layersEpoch(workload, data, fast.sgd(workload.settings));
  },
  'layers-wasm': stock('wasm'),
  'layers-node': stock('node'),
  'layers-cpu': stock('cpu'),
};

let digest: string | undefined;
const [name, workloadName, epochsText] = process.argv.slice(2);
const workload: Workload = WORKLOADS[workloadName as WorkloadName];
const data = samplesOf(workload);
const loadedMiB = process.memoryUsage.rss() / 2 ** 20;
const beganMs = performance.now();
const epoch = await CONTENDERS[name](workload, data);
const openedMs = performance.now() - beganMs;
const openedMiB = process.memoryUsage.rss() / 2 ** 20;
const steps = Math.floor(data.count / workload.settings.batch);
const stepsMs: number[] = [];
let loss = 0;
for (let round = 0; round < Number(epochsText); round++) {
  const before = process.cpuUsage();
  loss = await epoch();
  const { user, system } = process.cpuUsage(before);
  stepsMs.push((user + system) / 1_000 / steps);
}
const peakMiB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ stepsMs, loss, digest, openedMs, loadedMiB, openedMiB, peakMiB }));
