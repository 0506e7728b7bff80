// What the same digits give without a mesh: each shard trained alone, and all of them pooled. Each line runs in a
// process of its own with low priority, beside the mesh, so that nobody waits for it at the end.
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

export type ReferencePart = keyof References;

/** Accuracies of one line for a mesh's folder; it blocks this thread for as long as the whole mesh computes. */
export async function computeReference(
  options: ReferencesOptions & { readonly part: ReferencePart },
): Promise<readonly number[]> {
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
  return options.part === 'pooled'
    ? [learnFrom(pooled, 'pooled')]
    : shards.map((shard, index) => learnFrom(shard, `${index}`));
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

/** Starts `meldmesh references` for a mesh's folder, one process for each line. */
export function startReferences(options: ReferencesOptions): RunningReferences {
  const alone = startPart(options, 'alone');
  const pooled = startPart(options, 'pooled');
  return {
    result: Promise.all([readAccuracies(alone), readAccuracies(pooled)]).then(([each, [all]]) =>
      each.length === 0 || all === undefined ? undefined : { alone: each, pooled: all },
    ),
    stop: () => {
      for (const child of [alone, pooled]) child.kill('SIGKILL');
    },
  };
}

function startPart(options: ReferencesOptions, part: ReferencePart): ChildProcess {
  const { store, generations, backend } = options;
  const flags = [
    '--store',
    store,
    '--generations',
    String(generations),
    '--backend',
    backend,
    '--part',
    part,
  ];
  return spawn(process.execPath, [cliEntry(), 'references', ...flags], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Empty when the process failed or was stopped. */
function readAccuracies(child: ChildProcess): Promise<readonly number[]> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve([]));
    child.once('close', () => resolve(decodeAccuracies(text)));
  });
}

/** The numbers of a JSON list; empty for any other text. */
export function decodeAccuracies(text: string): readonly number[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((each) => typeof each === 'number') ? value : [];
  } catch {
    return [];
  }
}
