export { GOSSIP_BYTES_MAX } from './constants.ts';
export type { DeltaSetListener, NoticeCode } from './context.ts';
export { createDeltaSet, type DeltaSet, type DeltaSetOptions, type Phase } from './machine.ts';
export { type DeltaRecord, decodeDelta, encodeDelta, type RecordFields, signRecord } from './messages.ts';
export { stateBytes } from './model-head.ts';
export { RecordSet } from './record-set.ts';
export {
  decodeHeadRow,
  decodeOwn,
  decodeSnapshotRow,
  HEAD_KEY,
  OWN_KEY,
  RECORD_PREFIX,
  recordKey,
  SNAPSHOT_PREFIX,
} from './store-layout.ts';
