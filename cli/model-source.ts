// Where a model comes from when a command needs one: a file, or the newest one of a node, running or not.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { connectControl, openCheckpoints } from '../node/index.ts';
import type { Manifest } from '../protocols/index.ts';
import { CliError } from './errors.ts';
import { readManifestFile } from './manifest-file.ts';
import { readModelFile } from './model-file.ts';
import { MANIFEST_FILE, nodeStore } from './stores.ts';

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
    const manifest = given ?? manifestBeside(store);
    if (manifest === undefined) {
      throw new CliError('MELDMESH_USAGE', `The node on ${store} runs, and its manifest is not in a file`, {
        hint: 'Give --manifest FILE, or stop the node first',
      });
    }
    return { manifest, weights: (await client.model()).weights };
  } finally {
    client.close();
  }
}

/** A manifest that lies in the node's folder, or in that of its mesh. */
function manifestBeside(store: string): Manifest | undefined {
  const paths = [join(store, MANIFEST_FILE), join(dirname(store), MANIFEST_FILE)];
  const path = paths.find((each) => existsSync(each));
  return path === undefined ? undefined : readManifestFile(path);
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
