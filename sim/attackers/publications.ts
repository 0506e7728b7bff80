// For attacks on what is published: a member's own records, decoded, and a way to make others like them.
import assert from 'node:assert/strict';
import {
  type DeltaRecord,
  decodeDelta,
  type Ports,
  type RecordFields,
  type Signer,
  signRecord,
} from '../../protocols/index.ts';
import { bentNetwork } from '../network/bent-network.ts';
import type { AttackContext } from './attacker.ts';

export interface Publication {
  readonly record: DeltaRecord;
  /** Absent when it is too large to travel along. */
  readonly payload: Uint8Array | undefined;
  readonly bytes: Uint8Array;
  /** Says it to everybody, as an honest member would have. */
  readonly publish: (bytes: Uint8Array) => void;
}

const begun = new WeakSet<AttackContext>();

/** Whether the attacker has published a record of the context's generation: then its other lies begin too. */
export const hasBegun = (context: AttackContext): boolean => begun.has(context);

/** Ports whose publications go to `take` instead, from the context's generation on. */
export function takingPublications(
  ports: Ports,
  context: AttackContext,
  take: (publication: Publication) => void,
): Ports {
  const { network, signer } = ports;
  const publish = (bytes: Uint8Array): void => {
    const message = decodeDelta(bytes, signer.hash);
    assert(message !== undefined, 'the machine between publishes records');
    if (message.record.generation < context.fromGeneration) return network.publish(bytes);
    begun.add(context);
    take({ ...message, bytes, publish: (other) => network.publish(other) });
  };
  return { ...ports, network: bentNetwork(network, { publish }) };
}

/** Another record by the same author, signed as it should be. */
export function forgedRecord(
  record: DeltaRecord,
  change: Partial<RecordFields>,
  signer: Signer,
): DeltaRecord {
  const { id: _id, header: _header, signature: _signature, votes, ...fields } = record;
  return signRecord({ ...fields, votes: [...votes], ...change }, signer);
}
