export { GOSSIP_BYTES_MAX, PAYLOAD_CACHE_BYTES, PENDING_MAX, RECORDS_PER_AUTHOR_MAX } from './constants.ts';
export type { DeltaSetListener, NoticeCode } from './context.ts';
export { type Inspect, type Inspection, inspectDelta } from './inspection.ts';
export { createDeltaSet, type DeltaSet, type DeltaSetOptions, type Phase } from './machine.ts';
export {
  type DeltaRecord,
  decodeDelta,
  decodeSyncRequest,
  decodeWelcome,
  encodeDelta,
  encodeSyncRequest,
  encodeWelcome,
  type Head,
  type RecordFields,
  signRecord,
} from './messages.ts';
export { stateBytes } from './model-head.ts';
export { type RankOf, RecordSet, type RecordSetOptions, ranking, recordSetOptionsOf } from './record-set.ts';
export {
  decodeFloor,
  decodeHeadRow,
  decodeOwn,
  decodeSnapshotRow,
  encodeFloor,
  encodeHeadRow,
  encodeSnapshotRow,
  FLOOR_KEY,
  HEAD_KEY,
  type HeadRow,
  OWN_KEY,
  RECORD_PREFIX,
  recordKey,
  SNAPSHOT_PREFIX,
  type SnapshotRow,
  snapshotKey,
} from './store-layout.ts';
