// A model that a member brings from elsewhere, as its node sees it: whether the mesh lets it in at all, what became of it, and
// what is remembered. Matching and judging are the learner's.
import { basename } from 'node:path';
import { layoutOf } from '../fusion/index.ts';
import { checkForeignModel, type ForeignDecision, type ForeignModel } from '../learning/index.ts';
import { FOREIGN_CODEC, lineageOf, type Manifest, OWN_KEY } from '../protocols/index.ts';
import type { ForeignStory, NodeOptions } from './api.ts';
import { MeldError } from './errors.ts';
import { encodeForeignRow, FOREIGN_KEY, readForeignRow } from './foreign-row.ts';
import type { NodeStore } from './store/level-store.ts';
import { blobWrites } from './store/stored-blobs.ts';

export interface ForeignOptions {
  readonly node: NodeOptions;
  readonly manifest: Manifest;
  readonly store: NodeStore;
  /** Told of every decision; not of what an earlier run has decided. */
  readonly told: (story: ForeignStory) => void;
}

export class ForeignGuest {
  readonly #options: ForeignOptions;
  /** For the learner's first round. */
  readonly model: ForeignModel | undefined;
  #story: ForeignStory | undefined;

  private constructor(options: ForeignOptions, story: ForeignStory | undefined, model?: ForeignModel) {
    this.#options = options;
    this.#story = story;
    this.model = model;
  }

  /**
   * Reads the model that the node was given, if this is the time for it.
   * @throws MeldError MELDMESH_LINEAGE_SHARED, MELDMESH_OPTIONS; LearningError MELDMESH_LEARNING_FOREIGN; what reading throws
   */
  static async receive(options: ForeignOptions): Promise<ForeignGuest> {
    const { node, manifest, store } = options;
    const known = await readForeignRow(store);
    if (node.from === undefined) return new ForeignGuest(options, known);
    refuseRole(node, manifest);
    const about = { name: basename(node.from.name), lineage: lineageOf(manifest) };
    const hasHistory = (await store.get(OWN_KEY)) !== undefined;
    if (hasHistory || known?.outcome === 'dropped') return ForeignGuest.#late(options, about, known);
    const { weights, samples: said } = node.from.read(manifest);
    const samples = samplesOf(said, node, manifest);
    checkForeignModel({ weights, samples }, layoutOf(manifest.model));
    if (about.lineage === 'adopt') return await ForeignGuest.#dropped(options, { ...about, samples });
    const how = about.lineage === 'naive' ? 'naive' : 'align';
    const reason = 'it is looked at in the first round';
    return new ForeignGuest(
      options,
      { ...about, samples, outcome: 'pending', reason },
      { weights, samples, how, codec: FOREIGN_CODEC },
    );
  }

  static #late(
    options: ForeignOptions,
    about: Pick<ForeignStory, 'name' | 'lineage'>,
    known: ForeignStory | undefined,
  ): ForeignGuest {
    // The same model is named again at every start, where it stands in the node's settings.
    if (known?.name === about.name) return new ForeignGuest(options, known);
    const reason =
      known === undefined
        ? 'this member has contributed already; a model comes in with its first delta or not at all'
        : `this member has brought ${known.name} already, and that was ${known.outcome}`;
    const story: ForeignStory = { ...about, outcome: 'late', reason };
    options.told(story);
    return new ForeignGuest(options, known ?? story);
  }

  static async #dropped(
    options: ForeignOptions,
    about: Pick<ForeignStory, 'name' | 'samples' | 'lineage'>,
  ): Promise<ForeignGuest> {
    const reason = "the mesh adopts members, not their weights: this one goes on from the mesh's model";
    const story: ForeignStory = { ...about, outcome: 'dropped', reason };
    await options.store.put(FOREIGN_KEY, encodeForeignRow(story));
    options.told(story);
    return new ForeignGuest(options, story);
  }

  get story(): ForeignStory | undefined {
    return this.#story;
  }

  /** The learner's word. It is on its way to the disk when this returns, before anything that the machine writes after it. */
  decided(decision: ForeignDecision): void {
    const { store, told } = this.#options;
    const { model } = this;
    if (this.#story === undefined || model === undefined) return;
    const { outcome, reason } = decision;
    const kept = outcome === 'refused' ? blobWrites(bytesOf(model.weights)) : undefined;
    const story: ForeignStory = { ...this.#story, outcome, reason, decision, kept: kept?.blob };
    const row = { key: FOREIGN_KEY, value: encodeForeignRow(story) };
    // A store that cannot be written ends the node by itself, and the decision is made again then.
    store.batch([...(kept?.batch ?? []), row], false).catch(() => undefined);
    this.#story = story;
    told(story);
  }
}

/** As it says itself, or as many as the member has. Only a trainer knows how many it has where it brings its own. */
function samplesOf(said: number | undefined, node: NodeOptions, manifest: Manifest): number {
  const samples = said ?? node.data?.count;
  if (samples !== undefined) return Math.min(samples, manifest.limits.samplesMax);
  throw new MeldError(
    'MELDMESH_OPTIONS',
    'How many samples the model from elsewhere was trained on is not known, which --from-samples would say',
  );
}

function refuseRole(node: NodeOptions, manifest: Manifest): void {
  if (lineageOf(manifest) === 'shared') {
    throw new MeldError('MELDMESH_LINEAGE_SHARED', 'All weights of this mesh come from its common start');
  }
  const observes = (node.data === undefined && node.trainer === undefined) || node.generations === 0;
  if (observes) throw new MeldError('MELDMESH_OPTIONS', 'An observer brings no model into a mesh');
}

const bytesOf = (weights: Float32Array): Uint8Array =>
  new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
