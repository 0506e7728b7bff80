// What compression left out plus what was sent equals what was trained. The sums run over all lives of a member: a round
// counts once its record is on disk, what was trained and lost in a crash before that never was.
//
//   Σ trained = Σ payloads sent, but those taken back + residual          checked each time a record is published
//
// And what lost its weight is taken back: a record that nobody counts, two rounds later, is owed.
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import {
  blobHashOf,
  type DeltaRecord,
  decodeOwn,
  type Hash,
  listOf,
  OWN_KEY,
} from '../../protocols/index.ts';
import { hashOf } from '../hash.ts';
import type { RoundSeen } from '../learners/work.ts';
import type { SimPeer } from '../peer.ts';
import type { Checker, Finding } from './checker.ts';

/** Each round rounds to float32, relative to the largest value there ever was; a forgotten residual is thousands of
 * times larger. */
const TOLERANCE = 1e-5;
/** Rounds of one member after which a record without weight must have been taken back, sealed or not: one may be under
 * way. */
const ROUNDS_MAX = 3;

interface Round extends RoundSeen {
  readonly life: number;
}

interface Sent {
  readonly record: DeltaRecord;
  readonly payload: Uint8Array;
  isReturned: boolean;
  /** Own records published since it was last seen counted or taken back, or since it was sealed. */
  idleRounds: number;
}

export function conservation(): Checker {
  const ledgers = new Map<SimPeer, Ledger>();
  const closed = new Set<SimPeer>();
  return {
    name: 'what was left out plus what was sent is what was trained',
    onTrained: (peer, life, round) => {
      if (closed.has(peer)) return;
      const ledger = ledgers.get(peer) ?? new Ledger(peer);
      ledgers.set(peer, ledger);
      ledger.trained(life, round);
    },
    onPublished: (peer, record) => ledgers.get(peer)?.published(record),
    onNotice: (peer, { code }) => {
      // A disk that cannot be read may cost its owner the residual; that is said aloud, and the books are closed.
      if (code === 'STORE_READ_FAILED') {
        ledgers.delete(peer);
        closed.add(peer);
      }
      return undefined;
    },
  };
}

class Ledger {
  readonly #peer: SimPeer;
  readonly #layout;
  readonly #sent = new Map<Hash, Sent>();
  /** Σ trained − Σ sent and not taken back: what the residual has to be. */
  readonly #owed: Float64Array;
  #largest = 1e-3;
  /** Rounds whose record has not been published yet, oldest first. */
  #open: Round[] = [];

  constructor(peer: SimPeer) {
    const { manifest } = peer.options;
    this.#peer = peer;
    this.#layout = layoutOf(manifest.model);
    this.#owed = new Float64Array(this.#layout.size);
  }

  /** Lives one after the other, whatever the order in which their threads were done. */
  trained(life: number, round: RoundSeen): void {
    const before = this.#open.findLastIndex((open) => open.life <= life);
    this.#open.splice(before + 1, 0, { life, ...round });
  }

  published(record: DeltaRecord): Finding {
    if (this.#sent.has(record.id)) return undefined;
    const found = this.#open.findLastIndex(({ payload }) => payloadHash(payload) === record.payload);
    // A watcher who came later, or a life that said again what it had said before.
    if (found < 0) return undefined;
    const last = this.#open[found];
    for (const { life, delta } of this.#open.slice(0, found + 1)) {
      if (life === last.life) this.#train(delta);
    }
    this.#open = this.#open.slice(found + 1).filter(({ life }) => life === last.life);
    const sent = { record, payload: last.payload, isReturned: false, idleRounds: 0 };
    this.#add(sent, -1);
    this.#sent.set(record.id, sent);
    const own = this.#peer.disk.entries.get(OWN_KEY);
    const row = own === undefined ? undefined : decodeOwn(own);
    if (row === undefined)
      return { text: 'a record was published before its author kept it', peers: [this.#peer] };
    this.#settle(row.returned);
    return this.#compare(last.residual, record.generation) ?? this.#findLost();
  }

  #train(delta: Float32Array): void {
    const owed = this.#owed;
    let largest = this.#largest;
    for (let i = 0; i < delta.length; i++) {
      owed[i] += delta[i];
      const size = Math.abs(owed[i]);
      if (size > largest) largest = size;
    }
    this.#largest = largest;
  }

  #add({ record, payload }: Sent, sign: 1 | -1): void {
    codecNamed(record.codec)?.addTo(this.#owed, payload, sign, this.#layout);
  }

  /** The author's own word on what is back in its residual. */
  #settle(returned: readonly Hash[]): void {
    const back = new Set(returned);
    for (const sent of this.#sent.values()) {
      const isReturned = back.has(sent.record.id);
      if (isReturned !== sent.isReturned) this.#add(sent, isReturned ? 1 : -1);
      sent.isReturned = isReturned;
    }
  }

  #compare(residual: Float32Array, generation: number): Finding {
    const owed = this.#owed;
    let off = 0;
    for (let i = 0; i < residual.length; i++) {
      const apart = Math.abs(residual[i] - owed[i]);
      if (apart > off || Number.isNaN(apart)) off = apart;
    }
    if (off <= TOLERANCE * this.#largest) return undefined;
    const text = `at generation ${generation} an author's residual is off by ${off.toPrecision(3)} from what it has trained and not sent`;
    return { text, peers: [this.#peer] };
  }

  #findLost(): Finding {
    const set = this.#peer.machine?.set;
    if (set === undefined) return undefined;
    for (const [id, sent] of this.#sent) {
      const { generation } = sent.record;
      const isSealed = generation <= set.floor;
      const isSettled = sent.isReturned || set.counted(generation).some((counted) => counted.id === id);
      sent.idleRounds = isSettled && !isSealed ? 0 : sent.idleRounds + 1;
      if (sent.idleRounds <= ROUNDS_MAX) continue;
      if (isSealed) {
        this.#sent.delete(id);
        continue;
      }
      const text = `the work of an own delta of generation ${generation} counts nowhere and was never taken back`;
      return { text, peers: [this.#peer] };
    }
    return undefined;
  }
}

const payloadHash = (payload: Uint8Array): Hash => blobHashOf(listOf(payload, hashOf), hashOf);
