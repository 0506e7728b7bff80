// The published vectors as the tests read them; docs/vectors.py makes the files, without any code of ours.
import { readFileSync } from 'node:fs';
import type { RecordFields } from '../../protocols/index.ts';

export interface ManifestVectors {
  readonly canonical: string;
  readonly meshId: string;
  readonly initialSeed: string;
  readonly initialWeights: string;
  readonly addresses: readonly string[];
  readonly invitation: string;
}

export interface RecordVectors {
  readonly authors: readonly { readonly seed: string; readonly publicKey: string; readonly peerId: string }[];
  readonly records: readonly {
    readonly fields: RecordFields;
    readonly header: string;
    readonly id: string;
    readonly signature: string;
    readonly payload: string;
    readonly gossip: string;
    readonly gossipWithoutPayload: string;
  }[];
  /** State digests of the generations 0 to 4. */
  readonly states: readonly string[];
  /** Of both authors, in the generations 1 to 4. */
  readonly ranks: readonly (readonly string[])[];
  readonly model: string;
  readonly momentum: string;
  readonly modelDigest: string;
}

export interface SyncVectors {
  readonly digests: readonly string[];
  readonly hello: string;
  readonly welcome: string;
  readonly want: string;
  readonly records: string;
  readonly snapshot: string;
  readonly snapshotBlob: string;
  readonly listRequest: string;
  readonly listResponse: string;
  readonly chunkRequest: string;
  readonly chunkResponse: string;
  readonly missing: string;
}

export const manifestVectors: ManifestVectors = read('manifest');
export const recordVectors: RecordVectors = read('record');
export const syncVectors: SyncVectors = read('sync');

function read(name: string) {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.vectors.json`, import.meta.url), 'utf8'));
}
