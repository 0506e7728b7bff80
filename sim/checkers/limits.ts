// Queues, maps and disks stay under their stated limits.
import { PAYLOAD_CACHE_BYTES, PENDING_MAX, RECORDS_PER_AUTHOR_MAX } from '../../protocols/index.ts';
import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';
import type { Checker, Finding } from './checker.ts';
import { sampleOf } from './sample.ts';

const PEERS_MAX = 16;
/** Events that are still to come, for each peer: its wishes to be woken, its deadlines and its messages on links. */
const QUEUED_PER_PEER_MAX = 4_000;

export function limits(): Checker {
  const known = new Set<string>();
  return {
    name: 'everything stays under its limit',
    check: (simulation) => {
      const { world, peers, manifest } = simulation;
      if (world.queued > QUEUED_PER_PEER_MAX * peers.length)
        return { text: `${world.queued} events wait for ${peers.length} peers`, peers: [] };
      if (known.size > 10_000) known.clear();
      const recordsMax = RECORDS_PER_AUTHOR_MAX * manifest.limits.contributorsMax;
      for (const peer of sampleOf(simulation, 'limits', PEERS_MAX)) {
        const finding =
          pendingOf(peer) ??
          cacheOf(peer) ??
          recordsOf(peer, recordsMax, known) ??
          bytesOf(peer, diskMax(simulation, peer));
        if (finding !== undefined) return finding;
      }
      return undefined;
    },
  };
}

function pendingOf(peer: SimPeer): Finding {
  const pending = peer.machine?.pending ?? 0;
  if (pending <= PENDING_MAX) return undefined;
  return {
    text: `${pending} records are on their way into one set, at most ${PENDING_MAX} may`,
    peers: [peer],
  };
}

function cacheOf(peer: SimPeer): Finding {
  const bytes = peer.machine?.payloadBytes ?? 0;
  if (bytes <= PAYLOAD_CACHE_BYTES) return undefined;
  return {
    text: `${bytes} bytes of payloads are in memory, at most ${PAYLOAD_CACHE_BYTES} may`,
    peers: [peer],
  };
}

/** `known`: contents that were counted before. */
function recordsOf(peer: SimPeer, recordsMax: number, known: Set<string>): Finding {
  const set = peer.machine?.set;
  if (set === undefined) return undefined;
  for (let generation = set.floor + 1; generation <= set.top; generation++) {
    const content = `${generation} ${set.digest(generation)}`;
    if (known.has(content)) continue;
    known.add(content);
    const { length } = set.held(generation);
    if (length > recordsMax) {
      const text = `${length} records are held of generation ${generation}, at most ${recordsMax} may`;
      return { text, peers: [peer] };
    }
  }
  return undefined;
}

function diskMax(simulation: SimulationView, peer: SimPeer): number {
  const { scenario, manifest, world } = simulation;
  const number = simulation.numberOf(peer);
  const full = scenario.faults.find((fault) => fault.kind === 'full-disk' && fault.peer === number);
  const isFull = full?.kind === 'full-disk' && world.nowMs < (full.untilMs ?? Infinity);
  return Math.min(manifest.limits.storeBytes, isFull ? full.bytes : Infinity);
}

function bytesOf(peer: SimPeer, bytesMax: number): Finding {
  let total = 0;
  for (const value of peer.disk.entries.values()) total += value.length;
  if (total <= bytesMax) return undefined;
  return { text: `a store holds ${total} bytes, at most ${bytesMax} may`, peers: [peer] };
}
