// `meldmesh checkpoints …`: the words around what `node/` does with a store at rest.
import { hashOf, openCheckpoints, type Verification } from '../node/index.ts';
import { meshIdOf } from '../protocols/index.ts';
import { CliError } from './errors.ts';
import { formatBytes, formatColumns, formatCount, formatDigest } from './format.ts';
import { readManifestFile } from './manifest-file.ts';
import { encodeModelFile, type ModelFile, readModelFile, writeWhole } from './model-file.ts';
import { nodeStore } from './stores.ts';
import { openTerminal } from './terminal.ts';
import { writeTfjsModel } from './tfjs-files.ts';

export interface StoreWords {
  readonly store: string | undefined;
  readonly json: boolean;
}

export interface ExportWords extends StoreWords {
  readonly out: string;
  readonly generation: number | undefined;
  readonly state: boolean;
}

export interface ImportWords {
  readonly store: string;
  readonly manifest: string | undefined;
  readonly json: boolean;
}

type Checkpoints = Awaited<ReturnType<typeof openCheckpoints>>;

async function withStore<T>(
  store: string | undefined,
  work: (checkpoints: Checkpoints) => Promise<T>,
): Promise<T> {
  const checkpoints = await openCheckpoints({ store: nodeStore(store) });
  try {
    return await work(checkpoints);
  } finally {
    await checkpoints.close();
  }
}

/** Prints what the store holds. */
export async function listCheckpoints(words: StoreWords): Promise<void> {
  const terminal = openTerminal(words);
  const list = await withStore(words.store, (checkpoints) => checkpoints.list());
  if (words.json) {
    terminal.result(JSON.stringify(list));
    return;
  }
  const { meshId, name, head, floor, deltas, contributors, copies, storeBytes } = list;
  const history = floor === 0 ? 'whole' : `begins after generation ${floor}`;
  const rows = copies.map(({ generation, state, samples, bytes }) => [
    String(generation),
    formatDigest(state),
    formatCount(samples),
    formatBytes(bytes),
  ]);
  terminal.say(
    [
      `mesh     "${name}", ${meshId}`,
      `model    ${head === undefined ? 'none yet' : `generation ${head.generation}, digest ${head.digest}`}`,
      `history  ${formatCount(deltas)} deltas of ${contributors} contributors, ${history}`,
      `disk     ${formatBytes(storeBytes)}`,
      ...(rows.length === 0 ? ['copies   none'] : ['', 'Copies of model and momentum:']),
      ...(rows.length === 0
        ? []
        : formatColumns([['generation', 'state', 'samples', 'bytes'], ...rows], [true, false, true, true])),
    ].join('\n'),
  );
}

/** Prints the outcome; gives whether all is well. */
export async function verifyCheckpoints(words: StoreWords): Promise<boolean> {
  const terminal = openTerminal(words);
  const result = await withStore(words.store, (checkpoints) => checkpoints.verify());
  if (words.json) terminal.result(JSON.stringify(result));
  else terminal.say(verificationText(result));
  return result.ok;
}

/** Lines about a verification. */
export function verificationText(result: Verification): string {
  const { ok, from, generation, digest, expected, copies, problems } = result;
  const origin = from === 0 ? 'the mesh id' : `the copy of generation ${from}`;
  const sound = copies.filter((copy) => copy.ok).length;
  return [
    `Recomputed from ${origin} to generation ${generation}: ${digest ?? 'nothing'}`,
    `The node last said:                ${expected ?? 'nothing'}`,
    `Copies of the model: ${sound} of ${copies.length} are what the history gives`,
    ...problems.map((problem) => `PROBLEM: ${problem}`),
    ok ? 'All is well.' : 'The store and its history do not agree.',
  ].join('\n');
}

/** Writes a model file and says which model it is. */
export async function exportCheckpoint(words: ExportWords): Promise<void> {
  const { out, generation: wanted, state, json } = words;
  const isTfjs = out.endsWith('.json');
  if (!isTfjs && !out.endsWith('.safetensors')) {
    throw new CliError('MELDMESH_USAGE', `The name ${out} says no format`, {
      hint: 'Let it end in .safetensors, or in .json for TensorFlow.js',
    });
  }
  if (isTfjs && state) {
    throw new CliError('MELDMESH_USAGE', 'A TensorFlow.js model has no place for the momentum', {
      hint: 'Export a whole state as .safetensors',
    });
  }
  const terminal = openTerminal(words);
  const stored = await withStore(words.store, (checkpoints) => checkpoints.model({ generation: wanted }));
  const { manifest, meshId, generation, digest, model: weights, samples } = stored;
  const momentum = state ? stored.momentum : undefined;
  if (isTfjs) writeTfjsModel(out, manifest.model, weights);
  else writeWhole(out, encodeModelFile({ manifest, meshId, generation, digest, samples, weights, momentum }));
  if (json) terminal.result(JSON.stringify({ out, meshId, generation, digest, samples }));
  else terminal.say(`Generation ${generation}, digest ${digest}, written to ${out}`);
}

/** Makes a store begin with a model. */
export async function importCheckpoint(file: string, words: ImportWords): Promise<void> {
  const terminal = openTerminal(words);
  const given = words.manifest === undefined ? undefined : readManifestFile(words.manifest);
  const model = readModelFile(file, given);
  const { manifest, weights } = model;
  // Only in its own mesh do a model's generation, momentum and samples mean anything.
  const isBackup = model.meshId === meshIdOf(manifest, hashOf);
  const { generation, momentum, samples }: Partial<ModelFile> = isBackup ? model : {};
  const checkpoints = await openCheckpoints({ store: words.store, manifest });
  try {
    const state = { generation: generation ?? 1, model: weights, momentum, samples: samples ?? 1 };
    const digest = await checkpoints.importState(state);
    if (words.json)
      terminal.result(JSON.stringify({ store: words.store, generation: state.generation, digest }));
    else {
      terminal.say(`${words.store} now begins with generation ${state.generation}, digest ${digest}`);
      terminal.say(`Go on with: meldmesh join --manifest FILE --store ${words.store} --data PATH`);
    }
  } finally {
    await checkpoints.close();
  }
}

/** Throws away and says how much. */
export async function pruneCheckpoints(words: StoreWords & { readonly history: boolean }): Promise<void> {
  const terminal = openTerminal(words);
  const pruned = await withStore(words.store, (checkpoints) => checkpoints.prune({ history: words.history }));
  if (words.json) terminal.result(JSON.stringify(pruned));
  else {
    const { deltas, bytesBefore, bytesAfter } = pruned;
    terminal.say(
      `${formatCount(deltas)} sealed deltas thrown away; ${formatBytes(bytesBefore)} on disk became ${formatBytes(bytesAfter)}`,
    );
  }
}
