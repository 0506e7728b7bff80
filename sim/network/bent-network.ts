// A network port with some of its verbs replaced: how watchers look through it and attackers lie through it.
import type { Network } from '../../protocols/index.ts';

export function bentNetwork(network: Network, change: Partial<Omit<Network, 'self'>>): Network {
  return {
    self: network.self,
    peers: () => network.peers(),
    publish: (bytes) => network.publish(bytes),
    request: (to, call, bytes, deadlineMs, ticket) => network.request(to, call, bytes, deadlineMs, ticket),
    penalise: (peer, reason) => network.penalise(peer, reason),
    ...change,
  };
}
