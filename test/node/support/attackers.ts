// Members of a mesh that mean no good: real libp2p hosts that speak our protocols and say what they like.
import { createHash } from 'node:crypto';
import { createSigner, identityFromSeed } from '../../../node/index.ts';
import {
  decodeWelcome,
  encodeSyncRequest,
  type Head,
  signRecord,
  type WantedRecord,
} from '../../../protocols/delta-set/messages.ts';
import type { DeltaRecord, Hash, PeerId, RecordFields, Signer } from '../../../protocols/index.ts';
import { Node } from '../network-swarm.ts';
import { until } from './processes.ts';

const ZERO = '0'.repeat(64) as Hash;

/** Of a member that knows nothing yet. */
export const emptyHead: Head = {
  generation: 0,
  model: ZERO,
  state: ZERO,
  samples: 0,
  floor: 0,
  snapshots: [],
};

const refuse: Node['serve'] = (_call, _bytes, respond) => respond(undefined);

export class Attacker {
  readonly node: Node;
  readonly signer: Signer;
  readonly #target: PeerId;
  #tickets = 0;

  private constructor(options: { readonly node: Node; readonly signer: Signer; readonly target: PeerId }) {
    this.node = options.node;
    this.signer = options.signer;
    this.#target = options.target;
  }

  /** A member of this mesh that knows one address of it. */
  static async open(options: {
    readonly name: string;
    readonly meshId: string;
    readonly address: string;
    readonly serve?: Node['serve'];
  }): Promise<Attacker> {
    const { name, meshId, address, serve = refuse } = options;
    const seed = new Uint8Array(createHash('sha256').update(name).digest());
    const signer = createSigner(await identityFromSeed(seed));
    const node = await Node.open(name, {
      meshId,
      bootstrap: [address],
      // More than there are members, so that what it says goes to all of them.
      gossipTuning: { degree: 12, degreeLow: 11, degreeHigh: 12 },
      serve: (_from, call, bytes, respond) => serve(call, bytes, respond),
    });
    // What another attacker says is not passed on in this one's name.
    node.judge(() => ({ act: 'ignore', reason: 'not interested' }));
    const target = address.split('/p2p/')[1] as PeerId;
    await until(() => node.port.peers().includes(target), `${name} has joined the mesh`);
    const { gossip } = node.network.host.services;
    const [topic] = gossip.getTopics();
    await until(
      () => gossip.getSubscribers(topic).some((peer) => peer.toString() === target),
      `${name} can gossip to the target`,
    );
    return new Attacker({ node, signer, target });
  }

  /** A record as an honest member would sign it, but for what is given. */
  record(mesh: Hash, fields: Partial<RecordFields>): DeltaRecord {
    return signRecord(
      {
        mesh,
        author: this.signer.self,
        generation: 1,
        baseGeneration: 0,
        base: ZERO,
        samples: 100,
        codec: 'float32',
        payload: ZERO,
        payloadBytes: 0,
        votes: [],
        ...fields,
      },
      this.signer,
    );
  }

  /** Gossips bytes to everybody, larger ones than our own door would let out too. */
  gossip(bytes: Uint8Array): void {
    const { gossip } = this.node.network.host.services;
    const [topic] = gossip.getTopics();
    gossip.publish(topic, bytes).catch(() => undefined);
  }

  /** Asks the target; `undefined` when it refuses. */
  async ask(call: 'sync' | 'blob', bytes: Uint8Array): Promise<Uint8Array | undefined> {
    this.#tickets += 1;
    const ticket = this.#tickets;
    this.node.port.request(this.#target, call, bytes, 10_000, ticket);
    const answer = await until(() => {
      const found = this.node.response(ticket);
      return found !== 'none yet' && { bytes: found };
    }, 'the target answers or refuses');
    return answer.bytes;
  }

  /** What the target holds and where it stands. */
  async hello(): Promise<{ readonly head: Head; readonly records: readonly WantedRecord[] }> {
    const bytes = await this.ask(
      'sync',
      encodeSyncRequest({ kind: 'hello', head: emptyHead, first: 1, digests: [] }),
    );
    const welcome = bytes === undefined ? undefined : decodeWelcome(bytes);
    if (welcome === undefined) throw new Error('the target does not welcome anybody');
    return welcome;
  }

  async close(): Promise<void> {
    await this.node.network.stop();
  }
}
