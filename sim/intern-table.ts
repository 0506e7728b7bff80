// Values that lie on many disks are kept once. Records and payloads are named by their content, so a thousand peers write
// equal bytes under equal keys at nearly the same time; whether they are equal is looked at, never taken from the key.
import type { StoreWrite } from '../protocols/index.ts';

/** Remembered of each half; what falls out is only no longer shared. A generation of 1,000 peers writes fewer. */
const ENTRIES_MAX = 8_192;
const BYTES_MAX = 64 * 2 ** 20;
/** Keys whose values others have too; the rest is a member's own. */
const SHARED = /^(record|chunk|blob)\//;

export class InternTable {
  readonly #copies: boolean;
  #young = new Map<string, Uint8Array>();
  #old = new Map<string, Uint8Array>();
  #youngBytes = 0;

  /** Without copies it keeps what it is given, for machines that never change what they have handed over. */
  constructor(options: { readonly copies: boolean } = { copies: true }) {
    this.#copies = options.copies;
  }

  /** Equal bytes that somebody keeps already under this key, or these. Whoever gets them must not change them. */
  keep(key: string, value: Uint8Array): Uint8Array {
    if (!SHARED.test(key)) return this.keepAlone(value);
    const known = this.#young.get(key) ?? this.#old.get(key);
    if (known !== undefined && (known === value || Buffer.compare(known, value) === 0)) return known;
    const kept = this.keepAlone(value);
    if (this.#young.size >= ENTRIES_MAX || this.#youngBytes >= BYTES_MAX) this.#grow();
    this.#young.set(key, kept);
    this.#youngBytes += kept.length;
    return kept;
  }

  /** The same of a whole batch, which is given back as it is where all of it is kept already. `isOwn`: nobody else writes it. */
  keepBatch(batch: readonly StoreWrite[], isOwn: boolean): readonly StoreWrite[] {
    let isSame = !this.#copies;
    const kept = batch.map((write) => {
      const { key, value } = write;
      if (value === undefined) return write;
      const same = isOwn ? this.keepAlone(value) : this.keep(key, value);
      isSame &&= same === value;
      return { key, value: same };
    });
    // Peers who look at messages together write the very same batches: a thousand logs need one copy.
    return isSame ? batch : kept;
  }

  #grow(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  /** For what nobody else will write. A plain array: a Buffer's `slice` would not copy, and so must not come out of a store. */
  keepAlone(value: Uint8Array): Uint8Array {
    return this.#copies || value.constructor !== Uint8Array ? new Uint8Array(value) : value;
  }
}
