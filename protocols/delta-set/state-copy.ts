// A copy of S and m, fetched by the name that a row or a neighbour gives it: the bytes are what the name says, or nothing.
import { isFiniteVector } from '../../fusion/index.ts';
import type { Hash, PeerId } from '../ports.ts';
import type { Context } from './context.ts';

export interface StateName {
  readonly state: Hash;
  readonly blob: Hash;
}

export interface StateCopy {
  readonly model: Float32Array;
  readonly momentum: Float32Array;
}

/** A copy that a member begins at. */
export interface AdoptedState extends StateCopy {
  readonly generation: number;
  /** Samples counted up to it. */
  readonly weight: number;
}

/** From the store, or from these peers. `then` is told `undefined` where it cannot be had, is another one or is not finite. */
export function fetchState(
  { ports, tickets, layout }: Context,
  name: StateName,
  from: readonly PeerId[],
  then: (copy: StateCopy | undefined) => void,
): void {
  const length = 8 * layout.size;
  const ticket = tickets.issue((event) => {
    const bytes = event.kind === 'blob' ? event.bytes : undefined;
    if (bytes?.length !== length || ports.signer.hash(bytes) !== name.state) return then(undefined);
    const values = new Float32Array(bytes.slice().buffer);
    if (!isFiniteVector(values)) return then(undefined);
    then({ model: values.subarray(0, layout.size), momentum: values.subarray(layout.size) });
  });
  ports.blobs.fetch(name.blob, length, from, ticket);
}
