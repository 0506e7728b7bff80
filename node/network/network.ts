// Puts the parts of the network together: one host, one mesh. The protocols see only its `port`; the node's
// other parts see byte counts, addresses and refusals.
import type { PrivateKey } from '@libp2p/interface';
import type { Network, PeerId, PortEvent, Verdict } from '../../protocols/index.ts';
import type { ByteCounts } from '../api.ts';
import { needsWebsockets, readAddress } from './addresses.ts';
import { ByteMeter } from './byte-counts.ts';
import { PEERS_TARGET, WATCHDOG_TICK_MS } from './constants.ts';
import { NetworkError } from './errors.ts';
import type { GossipTuning } from './gossip.ts';
import { createGossip, MeshGossip } from './gossip.ts';
import type { Host } from './host.ts';
import { createHost, startHost } from './host.ts';
import { Members } from './members.ts';
import { networkNames, peerText } from './names.ts';
import { PeerExchange } from './peer-exchange.ts';
import { PeerManager } from './peer-manager.ts';
import { Penalties } from './penalties.ts';
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
  const now = (): number => performance.now();
  const names = networkNames(options.meshId);
  const bootstrap = options.bootstrap ?? [];
  checkAddresses(bootstrap);
  const penalties = new Penalties(now);
  const refusals = new Refusals();
  const meter = new ByteMeter({ transferProtocol: names.calls.blob, now });
  const host = await createHost({
    privateKey: options.privateKey,
    listen: options.listen,
    announce: options.announce,
    gossip: createGossip({ topic: names.topic, penalties, tuning: options.gossipTuning }),
    meter,
    websockets: needsWebsockets([...options.listen, ...bootstrap]),
    localService: options.mdns === true ? names.service : undefined,
    found: (addresses) => manager.learn(addresses),
    isRefused: (peer) => penalties.isRefused(peer),
  });

  const penalise = (peer: PeerId, reason: string): void => {
    if (penalties.charge(peer, reason) !== 'refused') return;
    refusals.count('peer-refused');
    for (const connection of host.getConnections()) {
      if (peerText(connection.remotePeer) !== peer) continue;
      connection.close().catch((error: Error) => connection.abort(error));
    }
  };
  const changes = new PeerChanges(options.deliver);
  const members: Members = new Members({
    host,
    protocol: names.calls.sync,
    joined(member) {
      changes.joined(member.peer);
      manager.joined(member);
    },
    left(member) {
      changes.left(member.peer);
      manager.left(member);
    },
  });
  const shared = { host, names, refusals, now, members: () => members };
  const gossip = new MeshGossip({
    ...shared,
    gossip: host.services.gossip,
    topic: names.topic,
    receive: options.receive,
    rejected: penalise,
  });
  const requests = new RequestClient({ ...shared, deliver: options.deliver, misbehaved: penalise });
  const server = new RequestServer({ ...shared, serve: options.serve, misbehaved: penalise });
  const exchange = new PeerExchange({ ...shared, protocol: names.peers });
  const manager: PeerManager = new PeerManager({
    ...shared,
    exchange,
    bootstrap,
    knownAddresses: options.knownAddresses ?? [],
    peersTarget: options.peersTarget ?? PEERS_TARGET,
    isRefused: (peer) => penalties.isRefused(peer),
    notice: options.notice ?? (() => {}),
  });
  const watchdog = new Watchdog({
    ...shared,
    gossip: host.services.gossip,
    meter,
    tickMs: options.watchdogTickMs ?? WATCHDOG_TICK_MS,
    reconnect: (member) => manager.reconnect(member),
  });
  await server.register();
  await exchange.register();

  return {
    port: createNetworkPort({ ...shared, gossip, requests, penalise }),
    host,
    gossip,
    addresses: () => host.getMultiaddrs().map((address) => address.toString()),
    knownAddresses: () => manager.addresses(),
    byteCounts: () => ({ in: meter.bytesIn(), out: meter.bytesOut() }),
    refusedCounts: () => refusals.counts(),
    async start() {
      await startHost(host, options.listen);
      gossip.start();
      manager.start();
      watchdog.start();
    },
    async stop() {
      manager.stop();
      watchdog.stop();
      requests.stop();
      await host.stop();
    },
  };
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
