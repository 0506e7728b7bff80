// What the parts of one delta-set machine share: settings, ports, the set, and the two ways out (the listener
// for the host, the journal for the trace). It decides nothing.
import type { ModelLayout } from '../../fusion/index.ts';
import type { AdmittedCodecs } from '../manifest/lineage.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { Hash, PeerId, Ports } from '../ports.ts';
import type { Tickets } from '../tickets.ts';
import type { Inspect } from './inspection.ts';
import type { PayloadCache } from './payload-cache.ts';
import type { RecordSet } from './record-set.ts';

/** Said by the machine to its host, synchronously and in order. */
export interface DeltaSetListener {
  generation(detail: {
    readonly generation: number;
    readonly digest: Hash;
    readonly contributors: number;
    readonly samples: number;
    readonly corrected: boolean;
  }): void;
  trained(detail: {
    readonly generation: number;
    readonly loss: number;
    readonly payloadBytes: number;
  }): void;
  /** A refusal is counted by its reason; everything else is worth a line in a log. */
  refused(reason: string): void;
  notice(code: NoticeCode, text: string): void;
  settled(detail: { readonly generation: number; readonly digest: Hash; readonly agreeing: number }): void;
}

export type NoticeCode =
  | 'EQUIVOCATION'
  | 'STORE_WRITE_FAILED'
  | 'STORE_READ_FAILED'
  | 'TRAINING_FAILED'
  | 'FUSION_FAILED'
  | 'DELTA_RETURNED'
  | 'FOREIGN_MODEL'
  | 'GENERATION_FORCED'
  | 'SNAPSHOT_ADOPTED'
  | 'SNAPSHOT_UNAVAILABLE'
  | 'CORRECTION_TOO_OLD'
  | 'RESUMED'
  | 'STORE_PRUNED';

export interface Context {
  readonly manifest: Manifest;
  readonly meshId: Hash;
  readonly self: PeerId;
  /** Of what records may say that they are encoded by. */
  readonly codecs: AdmittedCodecs;
  readonly layout: ModelLayout;
  readonly ports: Ports;
  /** S of generation 0. It is only read. */
  readonly initialModel: () => Float32Array;
  readonly tickets: Tickets;
  readonly set: RecordSet;
  readonly payloads: PayloadCache;
  readonly inspect: Inspect;
  readonly listener: DeltaSetListener;
}
