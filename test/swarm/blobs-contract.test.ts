// The Blobs port's contract, on the transfer machine over the links and the disks of a swarm.
import assert from 'node:assert/strict';
import { identityFromSeed } from '../../node/identity.ts';
import { createSigner } from '../../node/signer.ts';
import { createTransfer, type Transfer, type TransferOptions } from '../../protocols/index.ts';
import { type BlobMember, blobsContract } from '../contracts/blobs.ts';
import { type Endpoint, Links } from './links.ts';
import { worldJournal } from './member.ts';
import { MemoryDisk } from './memory-store.ts';
import { World } from './world.ts';
import { worldClock } from './world-clock.ts';

const UNTIL_MS = 60_000;

blobsContract('in a swarm', () => {
  const world = new World('blobs contract');
  const links = new Links(world, { latencyMinMs: 1, latencyMaxMs: 40, loss: 0.1 });

  async function open(index: number, deliver: TransferOptions['answer']): Promise<BlobMember> {
    const signer = createSigner(await identityFromSeed(new Uint8Array(32).fill(index + 1)));
    const id = signer.self;
    const disk = new MemoryDisk({ defer: (run) => world.after(0.1, run) });
    let transfer: Transfer | undefined;
    const end: Endpoint = {
      id,
      machine: undefined,
      get transfer() {
        return transfer;
      },
    };
    const port = createTransfer(
      { answer: deliver },
      {
        network: links.port(end, (event) => port.handle(event)),
        store: disk.port((event) => port.handle(event)),
        signer,
        clock: worldClock(world, () => port.tick()),
        journal: worldJournal(world, id),
      },
    );
    transfer = port;
    links.joined(end);
    return { id, port, keep: async (batch) => disk.port(() => undefined).write(batch, true, 0) };
  }

  return {
    async open(count, deliver) {
      const members: BlobMember[] = [];
      for (let index = 0; index < count; index++)
        members.push(await open(index, (event) => deliver(index, event)));
      return members;
    },
    async until(condition, text) {
      assert(condition() || world.runUntil(world.nowMs + UNTIL_MS, condition), `still not true: ${text}`);
    },
    close: async () => undefined,
  };
});
