// Trained weights of the benchmarks, kept between runs in node_modules/.cache/meldmesh-fusion, which git ignores. It does not
// know how anything is trained.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../node_modules/.cache/meldmesh-fusion', import.meta.url));

export interface TrainedWeightsOptions {
  /** Part of the file's name, for people. */
  readonly name: string;
  /** All that decides the weights; other settings are another file. */
  readonly settings: unknown;
  readonly train: () => Float32Array | Promise<Float32Array>;
}

/** From the file of these settings where there is one, else trained and kept. */
export async function trainedWeights(options: TrainedWeightsOptions): Promise<Float32Array> {
  const { name, settings, train } = options;
  const digest = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 12);
  const path = join(FOLDER, `${name}-${digest}.f32`);
  if (existsSync(path)) return new Float32Array(new Uint8Array(readFileSync(path)).buffer);
  const weights = await train();
  mkdirSync(FOLDER, { recursive: true });
  // Under another name first: a run that is stopped leaves no half file.
  writeFileSync(`${path}.part`, new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength));
  renameSync(`${path}.part`, path);
  return weights;
}

/** The next runs train again. */
export function forgetTrainedWeights(): void {
  rmSync(FOLDER, { recursive: true, force: true });
}
