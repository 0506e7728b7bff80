// The Network port's contract, on the links of a swarm in virtual time.
import assert from 'node:assert/strict';
import type { Call, Machine, Network, PeerId, PortEvent, Verdict } from '../../protocols/index.ts';
import { type NetworkMember, networkContract } from '../contracts/network.ts';
import { type Endpoint, Links } from './links.ts';
import { World } from './world.ts';

const LATENCY_MAX_MS = 40;
const UNTIL_MS = 8_000;

type Answer = (call: Call, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void) => void;

/** An end of links that keeps all it is told, in place of a member's machines. */
class Listener implements NetworkMember, Endpoint {
  readonly id: PeerId;
  readonly port: Network;
  readonly events: PortEvent[] = [];
  readonly heard: { readonly from: PeerId; readonly bytes: Uint8Array }[] = [];
  machine: Pick<Machine, 'receive' | 'serve' | 'handle'> | undefined;
  readonly #leave: () => void;
  #judge: (bytes: Uint8Array) => Verdict = () => ({ act: 'accept' });
  #answer: Answer = (_call, bytes, respond) => respond(bytes);

  constructor(id: string, world: World, links: Links) {
    this.id = id as PeerId;
    this.machine = {
      receive: (from, bytes) => {
        const verdict = this.#judge(bytes);
        if (verdict.act === 'accept') this.heard.push({ from, bytes });
        return verdict;
      },
      serve: (_from, call, bytes, respond) => this.#answer(call, bytes, respond),
      handle: (event) => this.events.push(event),
    };
    this.port = links.port(this, (event) => this.events.push(event));
    this.#leave = () => {
      this.machine = undefined;
      links.left(this);
      settle(world);
    };
    links.joined(this);
  }

  get transfer(): Endpoint['transfer'] {
    return this.machine;
  }

  judge(receive: (bytes: Uint8Array) => Verdict): void {
    this.#judge = receive;
  }

  answer(serve: Answer): void {
    this.#answer = serve;
  }

  async kill(): Promise<void> {
    this.#leave();
  }
}

/** News of who came and who went has arrived. */
function settle(world: World): void {
  world.runUntil(world.nowMs + LATENCY_MAX_MS);
}

networkContract('on the links of a swarm', () => {
  const world = new World('network contract');
  const links = new Links(world, { latencyMinMs: 1, latencyMaxMs: LATENCY_MAX_MS, loss: 0, repeats: false });
  return {
    async open(count) {
      const members = Array.from(
        { length: count },
        (_, index) => new Listener(`member ${index}`, world, links),
      );
      settle(world);
      return members;
    },
    async until(condition, text) {
      assert(condition() || world.runUntil(world.nowMs + UNTIL_MS, condition), `still not true: ${text}`);
    },
    pass: async (milliseconds) => void world.runUntil(world.nowMs + milliseconds),
    close: async () => undefined,
  };
});
