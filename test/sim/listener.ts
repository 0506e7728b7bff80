// An end of the simulated network that keeps all it is told, in place of a member's machines.
import { createRandom } from '../../fusion/index.ts';
import type { Call, Network, PeerId, PortEvent, Verdict } from '../../protocols/index.ts';
import type { Endpoint } from '../../sim/network/endpoint.ts';
import type { NetworkOptions } from '../../sim/network/options.ts';
import { SimNetwork } from '../../sim/network/sim-network.ts';
import { World } from '../../sim/world.ts';
import type { NetworkMember } from '../contracts/network.ts';

type Answer = (call: Call, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void) => void;

export class Listener implements NetworkMember, Endpoint {
  readonly id: PeerId;
  readonly port: Network;
  readonly events: PortEvent[] = [];
  readonly heard: { readonly from: PeerId; readonly bytes: Uint8Array; readonly atMs: number }[] = [];
  readonly #world: World;
  readonly #network: SimNetwork;
  #judge: (bytes: Uint8Array) => Verdict = () => ({ act: 'accept' });
  #answer: Answer = (_call, bytes, respond) => respond(bytes);

  constructor(id: string, world: World, network: SimNetwork) {
    this.id = id as PeerId;
    this.#world = world;
    this.#network = network;
    this.port = network.port(this.id, (event) => this.events.push(event));
    network.join(this);
  }

  receive(from: PeerId, bytes: Uint8Array): Verdict {
    const verdict = this.#judge(bytes);
    if (verdict.act === 'accept') this.heard.push({ from, bytes, atMs: this.#world.nowMs });
    return verdict;
  }

  serve(_from: PeerId, call: Call, bytes: Uint8Array, respond: Parameters<Answer>[2]): void {
    this.#answer(call, bytes, respond);
  }

  handle(event: PortEvent): void {
    this.events.push(event);
  }

  judge(receive: (bytes: Uint8Array) => Verdict): void {
    this.#judge = receive;
  }

  answer(serve: Answer): void {
    this.#answer = serve;
  }

  async kill(): Promise<void> {
    this.#network.leave(this.id);
  }
}

/** A network of listeners, each connected with eight others at most looked for. */
export class Listeners {
  readonly world: World;
  readonly network: SimNetwork;
  readonly members: readonly Listener[];

  constructor(count: number, options: Partial<NetworkOptions> = {}, seed = 'listeners') {
    this.world = new World(seed);
    this.network = new SimNetwork(this.world, {
      latencyMs: [5, 60],
      jitter: 0.2,
      loss: 0,
      duplicates: 0,
      connections: [8, 96],
      degree: [2, 3],
      ...options,
    });
    this.members = Array.from(
      { length: count },
      (_, index) => new Listener(`member ${index}`, this.world, this.network),
    );
  }

  async pass(milliseconds: number): Promise<void> {
    await this.world.runUntil(this.world.nowMs + milliseconds);
  }

  /** Whether all but its author have heard this message. */
  isHeardByAll(bytes: Uint8Array, author: Listener): boolean {
    return this.members.every((member) => member === author || hasHeard(member, bytes));
  }
}

export function hasHeard({ heard }: Listener, bytes: Uint8Array): boolean {
  return heard.some((each) => Buffer.compare(each.bytes, bytes) === 0);
}

/** Bytes unlike those of any other number. */
export function messageOf(number: number, length = 2_700): Uint8Array {
  const random = createRandom(`message ${number}`);
  return Uint8Array.from({ length }, () => random.below(256));
}
