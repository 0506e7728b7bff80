// The Blobs port's contract, on the transfer machine over libp2p on loopback and LevelDB.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClock } from '../../node/clock.ts';
import { identityFromSeed } from '../../node/identity.ts';
import { createSigner } from '../../node/signer.ts';
import { type NodeStore, openStore } from '../../node/store/level-store.ts';
import { type Clock, createTransfer, type Transfer, type TransferOptions } from '../../protocols/index.ts';
import { type BlobMember, blobsContract } from '../contracts/blobs.ts';
import { closeAll, Node, until } from './network-swarm.ts';

/** The pauses between rounds of asking are seconds, and a test need not sit through them. */
const HASTE = 20;

blobsContract('over libp2p on loopback and LevelDB', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meldmesh-blobs-'));
  const clock = createClock();
  const nodes: Node[] = [];
  const stores: NodeStore[] = [];

  function hasty(onTick: () => void): Clock {
    const port = clock.port(onTick);
    return { nowMs: () => HASTE * port.nowMs(), wakeAt: (atMs) => port.wakeAt(atMs / HASTE) };
  }

  async function open(index: number, answer: TransferOptions['answer']): Promise<BlobMember> {
    const identity = await identityFromSeed(new Uint8Array(32).fill(index + 1));
    const id = identity.peerId;
    let transfer: Transfer | undefined;
    const node = await Node.open('', {
      privateKey: identity.privateKey,
      bootstrap: nodes[0]?.network.addresses(),
      serve: (from, call, bytes, respond) => transfer?.serve(from, call, bytes, respond),
      deliver: (event) => transfer?.handle(event),
    });
    nodes.push(node);
    const store = await openStore({ folder: join(folder, String(index)) });
    stores.push(store);
    const port = createTransfer(
      { answer },
      {
        network: node.port,
        store: store.port((event) => port.handle(event)),
        signer: createSigner(identity),
        clock: hasty(() => port.tick()),
        journal: { event: () => undefined },
      },
    );
    transfer = port;
    return { id, port, keep: (batch) => store.batch(batch, true) };
  }

  return {
    async open(count, deliver) {
      const members: BlobMember[] = [];
      for (let index = 0; index < count; index++)
        members.push(await open(index, (event) => deliver(index, event)));
      await until(() => nodes.every(({ port }) => port.peers().length === count - 1), 'all are connected');
      return members;
    },
    until,
    async close() {
      clock.stop();
      await closeAll(nodes);
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true });
    },
  };
});
