// Puts the parts of the network together: one host, one mesh. The protocols see only its `port`; the node's
// other parts see byte counts, addresses and refusals.
import type { PrivateKey } from '@libp2p/interface';
import { type Network, type PeerId, Penalties, type PortEvent, type Verdict } from '../../protocols/index.ts';
import type { ByteCounts } from '../api.ts';
import { needsWebsockets, readAddress } from './addresses.ts';
import { ByteMeter } from './byte-counts.ts';
import { EXCHANGE_INTERVAL_MAX_MS, PEERS_TARGET, WATCHDOG_TICK_MS } from './constants.ts';
import { NetworkError } from './errors.ts';
import type { GossipTuning } from './gossip.ts';
import { createGossip, MeshGossip } from './gossip.ts';
import type { Host } from './host.ts';
import { createHost, startHost } from './host.ts';
import { Members } from './members.ts';
import type { NetworkNames } from './names.ts';
import { networkNames, peerText } from './names.ts';
import { PeerExchange } from './peer-exchange.ts';
import { PeerManager } from './peer-manager.ts';
import { createNetworkPort, PeerChanges } from './port.ts';
import { Refusals } from './refusals.ts';
import { RequestClient } from './request-client.ts';
import type { Serve } from './request-server.ts';
import { RequestServer } from './request-server.ts';
import { Watchdog } from './watchdog.ts';

export interface NetworkOptions {
  /** Ed25519. */
  readonly privateKey: PrivateKey;
  /** 64 hex digits. */
  readonly meshId: string;
  /** Multiaddrs, such as `/ip4/0.0.0.0/tcp/0`. */
  readonly listen: readonly string[];
  readonly announce?: readonly string[];
  /** Addresses of the invitation, with or without `/p2p/…`. */
  readonly bootstrap?: readonly string[];
  /** What `knownAddresses()` gave before the last stop. */
  readonly knownAddresses?: readonly string[];
  readonly mdns?: boolean;
  readonly peersTarget?: number;
  /** How often somebody is asked who else is there, once there are enough; default half a minute. */
  readonly exchangeIntervalMaxMs?: number;
  readonly gossipTuning?: Partial<GossipTuning>;
  /** How often streams are looked after; default a second. */
  readonly watchdogTickMs?: number;
  /** Judges a gossip message; it is forwarded only when accepted. Must answer in far less than 100 ms. */
  receive(from: PeerId, bytes: Uint8Array): Verdict;
  /** Answers a request, now or within 20 s, once; `undefined` refuses. */
  readonly serve: Serve;
  /** `response` and `peers` events, never from inside a call of the port. */
  deliver(event: PortEvent): void;
  /** Something that a person should read. */
  notice?(code: string, text: string): void;
}

export interface RunningNetwork {
  readonly port: Network;
  readonly host: Host;
  readonly gossip: MeshGossip;
  /** Own addresses, each with the peer id; empty before `start`. */
  addresses(): readonly string[];
  /** Addresses of members met, to be given as `knownAddresses` next time. */
  knownAddresses(): readonly string[];
  byteCounts(): { readonly in: ByteCounts; readonly out: ByteCounts };
  /** What was refused, by reason. */
  refusedCounts(): Readonly<Record<string, number>>;
  /** @throws NetworkError MELDMESH_LISTEN_FAILED */
  start(): Promise<void>;
  /** Safe to call twice. Open requests are answered with nothing. */
  stop(): Promise<void>;
}

/** @throws NetworkError MELDMESH_ADDRESS_INVALID for a bootstrap address that cannot be read */
export async function createNetwork(options: NetworkOptions): Promise<RunningNetwork> {
  const bootstrap = options.bootstrap ?? [];
  checkAddresses(bootstrap);
  const now = (): number => performance.now();
  const names = networkNames(options.meshId);
  const penalties = new Penalties(now);
  const meter = new ByteMeter({ transferProtocol: names.calls.blob, now });
  // Found once the host runs, which is after the network exists.
  let network: MeshNetwork | undefined;
  const host = await createHost({
    privateKey: options.privateKey,
    listen: options.listen,
    announce: options.announce,
    gossip: createGossip({ topic: names.topic, penalties, tuning: options.gossipTuning }),
    meter,
    websockets: needsWebsockets([...options.listen, ...bootstrap]),
    localService: options.mdns === true ? names.service : undefined,
    found: (addresses) => network?.learn(addresses),
    isRefused: (peer) => penalties.isRefused(peer),
  });
  network = new MeshNetwork(options, { now, names, penalties, meter, host, refusals: new Refusals() });
  await network.register();
  return network;
}

/** What the parts share. */
interface Ground {
  readonly now: () => number;
  readonly names: NetworkNames;
  readonly penalties: Penalties;
  readonly refusals: Refusals;
  readonly meter: ByteMeter;
  readonly host: Host;
}

class MeshNetwork implements RunningNetwork {
  readonly port: Network;
  readonly host: Host;
  readonly gossip: MeshGossip;
  readonly #ground: Ground;
  readonly #listen: readonly string[];
  readonly #members: Members;
  readonly #requests: RequestClient;
  readonly #server: RequestServer;
  readonly #exchange: PeerExchange;
  readonly #manager: PeerManager;
  readonly #watchdog: Watchdog;

  constructor(options: NetworkOptions, ground: Ground) {
    const { host, names, penalties } = ground;
    this.#ground = ground;
    this.#listen = options.listen;
    this.host = host;
    this.#members = this.#createMembers(new PeerChanges(options.deliver));
    const penalise = (peer: PeerId, reason: string): void => this.#penalise(peer, reason);
    const shared = { ...ground, members: this.#members };
    const sub = host.services.gossip;
    const { receive, serve, deliver } = options;
    this.gossip = new MeshGossip({ ...shared, gossip: sub, topic: names.topic, receive, rejected: penalise });
    this.#requests = new RequestClient({ ...shared, deliver, misbehaved: penalise });
    this.#server = new RequestServer({ ...shared, serve, misbehaved: penalise });
    this.#exchange = new PeerExchange({ ...shared, protocol: names.peers });
    this.#manager = new PeerManager({
      ...shared,
      exchange: this.#exchange,
      bootstrap: options.bootstrap ?? [],
      knownAddresses: options.knownAddresses ?? [],
      peersTarget: options.peersTarget ?? PEERS_TARGET,
      exchangeIntervalMaxMs: options.exchangeIntervalMaxMs ?? EXCHANGE_INTERVAL_MAX_MS,
      isRefused: (peer) => penalties.isRefused(peer),
      notice: options.notice ?? (() => {}),
    });
    this.#watchdog = new Watchdog({
      ...shared,
      gossip: sub,
      tickMs: options.watchdogTickMs ?? WATCHDOG_TICK_MS,
      reconnect: (member) => this.#manager.reconnect(member),
    });
    this.port = createNetworkPort({
      ...shared,
      gossip: this.gossip,
      requests: this.#requests,
      penalise: (peer, reason) => {
        ground.refusals.count(reason);
        this.#penalise(peer, reason);
      },
    });
  }

  /** Before `start`, so that identify names our protocols from the first connection on. */
  async register(): Promise<void> {
    await this.#server.register();
    await this.#exchange.register();
  }

  learn(addresses: readonly string[]): void {
    this.#manager.learn(addresses);
  }

  async start(): Promise<void> {
    await startHost(this.host, this.#listen);
    this.gossip.start();
    this.#manager.start();
    this.#watchdog.start();
  }

  async stop(): Promise<void> {
    this.#manager.stop();
    this.#watchdog.stop();
    this.#requests.stop();
    await this.host.stop();
  }

  addresses(): readonly string[] {
    return this.host.getMultiaddrs().map((address) => address.toString());
  }

  knownAddresses(): readonly string[] {
    return this.#manager.addresses();
  }

  byteCounts(): { readonly in: ByteCounts; readonly out: ByteCounts } {
    return { in: this.#ground.meter.bytesIn(), out: this.#ground.meter.bytesOut() };
  }

  refusedCounts(): Readonly<Record<string, number>> {
    return this.#ground.refusals.counts();
  }

  #createMembers(changes: PeerChanges): Members {
    return new Members({
      host: this.host,
      protocol: this.#ground.names.calls.sync,
      joined: (member) => {
        changes.joined(member.peer);
        this.#manager.joined(member);
      },
      left: (member) => {
        changes.left(member.peer);
        this.#manager.left(member);
      },
    });
  }

  #penalise(peer: PeerId, reason: string): void {
    if (this.#ground.penalties.charge(peer, reason) !== 'refused') return;
    this.#ground.refusals.count('peer-refused');
    for (const connection of this.host.getConnections()) {
      if (peerText(connection.remotePeer) !== peer) continue;
      connection.close().catch((error: Error) => connection.abort(error));
    }
  }
}

function checkAddresses(addresses: readonly string[]): void {
  for (const address of addresses) {
    if (readAddress(address) !== undefined) continue;
    throw new NetworkError(
      'MELDMESH_ADDRESS_INVALID',
      `"${address}" is no address to dial; it should look like /ip4/192.0.2.1/tcp/4001/p2p/12D3Koo….`,
    );
  }
}
