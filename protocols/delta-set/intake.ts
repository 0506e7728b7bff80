// The door for records from elsewhere. Everything is checked before it is kept, kept on disk before it is
// added to the set, and counted by reason when it is refused. Nothing here throws for a peer's sake.
//
//   bytes → verdict ─accept→ payload at hand? ─no→ pull it as a blob ─┐
//                                └────────yes───→ write to the store ←┘ → add to the set
import type { Hash, PeerId, Verdict } from '../ports.ts';
import {
  GOSSIP_BYTES_MAX,
  PENDING_MAX,
  UNAVAILABLE_MAX,
  UNAVAILABLE_MAX_MS,
  UNAVAILABLE_MIN_MS,
} from './constants.ts';
import type { Context } from './context.ts';
import type { Inspection } from './inspection.ts';
import { type DeltaMessage, type DeltaRecord, encodeDelta } from './messages.ts';
import { recordKey } from './store-layout.ts';

const ACCEPT: Verdict = { act: 'accept' };
const ignore = (reason: string): Verdict => ({ act: 'ignore', reason });
const reject = (reason: string): Verdict => ({ act: 'reject', reason });

export interface IntakeHooks {
  readonly newestQuorum: () => number;
  /** `changedFrom` is the lowest generation whose counted records are now others. */
  readonly added: (record: DeltaRecord, changedFrom: number | undefined) => void;
  /** Records for which the set has no room, or no room any more. */
  readonly evicted: (records: readonly DeltaRecord[]) => void;
}

export class Intake {
  readonly #context: Context;
  readonly #hooks: IntakeHooks;
  readonly #pending = new Set<Hash>();
  /** By teller and record: until when its payload is taken as not to be had from there, and for how long. The oldest first. */
  readonly #unavailable = new Map<string, { readonly untilMs: number; readonly forMs: number }>();
  readonly #members: ReadonlySet<string> | undefined;

  constructor(context: Context, hooks: IntakeHooks) {
    this.#context = context;
    this.#hooks = hooks;
    this.#members = context.manifest.members === undefined ? undefined : new Set(context.manifest.members);
  }

  /** Records accepted whose payload or write is still on its way. */
  get pending(): number {
    return this.#pending.size;
  }

  isPending(id: Hash): boolean {
    return this.#pending.has(id);
  }

  receive(from: PeerId, bytes: Uint8Array): Verdict {
    const verdict = this.#judge(from, bytes);
    if (verdict.act !== 'accept') {
      this.#context.listener.refused(verdict.reason);
      this.#context.ports.journal.event('refuse', { from, act: verdict.act, reason: verdict.reason });
    }
    return verdict;
  }

  #judge(from: PeerId, bytes: Uint8Array): Verdict {
    if (bytes.length > GOSSIP_BYTES_MAX) return reject('oversized');
    const { inspect, ports, codecs, layout } = this.#context;
    const inspection = inspect(bytes, { signer: ports.signer, blobs: ports.blobs, codecs, layout });
    const { message } = inspection;
    if (message === undefined) return reject('malformed');
    const { record, payload } = message;
    if (record.mesh !== this.#context.meshId) return reject('wrong-mesh');
    if (this.#pending.has(record.id) || this.#context.set.has(record.id, record.generation)) {
      return ignore('duplicate');
    }
    const verdict = this.#judgeFields(message) ?? this.#judgeTime(from, record) ?? inspection.proofs();
    if (verdict !== undefined) return verdict;
    this.#pending.add(record.id);
    if (payload === undefined) this.#pull(from, record);
    else this.#keep(record, payload, inspection.writes());
    return ACCEPT;
  }

  /** What the manifest forbids, whoever says it. */
  #judgeFields({ record, payload }: DeltaMessage): Verdict | undefined {
    const { manifest, codecs, layout } = this.#context;
    const { limits, history } = manifest;
    if (this.#members?.has(record.author) === false) return reject('not-admitted');
    if (record.samples < 1 || record.samples > limits.samplesMax) return reject('samples');
    const codec = codecs(record.codec);
    if (codec === undefined) return reject('codec');
    if (record.payloadBytes > Math.min(limits.payloadBytes, codec.payloadBytesMax(layout))) {
      return reject('payload-size');
    }
    if (
      record.payloadBytes > limits.inlineBytes
        ? payload !== undefined
        : payload?.length !== record.payloadBytes
    ) {
      return reject('payload-size');
    }
    // A vote names whatever is kept of a generation: two records of an author at most.
    const votesMax = record.generation > history.correctionWindow ? 2 * limits.contributorsMax : 0;
    return record.votes.size > votesMax ? reject('votes') : undefined;
  }

  /** Honest peers send these too, when they know less or more than we do. */
  #judgeTime(from: PeerId, record: DeltaRecord): Verdict | undefined {
    const { set, manifest } = this.#context;
    if (record.generation <= set.floor) return ignore('sealed');
    if (record.generation > this.#hooks.newestQuorum() + manifest.limits.generationsAhead)
      return ignore('too-far-ahead');
    if (this.#pending.size >= PENDING_MAX) return ignore('busy');
    const untilMs = this.#unavailable.get(`${from} ${record.id}`)?.untilMs ?? 0;
    if (this.#context.ports.clock.nowMs() < untilMs) return ignore('unavailable');
    return set.wouldKeep(record) ? undefined : ignore('surplus');
  }

  #pull(from: PeerId, record: DeltaRecord): void {
    const { ports, tickets, codecs, layout } = this.#context;
    const sources = from === record.author ? [from] : [from, record.author];
    const ticket = tickets.issue((event) => {
      if (event.kind !== 'blob' || event.bytes === undefined) {
        this.#drop(record, 'payload-unavailable');
        this.#saidInVain(from, record);
      } else if (
        event.bytes.length !== record.payloadBytes ||
        codecs(record.codec)?.check(event.bytes, layout) !== undefined
      ) {
        ports.network.penalise(record.author, 'payload');
        this.#drop(record, 'payload');
      } else {
        const row = { key: recordKey(record.generation, record.id), value: encodeDelta(record, undefined) };
        this.#keep(record, event.bytes, [row]);
      }
    });
    ports.blobs.fetch(record.payload, record.payloadBytes, sources, ticket);
  }

  /** It may have lost its link to us, or has not got the payload itself yet: the first time it is soon asked again. */
  #saidInVain(from: PeerId, { id }: DeltaRecord): void {
    const key = `${from} ${id}`;
    const before = this.#unavailable.get(key)?.forMs;
    const forMs = before === undefined ? UNAVAILABLE_MIN_MS : Math.min(2 * before, UNAVAILABLE_MAX_MS);
    this.#unavailable.delete(key);
    this.#unavailable.set(key, { untilMs: this.#context.ports.clock.nowMs() + forMs, forMs });
    const [oldest] = this.#unavailable.keys();
    if (this.#unavailable.size > UNAVAILABLE_MAX) this.#unavailable.delete(oldest);
  }

  #keep(record: DeltaRecord, payload: Uint8Array, batch: ReturnType<Inspection['writes']>): void {
    const { ports, tickets, payloads, listener } = this.#context;
    const ticket = tickets.issue((event) => {
      if (event.kind !== 'written' || event.error !== undefined) {
        const error = event.kind === 'written' ? event.error : 'no answer';
        listener.notice('STORE_WRITE_FAILED', `a delta of ${record.author} was not kept: ${error}`);
        this.#drop(record, 'store');
        return;
      }
      payloads.set(record.payload, payload);
      this.#pending.delete(record.id);
      this.add(record);
    });
    ports.store.write(batch, false, ticket);
  }

  #drop(record: DeltaRecord, reason: string): void {
    this.#pending.delete(record.id);
    this.#context.listener.refused(reason);
    this.#context.ports.journal.event('drop', { id: record.id, reason });
  }

  /** Adds a record that is on disk: a stranger's, the own one, or one found at the start. */
  add(record: DeltaRecord): void {
    const { set, ports, listener } = this.#context;
    const { outcome, changedFrom, evicted } = set.add(record);
    if (outcome === 'surplus') {
      this.#drop(record, 'surplus');
      this.#forget([record]);
      this.#hooks.evicted([record]);
    }
    if (outcome !== 'added' && outcome !== 'equivocation') return;
    ports.journal.event('add', { id: record.id, author: record.author, generation: record.generation });
    if (outcome === 'equivocation') {
      ports.journal.event('equivocation', { author: record.author, generation: record.generation });
      listener.notice(
        'EQUIVOCATION',
        `${record.author} signed two deltas for generation ${record.generation}; what the mesh has not judged yet counts no more`,
      );
    }
    if (evicted !== undefined && evicted.length > 0) {
      this.#forget(evicted);
      this.#hooks.evicted(evicted);
    }
    this.#hooks.added(record, changedFrom);
  }

  /** Their rows; what else the store holds of them goes when it is pruned. */
  #forget(records: readonly DeltaRecord[]): void {
    const { ports, tickets } = this.#context;
    // An own one stays until it is pruned: a crash may come before its work is back in a residual on disk.
    const batch = records
      .filter(({ author }) => author !== this.#context.self)
      .map(({ generation, id }) => ({ key: recordKey(generation, id), value: undefined }));
    if (batch.length === 0) return;
    ports.store.write(
      batch,
      false,
      tickets.issue(() => {}),
    );
  }
}
