// A newcomer's first question: the manifest whose hash the invitation names. It is asked again as members appear,
// until the user gives up; whatever answers with something else is not believed.
import type { Hash, Manifest, PortEvent, Ticket, Transfer } from '../protocols/index.ts';
import { MANIFEST_BYTES_MAX } from '../protocols/index.ts';
import { MeldError } from './errors.ts';
import { readManifest } from './membership.ts';
import type { RunningNetwork } from './network/network.ts';

/** Longest wait for the first member; then the addresses of the invitation are taken for dead. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 250;
/** Tickets of the node's own, apart from those of the machines. */
const FIRST_TICKET = -1;

type BlobEvent = PortEvent & { readonly kind: 'blob' };

/** @throws MeldError MELDMESH_BOOTSTRAP_UNREACHABLE, MELDMESH_MANIFEST_MISSING, MELDMESH_MANIFEST_INVALID */
export async function fetchManifest(options: {
  readonly meshId: Hash;
  readonly network: RunningNetwork;
  readonly transfer: Transfer;
  readonly events: Map<Ticket, (event: BlobEvent) => void>;
}): Promise<Manifest> {
  const { meshId, network, transfer, events } = options;
  const deadlineMs = performance.now() + PATIENCE_MS;
  let error = 'nobody answered';
  for (let ticket = FIRST_TICKET; performance.now() < deadlineMs; ticket--) {
    const peers = network.port.peers();
    if (peers.length > 0) {
      const answer = await new Promise<BlobEvent>((resolve) => {
        events.set(ticket, resolve);
        transfer.fetchChunk(meshId, MANIFEST_BYTES_MAX, peers, ticket);
      });
      if (answer.bytes !== undefined) return readManifest(answer.bytes, meshId);
      error = answer.error ?? error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  if (network.port.peers().length === 0) {
    throw new MeldError('MELDMESH_BOOTSTRAP_UNREACHABLE', 'No member of the mesh could be reached');
  }
  throw new MeldError('MELDMESH_MANIFEST_MISSING', `No member gave the manifest (${error})`);
}
