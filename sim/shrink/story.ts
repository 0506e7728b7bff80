// A scenario and what came of it in a few sentences, as a first draft of the story that a regression is named after.
import type { Failure } from '../fuzz/failure.ts';
import type { Fault, Scenario } from '../scenario.ts';

const seconds = (timeMs: number): string => `${timeMs / 1_000} s`;
const list = (peers: readonly number[]): string => peers.join(', ');

/** `Three peers, float32. Peer 1 dies after 1 s and is back after 2 s. Then: …` */
export function storyOf({ scenario, violation }: Pick<Failure, 'scenario' | 'violation'>): string {
  const { peers, manifest, faults, attackers } = scenario;
  const sentences = [
    `${peers} peers, ${manifest.codec ?? 'default codec'}${networkText(scenario)}.`,
    ...faults.map((fault) => `${faultText(fault)}.`),
    ...attackers.map(
      ({ kind, peers: who, share, fromGeneration }) =>
        `${who === undefined ? `A share of ${share ?? 0}` : `Peer ${list(who)}`} is a liar (${kind}) from generation ${fromGeneration} on.`,
    ),
    `Broken: ${violation.checker}.`,
  ];
  return sentences.join(' ');
}

function networkText({ network }: Scenario): string {
  const { latencyMs, loss, duplicates } = network;
  const parts = [
    latencyMs[1] > 100 ? `latency up to ${Math.round(latencyMs[1])} ms` : '',
    loss > 0 ? `${Math.round(1_000 * loss) / 10} % lost` : '',
    duplicates > 0 ? `${Math.round(1_000 * duplicates) / 10} % doubled` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`;
}

function faultText(fault: Fault): string {
  switch (fault.kind) {
    case 'cut': {
      const groups = fault.groups.map(list).join(' | ');
      return `The network is cut into ${groups} from ${seconds(fault.fromMs)} to ${seconds(fault.untilMs)}`;
    }
    case 'kill':
      return fault.restartMs === undefined
        ? `Peer ${fault.peer} dies after ${seconds(fault.atMs)}`
        : `Peer ${fault.peer} dies after ${seconds(fault.atMs)} and is back after ${seconds(fault.restartMs)}`;
    case 'churn':
      return `Peers die and come back from ${seconds(fault.fromMs)} to ${seconds(fault.untilMs)}`;
    case 'offline':
      return `Every peer is away for ${Math.round(100 * fault.share)} % of the time until ${seconds(fault.untilMs)}`;
    case 'join':
      return `Peers ${fault.from} to ${fault.to} come after ${seconds(fault.atMs)}`;
    case 'full-disk':
      return `The disk of peer ${fault.peer} takes ${fault.bytes} bytes`;
    case 'damage':
      return `A value at ${fault.prefix} of peer ${fault.peer} is damaged after ${seconds(fault.atMs)}`;
    case 'crash-at-write':
      return `Peer ${fault.peer} crashes at its write ${fault.write}`;
  }
}
