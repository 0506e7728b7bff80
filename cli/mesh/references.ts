// What the same digits give without a mesh: each shard trained alone, and all of them pooled. It runs in a process
// of its own with low priority, beside the mesh, so that nobody waits for it at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { createRandom, initialWeights } from '../../fusion/index.ts';
import { type BackendChoice, type Dataset, openTrainer, subset, type Trainer } from '../../learning/index.ts';
import { hashOf, loadMnist } from '../../node/index.ts';
import { decodeManifest, initialSeedOf, type Manifest, meshIdOf } from '../../protocols/index.ts';
import { CliError } from '../errors.ts';
import { MANIFEST_FILE, nodeStores } from '../stores.ts';
import { INDICES_FILE } from './plan.ts';
import type { References } from './report.ts';
import { decodeIndices } from './shards.ts';
import { cliEntry } from './spawn.ts';

export interface ReferencesOptions {
  readonly store: string;
  readonly generations: number;
  readonly backend: BackendChoice;
}

/** Computes both lines for a mesh's folder; it blocks this thread for as long as the mesh itself learns. */
export async function computeReferences(options: ReferencesOptions): Promise<References> {
  setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
  const decoded = decodeManifest(readFileSync(join(options.store, MANIFEST_FILE)));
  if (decoded.manifest === undefined) {
    throw new CliError('MELDMESH_STORE_FILE', `${options.store} holds no good manifest: ${decoded.error}`);
  }
  const { manifest } = decoded;
  const shards = nodeStores(options.store).flatMap((store) => {
    const file = join(store, INDICES_FILE);
    const text = readIfThere(file);
    return text === undefined ? [] : [decodeIndices(text, file)];
  });
  const pooled = shards.flat().sort((a, b) => a - b);
  const { train, test } = loadMnist({ samples: pooled[pooled.length - 1] + 1 });
  const trainer = await openTrainer({
    spec: manifest.model,
    scale: manifest.data.scale,
    backend: options.backend,
    threads: 1,
  });
  const learnFrom = (indices: readonly number[], name: string): number => {
    const data = subset(train, indices);
    const weights = trainAlone(trainer, { manifest, data, rounds: options.generations, name });
    return trainer.evaluate(weights, test).accuracy;
  };
  return {
    pooled: learnFrom(pooled, 'pooled'),
    alone: shards.map((shard, index) => learnFrom(shard, `${index}`)),
  };
}

function trainAlone(
  trainer: Trainer,
  options: {
    readonly manifest: Manifest;
    readonly data: Dataset;
    readonly rounds: number;
    readonly name: string;
  },
): Float32Array {
  const { manifest, data } = options;
  let weights = initialWeights(manifest.model, initialSeedOf(meshIdOf(manifest, hashOf)));
  let velocity: Float32Array = new Float32Array(weights.length);
  for (let round = 1; round <= options.rounds; round += 1) {
    const random = createRandom(`reference ${options.name} ${round}`);
    ({ weights, velocity } = trainer.train({ weights, velocity, data, settings: manifest.training, random }));
  }
  return weights;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

export interface RunningReferences {
  /** `undefined` when the process failed or was stopped. */
  readonly result: Promise<References | undefined>;
  stop(): void;
}

/** Starts `meldmesh references` for a mesh's folder. */
export function startReferences(options: ReferencesOptions): RunningReferences {
  const flags = ['--store', options.store, '--generations', String(options.generations)];
  const child = spawn(process.execPath, [cliEntry(), 'references', ...flags, '--backend', options.backend], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return { result: readReferences(child), stop: () => child.kill('SIGKILL') };
}

function readReferences(child: ChildProcess): Promise<References | undefined> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('close', () => resolve(decodeReferences(text)));
  });
}

function decodeReferences(text: string): References | undefined {
  try {
    const value: unknown = JSON.parse(text.trim().split('\n').at(-1) ?? '');
    if (typeof value !== 'object' || value === null || !('alone' in value) || !('pooled' in value))
      return undefined;
    const { alone, pooled } = value;
    if (typeof pooled !== 'number' || !Array.isArray(alone)) return undefined;
    return { pooled, alone: alone.filter((accuracy) => typeof accuracy === 'number') };
  } catch {
    return undefined;
  }
}
