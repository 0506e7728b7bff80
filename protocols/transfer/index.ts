// The door of the transfer protocol.
export type { TransferPorts } from './blob-fetch.ts';
export { BLOB_BYTES_MAX, CHUNK_BYTES, TRANSFER_FRAME_BYTES_MAX } from './constants.ts';
export { createTransfer, type Transfer, type TransferOptions } from './machine.ts';
export { type ChunkList, decodeList } from './messages.ts';
export { blobHashOf, chunkKey, listKey, listOf, writesOf } from './rules.ts';
