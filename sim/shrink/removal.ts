// Peers that go out of a scenario, and what that means for the faults and attackers that name them.
import type { AttackerSetting, Fault, Scenario } from '../scenario.ts';

/** Two are the smallest mesh. */
const PEERS_MIN = 2;

/** The scenario without these peers, the others numbered anew; `undefined` where too few would be left. */
export function withoutPeers(scenario: Scenario, gone: readonly number[]): Scenario | undefined {
  const left = Array.from({ length: scenario.peers }, (_, i) => i).filter((i) => !gone.includes(i));
  if (left.length < PEERS_MIN || left.length === scenario.peers) return undefined;
  const numbers = new Map(left.map((peer, number) => [peer, number]));
  return {
    ...scenario,
    peers: left.length,
    faults: scenario.faults.flatMap((fault) => renumberFault(fault, numbers)),
    attackers: scenario.attackers.flatMap((attacker) => renumberAttacker(attacker, numbers)),
  };
}

type Numbers = ReadonlyMap<number, number>;

const renumbered = (peers: readonly number[], numbers: Numbers): number[] =>
  peers.flatMap((peer) => numbers.get(peer) ?? []);

/** None where it was about peers that are gone. */
function renumberFault(fault: Fault, numbers: Numbers): Fault[] {
  switch (fault.kind) {
    case 'cut': {
      const groups = fault.groups
        .map((group) => renumbered(group, numbers))
        .filter(({ length }) => length > 0);
      return groups.length < 2 ? [] : [{ ...fault, groups }];
    }
    case 'join': {
      const names = Array.from({ length: fault.to - fault.from + 1 }, (_, i) => fault.from + i);
      const late = renumbered(names, numbers);
      return late.length === 0 ? [] : [{ ...fault, from: late[0], to: late[late.length - 1] }];
    }
    case 'churn':
    case 'offline':
      return [fault];
    default: {
      const [peer] = renumbered([fault.peer], numbers);
      return peer === undefined ? [] : [{ ...fault, peer }];
    }
  }
}

function renumberAttacker(attacker: AttackerSetting, numbers: Numbers): AttackerSetting[] {
  if (attacker.peers === undefined) return [attacker];
  const peers = renumbered(attacker.peers, numbers);
  return peers.length === 0 ? [] : [{ ...attacker, peers }];
}
