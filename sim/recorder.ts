// Takes down what peers reach and suffer, and makes the result of it. Every distinct model is evaluated once.
import type { Violation } from './checkers/all.ts';
import type { ByteCounts } from './network/endpoint.ts';
import type { SimPeer } from './peer.ts';
import type { GenerationRow, LaneEvent, PeerResult, SimResult } from './result.ts';
import type { SimulationView } from './view.ts';

type Score = { readonly accuracy: number; readonly loss: number };

const LANE_OF_NOTICE: Readonly<Record<string, LaneEvent['kind']>> = {
  SNAPSHOT_ADOPTED: 'adopted',
  GENERATION_FORCED: 'forced',
  DELTA_RETURNED: 'returned',
  EQUIVOCATION: 'equivocation',
  STORE_WRITE_FAILED: 'write-failed',
};

const total = ({ gossip, transfer, control }: ByteCounts): number => gossip + transfer + control;

export class Recorder {
  readonly #simulation: SimulationView;
  readonly #evaluate: ((model: Float32Array) => Score) | undefined;
  readonly #scores = new Map<string, Score>();
  readonly #history: GenerationRow[] = [];
  readonly #lanes: LaneEvent[] = [];
  readonly #newest = new Map<SimPeer, number>();
  readonly #refused = new Map<SimPeer, Map<string, number>>();

  constructor(simulation: SimulationView, evaluate: ((model: Float32Array) => Score) | undefined) {
    this.#simulation = simulation;
    this.#evaluate = evaluate;
  }

  generation(
    peer: SimPeer,
    detail: { readonly generation: number; readonly digest: string; readonly corrected: boolean },
  ): void {
    const { world, network } = this.#simulation;
    const { generation, digest, corrected } = detail;
    const number = this.#simulation.numberOf(peer);
    if (corrected) this.lane(peer, 'corrected');
    if (generation <= (this.#newest.get(peer) ?? 0)) return;
    this.#newest.set(peer, generation);
    const bytesIn = total(network.bytesOf(peer.id).in);
    const score = this.#scoreOf(peer);
    this.#history.push({
      atMs: world.nowMs,
      peer: number,
      generation,
      digest,
      accuracy: score?.accuracy,
      loss: score?.loss,
      bytesIn,
    });
  }

  refused(peer: SimPeer, reason: string): void {
    const counts = this.#refused.get(peer) ?? new Map<string, number>();
    this.#refused.set(peer, counts);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }

  notice(peer: SimPeer, code: string): void {
    const kind = LANE_OF_NOTICE[code];
    if (kind !== undefined) this.lane(peer, kind);
  }

  lane(peer: SimPeer, kind: LaneEvent['kind']): void {
    this.#lanes.push({ atMs: this.#simulation.world.nowMs, peer: this.#simulation.numberOf(peer), kind });
  }

  result(end: {
    readonly violation: Violation | undefined;
    readonly agreed: boolean;
    readonly realSeconds: number;
  }): SimResult {
    const { scenario, peers, network, world } = this.#simulation;
    const numbers = new Map(peers.map((peer, i) => [peer.id, i]));
    const { violation, agreed, realSeconds } = end;
    const names = violation?.peers.map(({ id }) => id) ?? [];
    return {
      scenario,
      peers: peers.map((peer, i) => this.#peerResult(peer, i)),
      history: this.#history,
      lanes: this.#lanes,
      topology: network
        .links()
        .map(({ a, b, isGossip }) => ({ a: numbers.get(a) ?? 0, b: numbers.get(b) ?? 0, isGossip })),
      violation: violation && {
        ...violation,
        atMs: world.nowMs,
        peers: names,
        lines: world.trace.lastOf(names),
      },
      agreed,
      virtualSeconds: world.nowMs / 1_000,
      realSeconds,
      events: world.events,
      traceHash: world.trace.digest(),
    };
  }

  #peerResult(peer: SimPeer, index: number): PeerResult {
    const { network, attackers } = this.#simulation;
    const bytes = network.bytesOf(peer.id);
    const score = this.#scoreOf(peer);
    return {
      id: peer.id,
      samples: peer.samples,
      attacker: attackers.get(index),
      generation: peer.generation,
      digest: peer.digest,
      accuracy: score?.accuracy,
      loss: score?.loss,
      bytesIn: { ...bytes.in },
      bytesOut: { ...bytes.out },
      refused: Object.fromEntries(this.#refused.get(peer) ?? []),
    };
  }

  #scoreOf(peer: SimPeer): Score | undefined {
    const { digest, fusion } = peer;
    if (this.#evaluate === undefined || digest === undefined || fusion === undefined) return undefined;
    const known = this.#scores.get(digest);
    if (known !== undefined) return known;
    const score = this.#evaluate(fusion.model());
    this.#scores.set(digest, score);
    return score;
  }
}
