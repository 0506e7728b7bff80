// A libp2p node with our settings: TCP, noise, yamux, identify, ping and gossipsub. It dials nobody by itself;
// knows neither meshes nor members.
import type { GossipSub, GossipSubComponents } from '@libp2p/gossipsub';
import type { Identify } from '@libp2p/identify';
import { identify } from '@libp2p/identify';
import type { Libp2p, PeerDiscovery, PrivateKey, Transport } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import type { Ping } from '@libp2p/ping';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import type { Libp2pOptions } from 'libp2p';
import { createLibp2p } from 'libp2p';
import type { ByteMeter } from './byte-counts.ts';
import {
  ADDRESSES_PER_PEER_MAX,
  CONNECTIONS_MAX,
  DIAL_DEADLINE_MS,
  IDENTIFY_DEADLINE_MS,
  INBOUND_CONNECTIONS_PER_SECOND,
  INBOUND_PENDING_MAX,
  STREAM_WINDOW_BYTES_MAX,
} from './constants.ts';
import { NetworkError } from './errors.ts';

export type HostServices = {
  readonly gossip: GossipSub;
  readonly identify: Identify;
  readonly ping: Ping;
};
export type Host = Libp2p<HostServices>;

export interface HostOptions {
  /** Ed25519. */
  readonly privateKey: PrivateKey;
  /** Multiaddrs, TCP or websockets. */
  readonly listen: readonly string[];
  /** Addresses told to others in place of those listened on, for hosts behind a forwarded port. */
  readonly announce?: readonly string[];
  readonly gossip: (components: GossipSubComponents) => GossipSub;
  readonly meter: ByteMeter;
  /** Load the websocket transport; it costs 13 MiB, so only where an address needs it. */
  readonly websockets: boolean;
  /** DNS-SD service name; absent: no local discovery. */
  readonly localService?: string;
  /** A member's addresses found on the local network. */
  found?(addresses: readonly string[]): void;
  /** True for a peer that must not be connected now. */
  isRefused(peer: string): boolean;
}

/** Not started yet, so that protocols are registered before anybody can ask for them. */
export async function createHost(options: HostOptions): Promise<Host> {
  const settings: Libp2pOptions<HostServices> = {
    start: false,
    privateKey: options.privateKey,
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    nodeInfo: { name: 'meldmesh', version: '1', userAgent: 'meldmesh/1' },
    transports: await transports(options.websockets),
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX } })],
    // Its pings abort connections of peers that are only busy; our watchdog looks for silence instead.
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND,
      maxIncomingPendingConnections: INBOUND_PENDING_MAX,
      maxPeerAddrsToDial: ADDRESSES_PER_PEER_MAX,
      dialTimeout: DIAL_DEADLINE_MS,
      reconnectRetries: 0,
    },
    connectionGater: {
      denyDialPeer: (peer) => options.isRefused(peer.toString()),
      denyInboundEncryptedConnection: (peer) => options.isRefused(peer.toString()),
    },
    peerDiscovery: await localDiscovery(options),
    metrics: () => options.meter,
    services: { identify: identify({ timeout: IDENTIFY_DEADLINE_MS }), ping: ping(), gossip: options.gossip },
  };
  return createLibp2p(settings);
}

/** @throws NetworkError MELDMESH_LISTEN_FAILED when no address could be listened on. */
export async function startHost(host: Host, listen: readonly string[]): Promise<void> {
  try {
    await host.start();
  } catch (error) {
    throw new NetworkError(
      'MELDMESH_LISTEN_FAILED',
      `Cannot listen on ${listen.join(', ')}: the port is taken or the address is not of this machine; choose another with --listen.`,
      error,
    );
  }
}

type TransportFactory = NonNullable<Libp2pOptions['transports']>[number];

async function transports(websockets: boolean): Promise<TransportFactory[]> {
  const overTcp: TransportFactory = (components): Transport => tcp()(components);
  if (!websockets) return [overTcp];
  const { webSockets } = await import('@libp2p/websockets');
  return [overTcp, (components): Transport => webSockets()(components)];
}

type DiscoveryFactory = NonNullable<Libp2pOptions['peerDiscovery']>[number];

async function localDiscovery(options: HostOptions): Promise<DiscoveryFactory[]> {
  const { localService: serviceTag, found } = options;
  if (serviceTag === undefined || found === undefined) return [];
  const { mdns } = await import('@libp2p/mdns');
  return [
    (components): PeerDiscovery => {
      const discovery = mdns({ serviceTag })(components);
      discovery.addEventListener('peer', ({ detail }) => {
        found(detail.multiaddrs.map((address) => withPeer(address.toString(), detail.id.toString())));
      });
      return discovery;
    },
  ];
}

function withPeer(address: string, peer: string): string {
  return address.includes('/p2p/') ? address : `${address}/p2p/${peer}`;
}
