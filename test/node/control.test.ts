// The status socket, both ends, over a node that is only its public door.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeldNode, NodeEvents, NodeStatus } from '../../node/api.ts';
import { type ControlServer, startControl } from '../../node/control.ts';
import { connectControl } from '../../node/control-client.ts';
import {
  type ControlEvent,
  decodeRequest,
  lineSplitter,
  PAST_EVENTS_MAX,
  REQUEST_BYTES_MAX,
} from '../../node/control-messages.ts';

const bytes = { gossip: 5, transfer: 0, control: 7 };

/** A node that completes generations when told; its model is its generation in every place. */
class PretendNode implements Pick<MeldNode, 'on' | 'status' | 'model' | 'manifest'> {
  generation = 0;
  readonly #listeners = new Map<keyof NodeEvents, Set<(detail: never) => void>>();

  on<K extends keyof NodeEvents>(event: K, listener: (detail: NodeEvents[K]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set);
    set.add(listener as (detail: never) => void);
    return () => set.delete(listener as (detail: never) => void);
  }

  manifest(): undefined {
    return undefined;
  }

  status(): NodeStatus {
    return {
      peerId: 'alice',
      meshId: 'ab'.repeat(32),
      addresses: [],
      invitation: 'x',
      backend: 'wasm',
      codec: 'top1:1',
      observing: false,
      generation: this.generation,
      digest: `digest ${this.generation}`,
      samples: 10,
      phase: 'training',
      peers: [],
      deltasHeard: 3,
      accuracy: undefined,
      loss: undefined,
      bytesIn: bytes,
      bytesOut: bytes,
      refused: {},
      rssPeakMiB: 1,
      eventLoopDelayP99Ms: 1,
      lastError: undefined,
      seconds: 1,
    };
  }

  model(): Float32Array {
    return new Float32Array(1_000).fill(this.generation);
  }

  complete(): void {
    this.generation += 1;
    const { generation } = this;
    const detail = {
      generation,
      digest: `digest ${generation}`,
      contributors: 1,
      samples: 10,
      corrected: false,
    };
    for (const listener of this.#listeners.get('generation') ?? []) listener(detail as never);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('the status socket', () => {
  let store: string;
  let node: PretendNode;
  let server: ControlServer | undefined;
  let stops: number;

  const open = async (folder = store): Promise<ControlServer> => {
    server = await startControl({ store: folder, node, onStop: () => stops++ });
    return server;
  };

  beforeEach(() => {
    store = mkdtempSync(join(tmpdir(), 'meldmesh-control-'));
    node = new PretendNode();
    stops = 0;
  });

  afterEach(async () => {
    await server?.close();
    server = undefined;
    rmSync(store, { recursive: true, force: true });
  });

  it('answers status and is only for its owner', async () => {
    const { path } = await open();
    const client = await connectControl(store);
    // JSON has no undefined: what a node does not know is absent at the other end.
    assert.deepEqual(await client.status(), JSON.parse(JSON.stringify(node.status())));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    client.close();
  });

  it('tells a watcher the past generations first, then each new one with its counters', async () => {
    await open();
    node.complete();
    node.complete();
    const client = await connectControl(store);
    const heard: ControlEvent[] = [];
    await client.events((event) => heard.push(event));
    await until(() => heard.length === 2);
    node.complete();
    await until(() => heard.length === 3);
    assert.deepEqual(
      heard.map((line) => (line.event === 'generation' ? line.detail.generation : line.event)),
      [1, 2, 3],
    );
    assert.deepEqual(heard[2].event === 'generation' && heard[2].counts?.bytesIn, bytes);
    client.close();
  });

  it('keeps a bounded number of past generations', async () => {
    await open();
    for (let i = 0; i < PAST_EVENTS_MAX + 5; i += 1) node.complete();
    const client = await connectControl(store);
    const heard: ControlEvent[] = [];
    await client.events((event) => heard.push(event));
    await until(() => heard.length === PAST_EVENTS_MAX);
    assert.equal(heard[0].event === 'generation' && heard[0].detail.generation, 6);
    client.close();
  });

  it('gives the model of a digest that the node has just left, to a watcher that asked to keep models', async () => {
    await open();
    const client = await connectControl(store);
    await client.events(() => undefined, { keepModels: true });
    for (let i = 0; i < 3; i += 1) node.complete();
    const model = await client.model({ digest: 'digest 2' });
    assert.equal(model.generation, 2);
    assert.deepEqual(model.weights, new Float32Array(1_000).fill(2));
    assert.equal((await client.model({ generation: 1 })).digest, 'digest 1');
    assert.equal((await client.model()).digest, 'digest 3');
    client.close();
  });

  it('keeps no models when nobody asked, and says that one is gone', async () => {
    await open();
    const client = await connectControl(store);
    await client.events(() => undefined);
    node.complete();
    node.complete();
    await assert.rejects(client.model({ generation: 1 }), { code: 'MELDMESH_MODEL_GONE' });
    client.close();
  });

  it('passes on a wish to stop once, however often it is asked', async () => {
    await open();
    const client = await connectControl(store);
    await client.stop();
    await client.stop();
    assert.equal(stops, 1);
    client.close();
  });

  it('is removed on close, ends its clients, and then nobody is running', async () => {
    const { path } = await open();
    const client = await connectControl(store);
    await server?.close();
    await client.closed;
    await assert.rejects(client.status(), { code: 'MELDMESH_NOT_RUNNING' });
    assert.equal(existsSync(path), false);
    await assert.rejects(connectControl(store), { code: 'MELDMESH_NOT_RUNNING' });
  });

  it('refuses a store on which another node answers', async () => {
    await open();
    const second = startControl({ store, node, onStop: () => undefined });
    await assert.rejects(second, { code: 'MELDMESH_STORE_LOCKED' });
    const client = await connectControl(store);
    assert.equal((await client.status()).peerId, 'alice');
    client.close();
  });

  it('replaces the socket that a killed process left', async () => {
    const path = join(store, 'control.sock');
    const { spawnSync } = await import('node:child_process');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    assert.equal(existsSync(path), true);
    await assert.rejects(connectControl(store), { code: 'MELDMESH_NOT_RUNNING' });
    await open();
    const client = await connectControl(store);
    assert.equal((await client.status()).generation, 0);
    client.close();
  });

  it('finds a shorter place when the store has a long path, and clears it away', async () => {
    const deep = join(store, 'a'.repeat(60), 'b'.repeat(60));
    mkdirSync(deep, { recursive: true });
    const { path } = await open(deep);
    assert.ok(path.length <= 100, path);
    const client = await connectControl(deep);
    assert.equal((await client.status()).peerId, 'alice');
    await server?.close();
    assert.equal(existsSync(path), false);
    assert.equal(existsSync(join(deep, 'control.path')), false);
  });

  it('cuts off a client whose request never ends, and goes on', async () => {
    const { path } = await open();
    const rude = createConnection(path);
    const gone = new Promise((resolve) => rude.once('close', resolve));
    rude.on('error', () => undefined);
    rude.write('x'.repeat(REQUEST_BYTES_MAX + 1));
    await gone;
    const client = await connectControl(store);
    assert.equal((await client.status()).peerId, 'alice');
    client.close();
  });

  it('serves a bounded number of clients', async () => {
    await open();
    const clients = await Promise.all(Array.from({ length: 32 }, () => connectControl(store)));
    await Promise.all(clients.map((client) => client.status()));
    const late = await connectControl(store);
    await assert.rejects(late.status());
    for (const client of clients) client.close();
  });

  it('says so when something that is no node answers with nonsense', async () => {
    const path = join(store, 'control.sock');
    const impostor = createServer((socket) => socket.resume().end('hello\n')).listen(path);
    const client = await connectControl(store);
    await assert.rejects(client.status(), { code: 'MELDMESH_NOT_RUNNING' });
    await new Promise((resolve) => impostor.close(resolve));
  });
});

describe('the lines of the status socket', () => {
  it('are cut anywhere and put together again', () => {
    const lines: string[] = [];
    const feed = lineSplitter({ bytesMax: 20, onLine: (line) => lines.push(line), onOverflow: assert.fail });
    for (const byte of Buffer.from('grün\n\nein zwei\nrest')) feed(Uint8Array.of(byte));
    assert.deepEqual(lines, ['grün', '', 'ein zwei']);
  });

  it('are refused with a reason when they are no request', () => {
    for (const line of ['', '[]', '7', '{"call":"dance"}', '{"call":"model","generation":"x"}', '{"id":"a"}'])
      assert.equal(typeof decodeRequest(line), 'string', line);
    assert.deepEqual(decodeRequest('{"call":"status"}'), { id: 0, call: 'status' });
  });
});
