// The types of the public door: what `createNode` takes, gives and says. The command line uses only these.
import type { Dataset, ForeignDecision } from '../learning/index.ts';
import type { Lineage, Manifest } from '../protocols/index.ts';

export type Backend = 'node' | 'wasm' | 'cpu';

/** A process that trains in place of the built-in training; docs/trainers.md has its protocol. */
export interface TrainerCommand {
  /** Program and parameters; no shell reads them. */
  readonly command: readonly string[];
  /** Where the command runs. Default: the directory of this process. */
  readonly cwd?: string;
  /** For one round of training or one evaluation. Default 600,000. */
  readonly timeoutMs?: number;
}

/** A model that was trained elsewhere, and how it is read when it is needed. */
export interface ForeignSource {
  /** For people: where it comes from, such as a path. */
  readonly name: string;
  /** Called once, when the manifest is known and the member has no history. What it throws ends the start. */
  read(manifest: Manifest): GivenModel;
}

export interface GivenModel {
  /** Flat float32 in tensor order of the mesh's model. */
  readonly weights: Float32Array;
  /** Samples that it was trained on. Default: as many as the member has itself. */
  readonly samples?: number;
}

/** What became of a model from elsewhere. */
export interface ForeignStory {
  readonly name: string;
  /** What the mesh does with such models. */
  readonly lineage: Lineage;
  /**
   * `pending`: until the first round. `accepted`: it is in the first delta. `refused`: it is not, and stays in the store.
   * `dropped`: the mesh takes the member without it. `late`: the member has a history.
   */
  readonly outcome: 'pending' | 'accepted' | 'refused' | 'dropped' | 'late';
  readonly reason: string;
  /** That it stands for; absent where nobody has looked into it. */
  readonly samples?: number;
  /** The numbers behind it. */
  readonly decision?: ForeignDecision;
  /** Blob of the refused weights in the store: float32, little-endian, in tensor order. */
  readonly kept?: string;
}

export interface NodeOptions {
  /** Folder of this node's own: LevelDB, identity, status socket, log. Made when missing. */
  readonly store: string;
  /** The mesh to found or to go on with. Exactly one of `manifest` and `invitation`, unless the store knows. */
  readonly manifest?: Manifest;
  readonly invitation?: string;
  /** Own training data; absent and without `trainer`: an observer. */
  readonly data?: Dataset;
  /** Data on which each new generation is evaluated; absent: no evaluation. */
  readonly test?: Dataset;
  /** Who trains. With `data` it gets the samples as a file, without it has its own. Default: this library. */
  readonly trainer?: TrainerCommand;
  /** Brings a model that was trained elsewhere, in the first round and only if the manifest's `lineage` lets it in. */
  readonly from?: ForeignSource;
  readonly backend?: Backend | 'auto';
  /** WASM threads of one node. Default 1. */
  readonly threads?: number;
  /** Multiaddrs. Default `/ip4/0.0.0.0/tcp/0`. */
  readonly listen?: readonly string[];
  readonly announce?: readonly string[];
  /** More addresses to dial, besides those of the invitation. */
  readonly bootstrap?: readonly string[];
  /** 32 bytes from which the Ed25519 key is made; absent: drawn once and kept in the store. */
  readonly identitySeed?: Uint8Array;
  /** Seed of batch order and stochastic rounding. Default: drawn. */
  readonly seed?: string;
  /** Stop contributing after this generation; the node goes on serving. Absent: never. */
  readonly generations?: number;
  /** Wait for this many members, up to a minute, before the first generation. */
  readonly waitForPeers?: number;
  readonly mdns?: boolean;
}

/** Bytes on libp2p connections, sorted by the protocol of the stream. */
export interface ByteCounts {
  readonly gossip: number;
  readonly transfer: number;
  readonly control: number;
}

export interface NodeStatus {
  readonly peerId: string;
  readonly meshId: string;
  readonly addresses: readonly string[];
  readonly invitation: string;
  /** A `Backend`, the name of the external trainer, or `none`. */
  readonly backend: string;
  readonly codec: string;
  readonly observing: boolean;
  /** Newest generation that is part of the shared model. */
  readonly generation: number;
  /** SHA-256 of the shared model at `generation`, hex. */
  readonly digest: string;
  readonly samples: number;
  /** The model that this member has brought from elsewhere; absent: none. */
  readonly foreign?: ForeignStory;
  readonly phase: 'starting' | 'catching-up' | 'training' | 'waiting' | 'done' | 'stopped';
  readonly peers: readonly string[];
  readonly deltasHeard: number;
  readonly accuracy: number | undefined;
  readonly loss: number | undefined;
  readonly bytesIn: ByteCounts;
  readonly bytesOut: ByteCounts;
  /** Messages refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly rssPeakMiB: number;
  readonly eventLoopDelayP99Ms: number;
  readonly lastError: string | undefined;
  readonly seconds: number;
}

/** What a node says while it runs, by event name. */
export interface NodeEvents {
  listening: { readonly addresses: readonly string[]; readonly invitation: string };
  /** A generation was completed and applied, or corrected by late deltas. */
  generation: {
    readonly generation: number;
    readonly digest: string;
    readonly contributors: number;
    readonly samples: number;
    readonly corrected: boolean;
  };
  trained: { readonly generation: number; readonly loss: number; readonly payloadBytes: number };
  evaluated: {
    readonly generation: number;
    readonly digest: string;
    readonly accuracy: number;
    readonly loss: number;
  };
  /** Something was decided about the model that this member brings from elsewhere. */
  foreign: ForeignStory;
  peers: { readonly connected: readonly string[] };
  /** A bad message, a failed write, an adopted snapshot, an equivocation: anything worth a line in a log. */
  notice: { readonly code: string; readonly text: string };
  /** All of `generations` are done and the neighbours agree. */
  settled: { readonly generation: number; readonly digest: string; readonly agreeing: number };
}

export interface MeldNode {
  readonly peerId: string;
  on<K extends keyof NodeEvents>(event: K, listener: (detail: NodeEvents[K]) => void): () => void;
  start(): Promise<void>;
  /**
   * Settles with the reason when the node cannot go on, for its store can no longer be written. Nothing that was
   * stored is lost and nothing more is published; all that is left is to stop it. Never settles otherwise.
   */
  readonly failed: Promise<Error & { readonly code: string }>;
  /** Finishes writes and closes everything. Safe to call twice. */
  stop(): Promise<void>;
  status(): NodeStatus;
  /** The shared model: flat float32 in tensor order, a copy. */
  model(): Float32Array;
  invitation(): string;
  /** What the mesh agrees on; `undefined` until a newcomer has fetched it. */
  manifest(): Manifest | undefined;
}
