// The whole outside world on one page. A machine asks through these verbs and never waits: every answer comes
// back later as a `PortEvent` handed to the machine's `handle`, never from inside the call that asked. The
// real forms live in `node/`, the simulated ones in `sim/`; both pass the suites of `test/contracts/`.

/** A libp2p peer id in its usual base58 text. */
export type PeerId = string & { readonly brand: 'PeerId' };
/** 32 bytes of SHA-256 as 64 lower-case hex digits; the order of texts is the order of bytes. */
export type Hash = string & { readonly brand: 'Hash' };
/** Names one question, so that its answer finds its way back. Unique within a machine. */
export type Ticket = number;

/** What a peer's message deserved. A bad message is a value: nothing here is ever thrown. */
export type Verdict =
  | { readonly act: 'accept' }
  | { readonly act: 'ignore'; readonly reason: string }
  | { readonly act: 'reject'; readonly reason: string };

export interface Network {
  readonly self: PeerId;
  /** Members connected now, ascending. */
  peers(): readonly PeerId[];
  /** Gossip to the whole mesh. `bytes` is at most `GOSSIP_BYTES_MAX`; more is our own mistake and asserts. */
  publish(bytes: Uint8Array): void;
  /** Ask one peer. Always answered by one `response` event, at the latest `deadlineMs` from now. */
  request(to: PeerId, call: Call, bytes: Uint8Array, deadlineMs: number, ticket: Ticket): void;
  /** The peer answered a request with something a correct peer cannot send. */
  penalise(peer: PeerId, reason: string): void;
}

/** The request protocols; each is one libp2p stream with one length-prefixed frame each way. */
export type Call = 'sync' | 'blob';

export interface Clock {
  /** Milliseconds that never go back. */
  nowMs(): number;
  /** Call the machine's `tick` once at or after `atMs`; a second wish replaces the first of this machine. */
  wakeAt(atMs: number): void;
}

export interface StoreWrite {
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: Uint8Array | undefined;
}

/** Ordered keys and values. A batch is atomic; one with `sync` survives a power cut once it is answered. */
export interface Store {
  write(batch: readonly StoreWrite[], sync: boolean, ticket: Ticket): void;
  read(keys: readonly string[], ticket: Ticket): void;
  /** Everything under a prefix, ascending by key; at most `entriesMax` entries. Answered by `scanned`. */
  scan(prefix: string, entriesMax: number, ticket: Ticket): void;
}

/** One round of local work. The learner keeps optimiser, residual and data cursor between rounds. */
export interface TrainJob {
  readonly ticket: Ticket;
  /** The shared model to start from, flat float32 in tensor order. Copied before the call returns. */
  readonly model: Float32Array;
  readonly generation: number;
  /** Own payloads whose weight changed: +1 takes a delta that lost its weight back into the residual. */
  readonly takeBack: readonly TakenBack[];
}

export interface TakenBack {
  readonly payload: Uint8Array;
  readonly sign: 1 | -1;
  /** Of the payload; absent: the mesh's. */
  readonly codec?: string;
}

export interface Learner {
  /** Samples that this member stands for; 0 for an observer. */
  readonly samples: number;
  /** Train locally, add the residual, compress. Answered by `trained` or `failed`. One at a time. */
  train(job: TrainJob): void;
  /** Loss and accuracy of a model on the local test set. Answered by `evaluated` or `failed`. */
  evaluate(model: Float32Array, ticket: Ticket): void;
  /** Go on from a state that `trained` once carried. */
  restore(state: Uint8Array): void;
}

export interface FusionPart {
  readonly id: Hash;
  readonly payload: Uint8Array;
  readonly samples: number;
  /** Of the payload; absent: the mesh's. */
  readonly codec?: string;
}

/** Bring the model to the last generation named. Parts are in ascending id; a generation may have none. */
export interface FusionPlan {
  readonly ticket: Ticket;
  /** Every generation above this one is forgotten first: the head, or an answer of `snapshotAtOrBelow`. */
  readonly rollbackTo: number;
  readonly generations: readonly { readonly generation: number; readonly parts: readonly FusionPart[] }[];
}

export interface FusedGeneration {
  readonly generation: number;
  /** SHA-256 of S as little-endian float32. */
  readonly model: Hash;
  /** SHA-256 of S followed by m: the whole state that the next generation needs. */
  readonly state: Hash;
}

/** Holds S and m, and the snapshots to roll back to. Large models are fused on another thread. */
export interface Fusion {
  /** Answered by `fused` or `failed`. One at a time. */
  fuse(plan: FusionPlan): void;
  /** S after the last answered plan: flat float32 in tensor order. Read it, never write it. */
  model(): Float32Array;
  /** m after the last answered plan. */
  momentum(): Float32Array;
  /** The newest generation at or below this one that can be rolled back to; `undefined` under the oldest. */
  snapshotAtOrBelow(generation: number): number | undefined;
  /** S and m of a generation that is kept in memory, by reference: copy before the next plan. */
  snapshot(generation: number): { readonly model: Float32Array; readonly momentum: Float32Array } | undefined;
  /** Start again from a state copied from elsewhere. Answered by `fused` with that one generation. */
  adopt(generation: number, model: Float32Array, momentum: Float32Array, ticket: Ticket): void;
}

/**
 * Content-addressed bytes of any size, kept in the store and pulled from peers chunk by chunk. The hash of a
 * blob is SHA-256 over its domain, its size and its chunks' hashes, so every chunk is checked as it arrives.
 */
export interface Blobs {
  /** The writes that keep these bytes: chunks first, the list last. */
  writesFor(bytes: Uint8Array): { readonly hash: Hash; readonly batch: readonly StoreWrite[] };
  /** The hash that `writesFor` would give. */
  hashOf(bytes: Uint8Array): Hash;
  /**
   * The bytes from the store or, where they are not there and `from` is not empty, from these peers and any
   * other that has them; they are stored before the answer. Answered by one `blob` event.
   */
  fetch(hash: Hash, bytesMax: number, from: readonly PeerId[], ticket: Ticket): void;
}

/** Synchronous on purpose: an await between check and act is where invariants die. */
export interface Signer {
  readonly self: PeerId;
  sign(bytes: Uint8Array): Uint8Array;
  /** False for anything malformed. */
  verify(author: PeerId, bytes: Uint8Array, signature: Uint8Array): boolean;
  hash(...parts: readonly Uint8Array[]): Hash;
}

/** Seeded chance: a child of its own for every use, so that a new draw does not shift the others. */
export interface RandomSource {
  fork(name: string): RandomSource;
  uint32(): number;
  /** In [0, 1). */
  float(): number;
  /** In 0 … n − 1. */
  below(n: number): number;
}

/** One line an event. `fields` are plain data; the legend is in docs/trace.md. */
export interface Journal {
  event(kind: string, fields: Readonly<Record<string, string | number | boolean>>): void;
}

export interface Ports {
  readonly network: Network;
  readonly clock: Clock;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly learner: Learner;
  readonly fusion: Fusion;
  readonly signer: Signer;
  readonly random: RandomSource;
  readonly journal: Journal;
}

export type PortEvent =
  | { readonly kind: 'written'; readonly ticket: Ticket; readonly error: string | undefined }
  | {
      readonly kind: 'read';
      readonly ticket: Ticket;
      /** In the order of the keys; `undefined` where nothing is stored. */
      readonly values: readonly (Uint8Array | undefined)[];
      readonly error: string | undefined;
    }
  | {
      readonly kind: 'scanned';
      readonly ticket: Ticket;
      readonly entries: readonly { readonly key: string; readonly value: Uint8Array }[];
      readonly error: string | undefined;
    }
  | {
      readonly kind: 'response';
      readonly ticket: Ticket;
      readonly from: PeerId;
      /** `undefined`: no answer in time, connection lost or refused. */
      readonly bytes: Uint8Array | undefined;
    }
  | {
      readonly kind: 'trained';
      readonly ticket: Ticket;
      /** The encoded delta. */
      readonly payload: Uint8Array;
      /** Of the payload; absent: the mesh's. */
      readonly codec?: string;
      /** That the delta stands for; absent: the learner's. */
      readonly samples?: number;
      /** What `restore` needs to go on after this round: optimiser, residual, random state, cursor. */
      readonly state: Uint8Array;
      readonly loss: number;
      readonly steps: number;
    }
  | {
      readonly kind: 'evaluated';
      readonly ticket: Ticket;
      readonly accuracy: number;
      readonly loss: number;
    }
  | {
      readonly kind: 'blob';
      readonly ticket: Ticket;
      readonly hash: Hash;
      /** `undefined`: nobody has it, or what they have is not it; `error` says which. */
      readonly bytes: Uint8Array | undefined;
      readonly error: string | undefined;
    }
  | { readonly kind: 'fused'; readonly ticket: Ticket; readonly generations: readonly FusedGeneration[] }
  | { readonly kind: 'failed'; readonly ticket: Ticket; readonly error: string }
  | { readonly kind: 'peers'; readonly joined: readonly PeerId[]; readonly left: readonly PeerId[] };

/** What every protocol of this folder is to its host. */
export interface Machine {
  start(): void;
  stop(): void;
  /** A gossip message. */
  receive(from: PeerId, bytes: Uint8Array): Verdict;
  /** A peer's request; `respond` may be called later, once, with `undefined` to refuse. */
  serve(from: PeerId, call: Call, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void): void;
  handle(event: PortEvent): void;
  tick(): void;
}
