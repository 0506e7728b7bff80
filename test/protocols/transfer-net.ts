// A few peers that hold and want blobs, in a seeded world of virtual time: requests are lost, delayed and
// reordered, disks survive their peer, and anybody can be made a liar.
import assert from 'node:assert/strict';
import { hashOf } from '../../node/hash.ts';
import {
  createTransfer,
  type Hash,
  type Network,
  type PeerId,
  type PortEvent,
  type Signer,
  type Transfer,
} from '../../protocols/index.ts';
import { simClock } from '../../sim/clock.ts';
import { SimDisk, type SimDiskOptions } from '../../sim/disk.ts';
import { World } from '../../sim/world.ts';

export type BlobAnswer = PortEvent & { readonly kind: 'blob' };
/** What a peer says instead of the truth; `undefined` is silence until the deadline. */
export type Lie = (request: Uint8Array, truth: Uint8Array | undefined) => Uint8Array | undefined;

export interface TransferNet {
  readonly world: World;
  readonly peers: Map<string, Peer>;
  /** Share of requests and of answers that vanish. */
  loss: number;
  /** Requests that reached a peer, as `asker>holder kind hash`. */
  readonly log: string[];
  readonly penalties: string[];
}

export function createNet(seed: string): TransferNet {
  return { world: new World(seed), peers: new Map(), loss: 0, log: [], penalties: [] };
}

export class Peer {
  readonly id: PeerId;
  readonly disk: SimDisk;
  readonly answers = new Map<number, BlobAnswer>();
  transfer: Transfer;
  lie: Lie | undefined;
  /** How long it lets each asker wait. */
  delayMs: (request: Uint8Array) => number = () => 0;
  isUp = true;
  requestsInFlight = 0;
  requestsInFlightPeak = 0;
  readonly #net: TransferNet;
  #life = 0;
  #ticket = 0;
  #isAsking = false;

  constructor(net: TransferNet, name: string, disk: Partial<SimDiskOptions> = {}) {
    this.#net = net;
    this.id = name as PeerId;
    this.disk = new SimDisk({ defer: (run) => net.world.after(0.1, run), ...disk });
    this.transfer = this.#start();
    net.peers.set(name, this);
  }

  /** Keep these bytes here; `keep` picks the chunks that this peer has, and whether it has the list. */
  holds(bytes: Uint8Array, keep: (key: string, index: number) => boolean = () => true): Hash {
    const { hash, batch } = this.transfer.writesFor(bytes);
    const kept = batch.filter(({ key }, index) => keep(key, index));
    this.disk.port(() => undefined).write(kept, true, 1);
    return hash;
  }

  /** The answer comes with time. */
  fetch(hash: Hash, from: readonly Peer[], bytesMax = 2 ** 26): number {
    const ticket = ++this.#ticket;
    this.#ask(() => this.transfer.fetch(hash, bytesMax, idsOf(from), ticket));
    return ticket;
  }

  fetchChunk(hash: Hash, from: readonly Peer[], bytesMax = 65_536): number {
    const ticket = ++this.#ticket;
    this.#ask(() => this.transfer.fetchChunk(hash, bytesMax, idsOf(from), ticket));
    return ticket;
  }

  /** Lets time pass until this fetch is answered, at most ten minutes. */
  async answerOf(ticket: number): Promise<BlobAnswer> {
    await this.#net.world.runUntil(this.#net.world.nowMs + 600_000, () => this.answers.has(ticket));
    const answer = this.answers.get(ticket);
    assert(answer !== undefined, 'the fetch was never answered');
    return answer;
  }

  /** The process dies with power and comes back on the same disk. */
  restart(): void {
    this.#life++;
    this.transfer.stop();
    this.disk.crash();
    this.requestsInFlight = 0;
    this.transfer = this.#start();
  }

  #ask(call: () => void): void {
    this.#isAsking = true;
    call();
    this.#isAsking = false;
  }

  #start(): Transfer {
    const { world } = this.#net;
    const life = this.#life;
    const guarded = (run: () => void) => (): void => {
      if (life === this.#life) run();
    };
    return createTransfer(
      {
        answer: (event) => {
          assert(!this.#isAsking, 'an answer came from inside the call');
          assert(!this.answers.has(event.ticket), 'a fetch is answered once');
          this.answers.set(event.ticket, event);
        },
      },
      {
        network: this.#network(guarded),
        store: this.disk.port((event) => guarded(() => this.transfer.handle(event))()),
        signer: signerOf(this.id),
        clock: simClock(world, { tick: () => this.transfer.tick(), alive: guarded }),
        journal: { event: () => undefined },
      },
    );
  }

  #network(guarded: (run: () => void) => () => void): Network {
    const net = this.#net;
    const { world } = net;
    const latencyMs = (): number => 5 + 45 * world.random.float();
    const isLost = (): boolean => world.random.float() < net.loss;
    return {
      self: this.id,
      peers: () => [...net.peers.values()].filter((peer) => peer !== this && peer.isUp).map(({ id }) => id),
      publish: () => assert.fail('transfer does not gossip'),
      penalise: (peer, reason) => void net.penalties.push(`${peer} ${reason}`),
      request: (to, call, bytes, deadlineMs, ticket) => {
        this.requestsInFlightPeak = Math.max(this.requestsInFlightPeak, ++this.requestsInFlight);
        let isAnswered = false;
        const answer = (response: Uint8Array | undefined): void => {
          if (isAnswered) return;
          isAnswered = true;
          this.requestsInFlight--;
          this.transfer.handle({ kind: 'response', ticket, from: to, bytes: response });
        };
        world.after(
          deadlineMs,
          guarded(() => answer(undefined)),
        );
        const holder = net.peers.get(to);
        if (isLost() || holder === undefined || !holder.isUp) return;
        world.after(latencyMs(), () => {
          net.log.push(`${this.id}>${to} ${bytes[0] === 1 ? 'list' : 'chunk'} ${hashOf(bytes).slice(0, 8)}`);
          holder.transfer.serve(this.id, call, bytes, (truth) => {
            const response = holder.lie === undefined ? truth : holder.lie(bytes, truth);
            if (isLost() || (response === undefined && holder.lie !== undefined)) return;
            world.after(
              holder.delayMs(bytes) + latencyMs(),
              guarded(() => answer(response)),
            );
          });
        });
      },
    };
  }
}

function signerOf(id: PeerId): Signer {
  return {
    self: id,
    hash: hashOf,
    sign: () => assert.fail('transfer signs nothing'),
    verify: () => assert.fail('transfer verifies no signature'),
  };
}

function idsOf(peers: readonly Peer[]): readonly PeerId[] {
  return peers.map(({ id }) => id);
}

/** Bytes that no two seeds share. */
export function bytesOfSize(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed * 2_654_435_761 + 1;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
