// What the world does to a node, and what its user reads: one sentence with a code and what to do, an exit status that
// says the same, and nothing lost.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { encodeInvitation, type Hash } from '../../protocols/index.ts';
import {
  contentsOf,
  joinMesh,
  type Member,
  type MemberOptions,
  manifestOf,
  writeManifest,
} from './support/meshes.ts';
import { cleanUp, journalOf, reached, run, statusOf, temporaryFolder, within } from './support/processes.ts';

/** A node that learns alone, so that one process is a whole story. */
const manifest = manifestOf({ name: 'failures', pace: { contributorsMin: 1 } });
const NOBODY = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWQ9Ed63KMZMGXHLvvwGVeGsmQ7LLxgZwbYoyfpFMYzn8s';

interface Ended {
  readonly status: number | null;
  readonly errors: string;
}

/** The last thing it says is the code, one sentence and what to do: after the reason, or on a line of its own. */
function assertSays({ status, errors }: Ended, code: string): void {
  assert.equal(status, 1, errors);
  const text = errors.slice(errors.lastIndexOf(`${code}: `));
  assert.match(
    text,
    /^[A-Z_]+: [^\n]+[;:] [a-z][^\n]+\.\n(What to do: [^\n]+\.\n)?$|^[A-Z_]+: [^\n]+\.\nWhat to do: [^\n]+\.\n$/,
  );
  assert(!/\n {4}at /.test(errors), 'no stack is shown');
}

describe('a node in a world that fails', function () {
  this.timeout(300_000);
  let folder: string;
  let manifestFile: string;
  let lonely: Member;
  const invitation = encodeInvitation({ meshId: 'ab'.repeat(32) as Hash, addresses: [NOBODY] });

  before(() => {
    folder = temporaryFolder();
    manifestFile = writeManifest(folder, manifest);
    // It gives up after half a minute, while the others have their turn.
    lonely = found('lonely', { how: [invitation] });
  });
  after(cleanUp);

  function found(name: string, options: Partial<MemberOptions> = {}): Member {
    const digits = { first: 0, count: 100 };
    return joinMesh({ store: join(folder, name), how: ['--manifest', manifestFile], digits, ...options });
  }

  async function endOf({ running }: Member): Promise<Ended> {
    const { status } = await within(running.ended, 'the node ends');
    return { status, errors: running.errors() };
  }

  async function stop(member: Member): Promise<void> {
    member.running.child.kill('SIGTERM');
    assert.equal((await endOf(member)).status, 0);
  }

  it('does not start on a store or a port that is in use, and harms nobody by trying', async () => {
    const first = found('first');
    const { addresses, peerId } = await reached(first, 'it learns', ({ generation }) => generation >= 1);
    assertSays(await run(['join', '--store', first.store]), 'MELDMESH_STORE_LOCKED');
    const listen = addresses[0].replace(/\/p2p\/.*/, '');
    assertSays(await endOf(found('second', { listen })), 'MELDMESH_LISTEN_FAILED');
    assert.equal((await statusOf(first.store))?.peerId, peerId, 'the first one still runs');
    const second = found('second');
    await reached(second, 'the second starts on a free port', ({ generation }) => generation >= 1);
    await Promise.all([first, second].map(stop));
  });

  it('stops on a full disk with all that it had written, and goes on from there when there is room', async () => {
    const full = found('full', { process: { fileKiBMax: 1_500 } });
    assertSays(await endOf(full), 'MELDMESH_STORE_FULL');
    const { head, own, records } = await contentsOf(full.store);
    assert(head !== undefined && own !== undefined && own.generation >= 2, 'it had learnt for a while');
    assert.equal(records.length, own.generation, 'every record is there, and no half of one');
    const published = journalOf(full.store).filter(({ msg }) => msg === 'publish');
    const kept = new Set(records.map(({ id }) => id as string));
    assert(
      published.every(({ id = '' }) => kept.has(id)),
      'all that it had said is on the disk',
    );
    const since = Date.now();
    const member = joinMesh({ store: full.store });
    await reached(member, 'it goes on', ({ generation }) => generation > head.generation + 1);
    const again = journalOf(full.store).filter(({ time }) => time >= since);
    const resumed = again.find(({ msg, generation }) => msg === 'fused' && generation === head.generation);
    assert.equal(resumed?.model, head.model);
    await stop(member);
    const after = await contentsOf(full.store);
    assert.equal(after.records.length, after.own?.generation, 'no generation was signed twice');
  });

  it('says so when nobody of the invitation can be reached, or the invitation was cut short', async () => {
    const store = join(folder, 'cut');
    const cut = await run(['join', invitation.slice(0, -9), '--data', 'mnist', '--store', store]);
    assertSays(cut, 'MELDMESH_INVITATION_CUT');
    assert(!existsSync(store), 'nothing was made');
    assertSays(await endOf(lonely), 'MELDMESH_BOOTSTRAP_UNREACHABLE');
  });
});
