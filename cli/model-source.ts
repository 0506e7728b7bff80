// Where a model comes from when a command needs one: a file, or the newest one of a node, running or not.
import { connectControl, openCheckpoints } from '../node/index.ts';
import type { Manifest } from '../protocols/index.ts';
import { CliError } from './errors.ts';
import { readManifestFile } from './manifest-file.ts';
import { readModelFile } from './model-file.ts';
import { nodeStore } from './stores.ts';

export interface ModelWords {
  readonly model: string | undefined;
  readonly store: string | undefined;
  readonly manifest: string | undefined;
}

export interface FoundModel {
  readonly manifest: Manifest;
  /** Flat float32 in tensor order. */
  readonly weights: Float32Array;
}

/**
 * The model that the words name; without any word the newest of the usual store.
 * @throws CliError MELDMESH_USAGE when they name two, MELDMESH_MODEL_FILE; MeldError of the store
 */
export async function findModel(words: ModelWords): Promise<FoundModel> {
  const { model, store } = words;
  const manifest = words.manifest === undefined ? undefined : readManifestFile(words.manifest);
  if (model !== undefined && store !== undefined) {
    throw new CliError('MELDMESH_USAGE', '--model and --store name two models', { hint: 'Give one of them' });
  }
  if (model !== undefined) return readModelFile(model, manifest);
  const folder = nodeStore(store);
  return (await runningModel(folder, manifest)) ?? (await storedModel(folder));
}

/** From a node's status socket; `undefined` when none runs on the store. */
async function runningModel(store: string, given: Manifest | undefined): Promise<FoundModel | undefined> {
  const client = await connectControl(store).catch(() => undefined);
  if (client === undefined) return undefined;
  try {
    const { weights, manifest } = await client.model();
    const known = given ?? manifest;
    if (known === undefined) {
      throw new CliError('MELDMESH_USAGE', `The node on ${store} does not know its mesh yet`, {
        hint: 'Try again when `meldmesh status` shows a generation',
      });
    }
    return { manifest: known, weights };
  } finally {
    client.close();
  }
}

async function storedModel(store: string): Promise<FoundModel> {
  const checkpoints = await openCheckpoints({ store });
  try {
    const { manifest, model } = await checkpoints.model();
    return { manifest, weights: model };
  } finally {
    await checkpoints.close();
  }
}
