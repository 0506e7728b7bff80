// Real networks on loopback for the tests of this room: seeded keys, one bootstrap member, conditions with a limit.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { NetworkOptions, RunningNetwork } from '../../node/network/network.ts';
import { createNetwork } from '../../node/network/network.ts';
import type { Call, PeerId, PortEvent, Verdict } from '../../protocols/index.ts';

export const meshOne = 'a1'.repeat(32);
export const meshTwo = 'b2'.repeat(32);

type Responder = (call: Call, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void) => void;

/** A running network and everything that it was told. */
export class Node {
  readonly events: PortEvent[] = [];
  readonly heard: { readonly from: PeerId; readonly bytes: Uint8Array }[] = [];
  readonly notices: string[] = [];
  receive: (bytes: Uint8Array) => Verdict = () => ({ act: 'accept' });
  serve: Responder = (_call, bytes, respond) => respond(bytes);
  network!: RunningNetwork;

  static async open(name: string, options: Partial<NetworkOptions> = {}): Promise<Node> {
    const node = new Node();
    const seed = createHash('sha256').update(name).digest();
    node.network = await createNetwork({
      privateKey: await generateKeyPairFromSeed('Ed25519', seed),
      meshId: meshOne,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      receive: (from, bytes) => {
        const verdict = node.receive(bytes);
        if (verdict.act === 'accept') node.heard.push({ from, bytes });
        return verdict;
      },
      serve: (_from, call, bytes, respond) => node.serve(call, bytes, respond),
      deliver: (event) => node.events.push(event),
      notice: (code) => node.notices.push(code),
      ...options,
    });
    await node.network.start();
    return node;
  }

  get port(): RunningNetwork['port'] {
    return this.network.port;
  }

  judge(receive: (bytes: Uint8Array) => Verdict): void {
    this.receive = receive;
  }

  answer(serve: Responder): void {
    this.serve = serve;
  }

  /** Connections are cut, nothing is said. */
  async kill(): Promise<void> {
    for (const connection of this.network.host.getConnections()) connection.abort(new Error('killed'));
    await this.network.stop();
  }

  response(ticket: number): Uint8Array | undefined | 'none yet' {
    for (const event of this.events)
      if (event.kind === 'response' && event.ticket === ticket) return event.bytes;
    return 'none yet';
  }
}

/** `count` members; all but the first know only the first. */
export async function openSwarm(count: number, options: Partial<NetworkOptions> = {}): Promise<Node[]> {
  const nodes = [await Node.open('member 0', options)];
  const bootstrap = nodes[0].network.addresses();
  for (let index = 1; index < count; index++) {
    nodes.push(await Node.open(`member ${index}`, { bootstrap, ...options }));
  }
  return nodes;
}

export async function until(condition: () => boolean, text: string, limitMs = 8_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`still not true after ${limitMs} ms: ${text}`);
    await sleep(10);
  }
}

export async function closeAll(nodes: readonly Node[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.network.stop()));
}
