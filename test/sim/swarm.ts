// Stories of whole swarms told by hand: who starts, dies and is cut off is the teller's, the rest is a simulation of bowls.
// Says in one sentence what two members disagree about.
import assert from 'node:assert/strict';
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import type { DeltaSet, Hash, PeerId, Signer } from '../../protocols/index.ts';
import { BowlWork, parseScenario, type ScenarioInput, Simulation } from '../../sim/index.ts';
import type { SimNetwork } from '../../sim/network/sim-network.ts';
import type { SimPeer } from '../../sim/peer.ts';
import type { World } from '../../sim/world.ts';

export interface SwarmOptions {
  readonly seed: string;
  readonly peers: number;
  readonly network?: ScenarioInput['network'];
  /** Of the manifest. */
  readonly config?: Record<string, unknown>;
  readonly generationsMax?: number;
  readonly samples?: (i: number) => number;
  readonly trainMs?: (i: number) => number;
}

/** A peer and what it was told over all its lives. */
export class SwarmMember {
  readonly peer: SimPeer;
  readonly notices: string[] = [];
  readonly refused = new Map<string, number>();
  readonly digests = new Map<number, Hash>();

  constructor(peer: SimPeer) {
    this.peer = peer;
  }

  get id(): PeerId {
    return this.peer.id;
  }

  get signer(): Signer {
    return this.peer.options.signer;
  }

  get machine(): DeltaSet | undefined {
    return this.peer.machine;
  }

  get generation(): number {
    return this.peer.generation;
  }

  get digest(): Hash | undefined {
    return this.peer.digest;
  }

  get disk(): ReadonlyMap<string, Uint8Array> {
    return this.peer.disk.entries;
  }

  start(): void {
    this.peer.start();
  }

  /** All that was written survives, or only the first of the batches that were not synced. */
  kill(keptBatches?: number): void {
    this.peer.kill(keptBatches);
  }

  wasTold(code: string): boolean {
    return this.notices.some((notice) => notice.startsWith(code));
  }
}

export interface Swarm {
  readonly simulation: Simulation;
  readonly world: World;
  readonly network: SimNetwork;
  readonly members: readonly SwarmMember[];
}

export function createSwarm(options: SwarmOptions): Swarm {
  const { seed, peers, network, config, generationsMax = 1_000_000 } = options;
  const parsed = parseScenario({
    name: 'swarm',
    seed,
    peers,
    manifest: { model: 'mlp:3', data: { inputs: 4, classes: 2 }, codec: 'top20:8', ...config },
    network: { latencyMs: [1, 40], ...network },
    end: { generations: generationsMax },
  });
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  let members: readonly SwarmMember[] = [];
  const memberOf = (peer: SimPeer): SwarmMember =>
    members.find((member) => member.peer === peer) ?? assert.fail('a stranger');
  const simulation = new Simulation(parsed.scenario, {
    work: (peer, { manifest, seed: own }) => {
      const layout = layoutOf(manifest.model);
      const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
      const optimum = new Float32Array(layout.size).fill(peer - (peers - 1) / 2);
      const samples = options.samples?.(peer) ?? 100 + 10 * peer;
      return new BowlWork({ codec, layout, samples, optimum, rate: 0.2, seed: own });
    },
    roundMs: (peer) => options.trainMs?.(peer) ?? 300,
    observer: {
      generation: (peer, { generation, digest }) => memberOf(peer).digests.set(generation, digest),
      notice: (peer, code, text) => memberOf(peer).notices.push(`${code} ${text}`),
      refused: (peer, reason) => {
        const { refused } = memberOf(peer);
        refused.set(reason, (refused.get(reason) ?? 0) + 1);
      },
    },
  });
  members = simulation.peers.map((peer) => new SwarmMember(peer));
  return { simulation, world: simulation.world, network: simulation.network, members };
}

/** Every living member has the same model at the same generation, and it is at least `generation`. */
export function agree(members: readonly SwarmMember[], generation: number): boolean {
  const living = members.filter((member) => member.machine !== undefined);
  return living.every(
    (member) =>
      member.generation >= generation && member.digest === living[0].digest && member.digest !== undefined,
  );
}

/** Where everybody stands, for a failure. */
export const stateOf = ({ members, world }: Swarm): string => {
  const states = members.map((m) => `${m.machine?.phase} ${m.generation} ${m.digest?.slice(0, 8)}`);
  const lines = world.trace.lastOf(members.map(({ id }) => id)).slice(-30);
  const told = lines.map(
    ({ atMs, peer, kind, text }) => `${Math.round(atMs)} ${peer.slice(-4)} ${kind} ${text}`,
  );
  return [...states, ...told].join('\n');
};

/** Runs a story and demands that it ends with one digest at or after a generation. */
export async function ends(
  options: SwarmOptions,
  generation: number,
  story: (swarm: Swarm) => Promise<void> = async () => {},
  untilMs = 120_000,
): Promise<Swarm> {
  const swarm = createSwarm({ generationsMax: generation, ...options });
  for (const member of swarm.members) member.start();
  await story(swarm);
  const agreed = await swarm.world.runUntil(untilMs, () => agree(swarm.members, generation));
  assert(agreed, `no agreement at generation ${generation}:\n${stateOf(swarm)}`);
  return swarm;
}
