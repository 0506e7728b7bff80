// One mesh of real nodes on loopback: five founders from the shared start and, once they have come to a generation, three
// newcomers that bring models. Nobody goes on without everybody, so that speed decides nothing. It trains the foreign models
// and measures; what the numbers mean is for the page.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom, initialWeights, layoutOf } from '../../../fusion/index.ts';
import { type Dataset, subset, type Trainer } from '../../../learning/index.ts';
import {
  createNode,
  type ForeignStory,
  type MeldNode,
  type NodeOptions,
  openStore,
} from '../../../node/index.ts';
import { type Lineage, type Manifest, OWN_KEY, parseManifestConfig } from '../../../protocols/index.ts';
import { LIMIT_MS, until, within } from '../../node/support/processes.ts';

export const FOUNDERS = 5;
export const NEWCOMERS = 3;
/** Generations of the founders alone. */
export const ALONE = 5;
/** Generations of all. */
export const TOGETHER = 5;
export const OWN_DIGITS = 400;
export const FOREIGN_DIGITS = 2_000;
export const FOREIGN_EPOCHS = 20;
const MODEL = 'mlp:256';
const TRAINING = { learningRate: 0.05, momentum: 0.9, batch: 32 };
/** The three parts of the training digits never overlap, whatever the seed. */
const FOREIGN_FROM = 10_000;
const NEWCOMERS_FROM = 30_000;

export interface AlignSetting {
  readonly seed: number;
  readonly lineage: Lineage;
}

export interface AlignResult {
  readonly seed: number;
  readonly lineage: Lineage;
  /** Of the shared model on the test digits after each generation, from 1. */
  readonly accuracy: readonly number[];
  readonly digest: string;
  readonly foreignAccuracy: readonly number[];
  readonly stories: readonly (ForeignStory | undefined)[];
}

export interface AlignData {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly trainer: Trainer;
}

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);

export const manifestFor = ({ seed, lineage }: Pick<AlignSetting, 'seed' | 'lineage'>): Manifest => {
  const { manifest, problems } = parseManifestConfig({
    name: 'align',
    salt: `seed ${seed}`,
    model: MODEL,
    data: { inputs: 784, classes: 10, scale: 255 },
    training: TRAINING,
    lineage,
    pace: { quorum: 1, contributorsMin: FOUNDERS, patience: 100, patienceMinMs: LIMIT_MS },
  });
  if (manifest === undefined) throw new Error(problems.join('; '));
  return manifest;
};

/** From a start of its own, on digits that nobody else has. */
export function trainElsewhere(seed: number, newcomer: number, { train, trainer }: AlignData): Float32Array {
  const { model } = manifestFor({ seed, lineage: 'align' });
  const name = `elsewhere ${seed} ${newcomer}`;
  return trainer.train({
    weights: initialWeights(model, name),
    velocity: new Float32Array(layoutOf(model).size),
    data: foreignDigits(seed, newcomer, train),
    settings: { ...TRAINING, localEpochs: FOREIGN_EPOCHS },
    random: createRandom(name),
  }).weights;
}

function foreignDigits(seed: number, newcomer: number, train: Dataset): Dataset {
  const first = FOREIGN_FROM + ((seed - 1) * NEWCOMERS + newcomer) * FOREIGN_DIGITS;
  return subset(train, range(first, FOREIGN_DIGITS));
}

/**
 * Founds one mesh, and lets the newcomers join it once for each way of holding digits. Throws when the members do not hold
 * one model at the end, or somebody joined at another time.
 */
export async function runAlignMeshes(
  setting: AlignSetting,
  foreign: readonly Float32Array[],
  data: AlignData,
): Promise<{ readonly elsewhere: AlignResult; readonly held: AlignResult }> {
  const root = mkdtempSync(join(tmpdir(), 'meldmesh-align-'));
  const inFolder = async <T>(folder: string, run: (mesh: AlignMesh) => Promise<T>): Promise<T> => {
    const mesh = new AlignMesh(setting, { foreign, data, folder });
    try {
      return await run(mesh);
    } finally {
      await mesh.stop();
    }
  };
  try {
    const [first, second] = ['elsewhere', 'held'].map((name) => join(root, name));
    const before = await inFolder(first, (mesh) => mesh.foundersAlone());
    for (const i of range(0, NEWCOMERS))
      await copyHistory(join(first, 'founder-0'), join(first, `newcomer-${i}`));
    cpSync(first, second, { recursive: true });
    return {
      elsewhere: await inFolder(first, (mesh) => mesh.together(before, false)),
      held: await inFolder(second, (mesh) => mesh.together(before, true)),
    };
  } finally {
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Newcomers have the history of the mesh when they begin, so that all of them begin with the same generation. */
async function copyHistory(from: string, to: string): Promise<void> {
  cpSync(join(from, 'db'), join(to, 'db'), { recursive: true });
  const store = await openStore({ folder: to });
  await store.del(OWN_KEY);
  await store.close();
}

interface MeshParts {
  readonly foreign: readonly Float32Array[];
  readonly data: AlignData;
  readonly folder: string;
}

class AlignMesh {
  readonly #setting: AlignSetting;
  readonly #parts: MeshParts;
  readonly #manifest: Manifest;
  readonly #accuracy = new Map<number, number>();
  #nodes: MeldNode[] = [];

  constructor(setting: AlignSetting, parts: MeshParts) {
    this.#setting = setting;
    this.#parts = parts;
    this.#manifest = manifestFor(setting);
  }

  /** Accuracy of each generation. */
  async foundersAlone(): Promise<readonly number[]> {
    const nodes: MeldNode[] = [];
    for (const i of range(0, FOUNDERS)) {
      const bootstrap = nodes[0]?.status().addresses;
      nodes.push(await this.#openFounder(i, { generations: ALONE, bootstrap, waitForPeers: FOUNDERS - 1 }));
    }
    await this.#done(nodes, ALONE);
    return this.#scores(1, ALONE);
  }

  /**
   * All but one founder go on first, and stand: nothing is complete without the last, who comes when the newcomers have
   * contributed.
   */
  async together(before: readonly number[], holdsForeign: boolean): Promise<AlignResult> {
    const generations = ALONE + TOGETHER;
    const nodes = [await this.#openFounder(0, { generations })];
    const bootstrap = nodes[0].status().addresses;
    for (const i of range(1, FOUNDERS - 2))
      nodes.push(await this.#openFounder(i, { generations, bootstrap }));
    const newcomers: MeldNode[] = [];
    for (const i of range(0, NEWCOMERS))
      newcomers.push(await this.#openNewcomer(i, { bootstrap, holdsForeign }));
    nodes.push(...newcomers, await this.#openFounder(FOUNDERS - 1, { generations, bootstrap }));
    const digest = await this.#done(nodes, generations);
    const { seed, lineage } = this.#setting;
    return {
      seed,
      lineage,
      digest,
      accuracy: [...before, ...this.#scores(ALONE + 1, TOGETHER)],
      foreignAccuracy: this.#parts.foreign.map((weights) => this.#score(weights)),
      stories: newcomers.map((node) => node.status().foreign),
    };
  }

  #scores(first: number, count: number): readonly number[] {
    return range(first, count).map((generation) => this.#accuracy.get(generation) ?? Number.NaN);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.stop()));
  }

  async #openFounder(i: number, options: Partial<NodeOptions>): Promise<MeldNode> {
    const first = ((this.#setting.seed - 1) * FOUNDERS + i) * OWN_DIGITS;
    const own = subset(this.#parts.data.train, range(first, OWN_DIGITS));
    const node = await this.#open(`founder-${i}`, { ...options, data: own });
    // A correction overwrites what was there before.
    if (i === 0)
      node.on('generation', ({ generation }) => this.#accuracy.set(generation, this.#score(node.model())));
    return node;
  }

  /** Resolves when it has contributed. */
  async #openNewcomer(
    i: number,
    how: { readonly bootstrap: readonly string[]; readonly holdsForeign: boolean },
  ): Promise<MeldNode> {
    const { seed } = this.#setting;
    const { foreign, data } = this.#parts;
    const first = NEWCOMERS_FROM + ((seed - 1) * NEWCOMERS + i) * OWN_DIGITS;
    const own = how.holdsForeign
      ? foreignDigits(seed, i, data.train)
      : subset(data.train, range(first, OWN_DIGITS));
    const node = await this.#open(`newcomer-${i}`, {
      data: own,
      generations: ALONE + TOGETHER,
      bootstrap: how.bootstrap,
      from: {
        name: `elsewhere-${i}`,
        read: () => ({ weights: foreign[i], samples: FOREIGN_DIGITS }),
      },
    });
    const joined = new Promise<number>((resolve) =>
      node.on('trained', (detail) => resolve(detail.generation)),
    );
    const generation = await within(joined, `newcomer ${i} contributes`);
    if (generation !== ALONE + 1) throw new Error(`newcomer ${i} began with generation ${generation}`);
    return node;
  }

  async #open(name: string, options: Partial<NodeOptions>): Promise<MeldNode> {
    const node = await createNode({
      store: join(this.#parts.folder, name),
      manifest: this.#manifest,
      backend: 'wasm',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      mdns: false,
      seed: `${this.#setting.seed} ${name}`,
      ...options,
    });
    this.#nodes.push(node);
    await node.start();
    return node;
  }

  #score(weights: Float32Array): number {
    const { trainer, test } = this.#parts.data;
    return trainer.evaluate(weights, test).accuracy;
  }

  /** All are through with this generation and hold one model; its digest. */
  async #done(nodes: readonly MeldNode[], generation: number): Promise<string> {
    return await until(() => {
      const all = nodes.map((node) => node.status());
      const isOver = all.every((status) => status.phase === 'done' && status.generation >= generation);
      return isOver && new Set(all.map(({ digest }) => digest)).size === 1 && all[0].digest;
    }, `all members hold one model at generation ${generation}`);
  }
}
