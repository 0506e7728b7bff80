// A gossip message on its way through the network: the same object for everybody, hashed once.
import { type Cost, framingOf, LONG_FROM_BYTES, LONG_MESSAGE_BYTES, MESSAGE_BYTES } from './wire-costs.ts';

export class Message {
  /** Nobody writes to it. */
  readonly bytes: Uint8Array;
  /** Start of its hash, for the trace: as text and as a number. */
  readonly name: string;
  readonly check: number;
  readonly cost: Cost;
  /** Who said to whom that it has this one already; only large ones are worth it. */
  #unwanted: Map<number, Set<number>> | undefined;
  lastHeardMs = 0;
  /** By a member's index: 1 where it has been heard. */
  #heard = new Uint8Array(64);

  constructor(bytes: Uint8Array, hash: string) {
    this.bytes = bytes;
    this.name = hash.slice(0, 12);
    this.check = Number.parseInt(hash.slice(0, 8), 16);
    const extraBytes = bytes.length < LONG_FROM_BYTES ? 0 : LONG_MESSAGE_BYTES;
    const gossipBytes = bytes.length + MESSAGE_BYTES + extraBytes;
    this.cost = { kind: 'gossip', bytes: gossipBytes, controlBytes: framingOf(gossipBytes) };
  }

  /** Members are known here by their index. */
  isHeardBy(index: number): boolean {
    return this.#heard[index] === 1;
  }

  /** False if it was heard before. */
  hear(index: number, nowMs: number): boolean {
    this.lastHeardMs = nowMs;
    if (this.#heard[index] === 1) return false;
    if (index >= this.#heard.length) {
      const more = new Uint8Array(2 * index);
      more.set(this.#heard);
      this.#heard = more;
    }
    this.#heard[index] = 1;
    return true;
  }

  /** `teller` has it already, and has said so to `told`. */
  addUnwanted(teller: number, told: number): void {
    this.#unwanted ??= new Map();
    const all = this.#unwanted.get(teller) ?? new Set();
    this.#unwanted.set(teller, all.add(told));
  }

  isUnwanted(teller: number, told: number): boolean {
    return this.#unwanted?.get(teller)?.has(told) === true;
  }
}
