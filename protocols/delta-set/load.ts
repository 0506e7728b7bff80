// What a member does first: find what an earlier run left in the store. The model is recomputed from the records,
// from the newest copy of S and m when the history is longer than the horizon; own work goes on where it was,
// and the own newest record is said again, since the crash may have come just before it was published.
import type { Hash, PortEvent } from '../ports.ts';
import type { Context } from './context.ts';
import type { Intake } from './intake.ts';
import { type DeltaRecord, decodeDelta } from './messages.ts';
import type { ModelHead } from './model-head.ts';
import type { OwnWork } from './own-work.ts';
import { fetchState } from './state-copy.ts';
import {
  decodeFloor,
  decodeHeadRow,
  decodeOwn,
  decodeSnapshotRow,
  FLOOR_KEY,
  HEAD_KEY,
  type HeadRow,
  OWN_KEY,
  type OwnRow,
  RECORD_PREFIX,
  SNAPSHOT_PREFIX,
  type SnapshotRow,
} from './store-layout.ts';

interface Parts {
  readonly intake: Intake;
  readonly model: ModelHead;
  readonly own: OwnWork;
  /** `complete` is the newest generation that was complete when the store was written. */
  readonly ready: (complete: number) => void;
}

interface Found {
  records: readonly DeltaRecord[];
  snapshots: readonly SnapshotRow[];
  own: OwnRow | undefined;
  head: HeadRow | undefined;
  /** A state was copied from the mesh at this generation. */
  floor: number;
}

/** Rows in one scan: more than horizon × contributors of any mesh that fits the store limit. */
const ROWS_MAX = 1_000_000;

export function load(context: Context, parts: Parts): void {
  const { ports, tickets, listener } = context;
  const found: Found = { records: [], snapshots: [], own: undefined, head: undefined, floor: 0 };
  const failed = (what: string): void => listener.notice('STORE_READ_FAILED', `${what} could not be read`);
  const readRows = tickets.issue((event) => {
    if (event.kind !== 'read' || event.error !== undefined) failed('own state');
    else {
      const [own, head, floor] = event.values;
      found.own = own === undefined ? undefined : decodeOwn(own);
      if (own !== undefined && found.own === undefined) failed('own work');
      found.head = head === undefined ? undefined : decodeHeadRow(head);
      found.floor = (floor === undefined ? undefined : decodeFloor(floor)) ?? 0;
    }
    restoreModel(context, parts, found);
  });
  const scanSnapshots = tickets.issue((event) => {
    found.snapshots = scanned(event, decodeSnapshotRow, () => failed('snapshots'));
    ports.store.read([OWN_KEY, HEAD_KEY, FLOOR_KEY], readRows);
  });
  const scanRecords = tickets.issue((event) => {
    const decode = (bytes: Uint8Array) => decodeDelta(bytes, ports.signer.hash)?.record;
    found.records = scanned(event, decode, () => failed('the history'));
    ports.store.scan(SNAPSHOT_PREFIX, ROWS_MAX, scanSnapshots);
  });
  ports.store.scan(RECORD_PREFIX, ROWS_MAX, scanRecords);
}

/** Decoded rows; those that do not decode are left out, as if they had never been written. */
function scanned<T>(
  event: PortEvent,
  decode: (bytes: Uint8Array) => T | undefined,
  failed: () => void,
): readonly T[] {
  if (event.kind !== 'scanned' || event.error !== undefined) {
    failed();
    return [];
  }
  return event.entries.map(({ value }) => decode(value)).filter((row) => row !== undefined);
}

/** At the copy with which the unsealed history begins, or at the initial weights. */
function restoreModel(context: Context, parts: Parts, found: Found): void {
  const { listener, set } = context;
  const { head, snapshots } = found;
  const floor = Math.max(found.floor, head?.sealed ?? 0);
  const candidates = snapshots.filter((row) => floor > 0 && row.generation >= floor);
  const begin = (base: SnapshotRow | undefined): void => {
    parts.model.resume(head?.generation ?? 0, base, snapshots);
    addRecords(context, parts, found);
  };
  const next = (): void => {
    const base = candidates.shift();
    if (base === undefined) {
      parts.model.begin();
      return begin(undefined);
    }
    fetchState(context, base, [], (copy) => {
      if (copy === undefined) {
        listener.notice('STORE_READ_FAILED', `the copy of generation ${base.generation} is damaged`);
        return next();
      }
      set.seal(base.generation);
      parts.model.adopt({ generation: base.generation, weight: base.weight, ...copy });
      begin(base);
    });
  };
  next();
}

function addRecords(context: Context, parts: Parts, found: Found): void {
  const { set, self, listener, ports, tickets } = context;
  for (const record of found.records) {
    set.add(record);
    if (record.author === self) parts.own.sawOwn(record);
  }
  // For these there was no room, and their work may not have come back before the last run ended.
  const lost = found.records.filter(
    ({ author, id, generation }) => author === self && generation > set.floor && !set.has(id, generation),
  );
  const complete = Math.max(found.floor, Math.min(found.head?.generation ?? 0, set.top));
  if (complete > 0) {
    listener.notice(
      'RESUMED',
      `${found.records.length} deltas, generation ${complete}, ${found.head?.model}`,
    );
  }
  const row = found.own;
  if (row === undefined) return parts.ready(complete);
  const ticket = tickets.issue((event) => {
    if (event.kind === 'blob' && event.bytes !== undefined) {
      ports.learner.restore(event.bytes);
      const keys = ports.blobs.writesFor(event.bytes).batch.map((write) => write.key);
      parts.own.resume(row, keys);
    } else {
      listener.notice('STORE_READ_FAILED', 'the learner starts without its optimiser and residual');
      parts.own.resume(row, []);
    }
    parts.own.takeBack(lost);
    parts.ready(complete);
    republish(context, parts, row.record, row.generation);
  });
  ports.blobs.fetch(row.state, Number.MAX_SAFE_INTEGER, [], ticket);
}

function republish(context: Context, parts: Parts, id: Hash, generation: number): void {
  const { set, ports, tickets } = context;
  const record = set.get(id, generation);
  if (record === undefined) return;
  const ticket = tickets.issue((event) => {
    if (event.kind === 'blob' && event.bytes !== undefined) parts.own.publish(record, event.bytes);
  });
  ports.blobs.fetch(record.payload, record.payloadBytes, [], ticket);
}
