export { GOSSIP_BYTES_MAX } from './constants.ts';
export type { DeltaSetListener, NoticeCode } from './context.ts';
export { createDeltaSet, type DeltaSet, type DeltaSetOptions, type Phase } from './machine.ts';
export { type DeltaRecord, decodeDelta, encodeDelta, type RecordFields, signRecord } from './messages.ts';
export { stateBytes } from './model-head.ts';
export { RecordSet } from './record-set.ts';
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
