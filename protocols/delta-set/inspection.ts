// What can be said of a delta message by looking at nothing but its bytes and the manifest. A host with many members in
// one process may look once for all of them: the answers are the same for everybody.
import type { ModelLayout } from '../../fusion/index.ts';
import type { AdmittedCodecs } from '../manifest/lineage.ts';
import type { Blobs, Signer, StoreWrite, Verdict } from '../ports.ts';
import { type DeltaMessage, decodeDelta, encodeDelta } from './messages.ts';
import { recordKey } from './store-layout.ts';

export interface Inspection {
  /** `undefined`: malformed. */
  readonly message: DeltaMessage | undefined;
  /** Signature, and of an inline payload hash and form; `undefined` when all is right. */
  proofs(): Verdict | undefined;
  /** What keeps the record, and its payload where that is inline. */
  writes(): readonly StoreWrite[];
}

export interface InspectionParts {
  readonly signer: Pick<Signer, 'hash' | 'verify'>;
  readonly blobs: Pick<Blobs, 'hashOf' | 'writesFor'>;
  readonly codecs: AdmittedCodecs;
  readonly layout: ModelLayout;
}

/** Looks at these bytes; nobody may change them afterwards. */
export type Inspect = (bytes: Uint8Array, parts: InspectionParts) => Inspection;

/** Each answer is worked out when it is first asked for. */
export const inspectDelta: Inspect = (bytes, parts) => {
  const { signer, blobs, codecs, layout } = parts;
  const message = decodeDelta(bytes, signer.hash);
  let proofs: { readonly verdict: Verdict | undefined } | undefined;
  let writes: readonly StoreWrite[] | undefined;
  return {
    message,
    proofs() {
      proofs ??= { verdict: message === undefined ? reject('malformed') : prove(message) };
      return proofs.verdict;
    },
    writes() {
      writes ??= message === undefined ? [] : writesOf(message);
      return writes;
    },
  };

  function prove({ record, payload }: DeltaMessage): Verdict | undefined {
    if (!signer.verify(record.author, record.header, record.signature)) return reject('bad-signature');
    if (payload === undefined) return undefined;
    if (blobs.hashOf(payload) !== record.payload) return reject('payload-hash');
    const codec = codecs(record.codec);
    if (codec === undefined) return reject('codec');
    return codec.check(payload, layout) === undefined ? undefined : reject('payload');
  }

  function writesOf({ record, payload }: DeltaMessage): readonly StoreWrite[] {
    const row = { key: recordKey(record.generation, record.id), value: encodeDelta(record, undefined) };
    return payload === undefined ? [row] : [...blobs.writesFor(payload).batch, row];
  }
};

const reject = (reason: string): Verdict => ({ act: 'reject', reason });
