// Members of the published mesh with nothing but sets, doors and the exchange between them: no training, no
// model, one queue in place of a network. Signatures are fake, payloads are real.
import assert from 'node:assert/strict';
import { createRandom, layoutOf } from '../../fusion/index.ts';
import { hashOf } from '../../node/hash.ts';
import type { Context } from '../../protocols/delta-set/context.ts';
import { inspectDelta } from '../../protocols/delta-set/inspection.ts';
import { Intake } from '../../protocols/delta-set/intake.ts';
import type { Head } from '../../protocols/delta-set/messages.ts';
import { PayloadCache } from '../../protocols/delta-set/payload-cache.ts';
import { Sync } from '../../protocols/delta-set/sync.ts';
import {
  admittedCodecs,
  type DeltaRecord,
  decodeManifest,
  type Hash,
  type Manifest,
  type PeerId,
  type PortEvent,
  type Ports,
  RecordSet,
  signRecord,
  Tickets,
} from '../../protocols/index.ts';
import { blobHashOf, listOf } from '../../protocols/transfer/rules.ts';
import { fromHex } from '../fusion/hex.ts';
import { fakeSigner, hashNamed } from './delta-records.ts';
import { manifestVectors, recordVectors } from './published.ts';

const decoded = decodeManifest(new TextEncoder().encode(manifestVectors.canonical));
assert(decoded.manifest !== undefined);
export const manifest: Manifest = decoded.manifest;
export const meshId = manifestVectors.meshId as Hash;
/** One of the codec; all records of these tests carry it. */
export const payload = fromHex(recordVectors.records[0].payload);
const blobHash = (bytes: Uint8Array): Hash => blobHashOf(listOf(bytes, hashOf), hashOf);

/** A record that every door of this mesh accepts. */
export function soundRecord(author: string, generation: number, samples = 100): DeltaRecord {
  const fields = {
    mesh: meshId,
    author: author as PeerId,
    generation,
    baseGeneration: generation - 1,
    base: hashNamed('base'),
    samples,
    codec: manifest.codec,
    payload: blobHash(payload),
    payloadBytes: payload.length,
    votes: [],
  };
  return signRecord(fields, fakeSigner);
}

export class Exchange {
  readonly members = new Map<PeerId, ExchangeMember>();
  readonly #queue: (() => void)[] = [];

  defer(run: () => void): void {
    this.#queue.push(run);
  }

  /** Until nothing happens any more. */
  settle(): void {
    for (let steps = 0; this.#queue.length > 0; steps++) {
      assert(steps < 100_000, 'the exchange comes to an end');
      this.#queue.shift()?.();
    }
  }
}

export interface ExchangeOptions {
  readonly records?: readonly DeltaRecord[];
  readonly head?: Partial<Head>;
  readonly inlineBytes?: number;
  readonly contributorsMax?: number;
}

export class ExchangeMember {
  readonly id: PeerId;
  readonly set: RecordSet;
  readonly sync: Sync;
  readonly intake: Intake;
  readonly context: Context;
  nowMs = 0;
  head: Head;
  /** Requests sent, in order. */
  readonly requests: { readonly to: PeerId; readonly bytes: Uint8Array }[] = [];
  readonly penalties: string[] = [];
  readonly refused: string[] = [];
  readonly exchanges: boolean[] = [];
  /** Blobs pulled from elsewhere. */
  readonly pulled: Hash[] = [];
  /** What it says to a request in place of the truth. */
  answer: ((request: Uint8Array) => Uint8Array | undefined) | undefined;
  /** Keys that were written and not deleted. */
  readonly #rows = new Set<string>();

  constructor(exchange: Exchange, name: string, options: ExchangeOptions = {}) {
    this.id = name as PeerId;
    exchange.members.set(this.id, this);
    const { inlineBytes = manifest.limits.inlineBytes } = options;
    const { contributorsMax = manifest.limits.contributorsMax } = options;
    const { correctionWindow } = manifest.history;
    this.set = new RecordSet({ correctionWindow, contributorsMax, hash: hashOf });
    for (const record of options.records ?? []) this.set.add(record);
    this.head = {
      generation: this.set.top,
      model: hashNamed('model'),
      state: hashNamed('state'),
      samples: 100,
      floor: 0,
      snapshots: [],
      ...options.head,
    };
    this.context = {
      manifest: { ...manifest, limits: { ...manifest.limits, inlineBytes, contributorsMax } },
      meshId,
      self: this.id,
      codecs: admittedCodecs(manifest),
      layout: layoutOf(manifest.model),
      ports: this.#ports(exchange),
      initialModel: () => assert.fail('nobody begins here'),
      tickets: new Tickets(),
      set: this.set,
      inspect: inspectDelta,
      payloads: new PayloadCache(1_000),
      listener: {
        generation: () => {},
        trained: () => {},
        refused: (reason) => this.refused.push(reason),
        notice: () => {},
        settled: () => {},
      },
    };
    this.intake = new Intake(this.context, {
      newestQuorum: () => this.set.top,
      added: () => {},
      evicted: () => {},
    });
    this.sync = new Sync(this.context, this.intake, {
      head: () => this.head,
      heard: () => {},
      exchanged: (complete) => this.exchanges.push(complete),
    });
  }

  /** Keys of what its store holds, ascending. */
  rows(): readonly string[] {
    return [...this.#rows].sort();
  }

  #ports(exchange: Exchange): Ports {
    const deliver = (event: PortEvent & { readonly ticket: number }): void =>
      exchange.defer(() => this.context.tickets.resolve(event));
    const unused = (): never => assert.fail('the exchange neither trains nor fuses');
    return {
      network: {
        self: this.id,
        peers: () => [...exchange.members.keys()].filter((id) => id !== this.id).sort(),
        publish: unused,
        penalise: (peer, reason) => this.penalties.push(`${peer} ${reason}`),
        request: (to, _call, bytes, _deadlineMs, ticket) => {
          this.requests.push({ to, bytes });
          const other = exchange.members.get(to);
          const respond = (answer: Uint8Array | undefined): void =>
            deliver({ kind: 'response', ticket, from: to, bytes: answer });
          if (other === undefined) respond(undefined);
          else if (other.answer !== undefined) respond(other.answer(bytes));
          else exchange.defer(() => other.sync.serve(this.id, bytes, respond));
        },
      },
      clock: { nowMs: () => this.nowMs, wakeAt: () => {} },
      store: {
        write: (batch, _sync, ticket) => {
          for (const { key, value } of batch) {
            if (value === undefined) this.#rows.delete(key);
            else this.#rows.add(key);
          }
          deliver({ kind: 'written', ticket, error: undefined });
        },
        read: unused,
        scan: unused,
      },
      blobs: {
        writesFor: (bytes) => ({ hash: blobHash(bytes), batch: [] }),
        hashOf: blobHash,
        fetch: (hash, _bytesMax, from, ticket) => {
          if (from.length > 0) this.pulled.push(hash);
          deliver({ kind: 'blob', ticket, hash, bytes: payload, error: undefined });
        },
      },
      learner: { samples: 100, train: unused, evaluate: unused, restore: unused },
      fusion: {
        fuse: unused,
        model: unused,
        momentum: unused,
        snapshotAtOrBelow: unused,
        snapshot: unused,
        adopt: unused,
      },
      signer: { ...fakeSigner, self: this.id },
      random: createRandom(this.id),
      journal: { event: () => {} },
    };
  }
}
