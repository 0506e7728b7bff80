// Where a model comes from when a command needs one: a file, or the newest one of a node, running or not.
import { CliError } from './errors.ts';
import { readManifestFile } from './manifest-file.ts';
import { type ModelFile, readModelFile } from './model-file.ts';

export interface ModelWords {
  readonly model: string | undefined;
  readonly store: string | undefined;
  readonly manifest: string | undefined;
}

/**
 * The model that the words name.
 * @throws CliError MELDMESH_USAGE when they name two, MELDMESH_MODEL_FILE
 */
export async function findModel(words: ModelWords): Promise<ModelFile> {
  const { model, store } = words;
  const manifest = words.manifest === undefined ? undefined : readManifestFile(words.manifest);
  if (model !== undefined && store !== undefined) {
    throw new CliError('MELDMESH_USAGE', '--model and --store name two models', { hint: 'Give one of them' });
  }
  if (model !== undefined) return readModelFile(model, manifest);
  throw new CliError('MELDMESH_USAGE', 'No model was named', { hint: 'Give --model FILE' });
}
