// The manifest's limit on a store. At the limit nothing new is kept: a delta that is not on disk does not count
// and is not published, so the node falls behind and says why, until it is pruned. Deletions always pass.
import type { PortEvent, Store } from '../../protocols/index.ts';
import { MeldError } from '../errors.ts';
import type { NodeStore } from './level-store.ts';

/** The files are measured this often; between two measurements a store may grow past its limit. */
const MEASURE_EVERY_MS = 10_000;

export interface LimitedStore {
  readonly port: Store;
  stop(): void;
}

/** One machine's view of a store that stays under `bytesMax`. */
export function limitStore(
  store: NodeStore,
  bytesMax: number,
  deliver: (event: PortEvent) => void,
): LimitedStore {
  const port = store.port(deliver);
  let bytes = 0;
  const measure = (): void => {
    store.sizeBytes().then(
      (size) => {
        bytes = size;
      },
      // A folder that cannot be measured cannot be written either; that error says more.
      () => undefined,
    );
  };
  measure();
  const timer = setInterval(measure, MEASURE_EVERY_MS).unref();
  return {
    port: {
      write(batch, sync, ticket) {
        const isDeletion = batch.every(({ value }) => value === undefined);
        if (isDeletion || bytes < bytesMax) return port.write(batch, sync, ticket);
        const { message } = new MeldError(
          'MELDMESH_STORE_LIMIT',
          `The store holds its limit of ${bytesMax} bytes`,
        );
        setImmediate(() => deliver({ kind: 'written', ticket, error: message }));
      },
      read: (keys, ticket) => port.read(keys, ticket),
      scan: (prefix, entriesMax, ticket) => port.scan(prefix, entriesMax, ticket),
    },
    stop: () => clearInterval(timer),
  };
}
