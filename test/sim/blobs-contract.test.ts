// The Blobs port's contract, on the transfer machine over the simulated network and simulated disks.
import assert from 'node:assert/strict';
import { createTransfer, type PeerId, type Transfer, type TransferOptions } from '../../protocols/index.ts';
import { simClock } from '../../sim/clock.ts';
import { SimDisk } from '../../sim/disk.ts';
import { parseScenario } from '../../sim/index.ts';
import { InternTable } from '../../sim/intern-table.ts';
import { traceJournal } from '../../sim/journal.ts';
import { SimNetwork } from '../../sim/network/sim-network.ts';
import { SignerRegistry } from '../../sim/signer.ts';
import { World } from '../../sim/world.ts';
import { type BlobMember, blobsContract } from '../contracts/blobs.ts';

const UNTIL_MS = 60_000;
/** Until everybody is connected. */
const SETTLING_MS = 3_000;

blobsContract('in a simulation', () => {
  const parsed = parseScenario({ name: 'x', peers: 1, network: { latencyMs: [1, 40], loss: 0.1 } });
  assert('scenario' in parsed);
  const world = new World('blobs contract');
  const network = new SimNetwork(world, parsed.scenario.network);
  const signers = new SignerRegistry();
  const values = new InternTable();

  function open(index: number, answer: TransferOptions['answer']): BlobMember {
    const signer = signers.create(`12D3KooWmember${index}` as PeerId, `secret ${index}`);
    const id = signer.self;
    const disk = new SimDisk({ defer: (run) => world.after(0, run), values });
    const later = (run: () => void) => world.after(0, run);
    const port: Transfer = createTransfer(
      { answer },
      {
        network: network.port(id, (event) => later(() => port.handle(event))),
        store: disk.port((event) => port.handle(event)),
        signer,
        clock: simClock(world, { tick: () => port.tick(), alive: (run) => run }),
        journal: traceJournal(world.trace, id),
      },
    );
    network.join({
      id,
      receive: () => ({ act: 'ignore', reason: 'transfer does not gossip' }),
      serve: (from, call, bytes, respond) => port.serve(from, call, bytes, respond),
      handle: (event) => port.handle(event),
    });
    return { id, port, keep: async (batch) => disk.port(() => undefined).write(batch, true, 0) };
  }

  return {
    async open(count, deliver) {
      const members = Array.from({ length: count }, (_, index) =>
        open(index, (event) => deliver(index, event)),
      );
      await world.runUntil(world.nowMs + SETTLING_MS);
      return members;
    },
    async until(condition, text) {
      const holds = condition() || (await world.runUntil(world.nowMs + UNTIL_MS, condition));
      assert(holds, `still not true: ${text}`);
    },
    close: async () => undefined,
  };
});
