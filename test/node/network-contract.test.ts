// The Network port's contract, on real libp2p hosts over loopback.
import { setTimeout as sleep } from 'node:timers/promises';
import { networkContract } from '../contracts/network.ts';
import type { Node } from './network-swarm.ts';
import { closeAll, openSwarm, until } from './network-swarm.ts';

networkContract('over libp2p on loopback', () => {
  let nodes: Node[] = [];
  return {
    async open(count) {
      nodes = await openSwarm(count);
      return nodes;
    },
    until,
    pass: (milliseconds) => sleep(milliseconds),
    close: () => closeAll(nodes),
  };
});
