// What every `Blobs` promises. Run on the transfer machine over simulated ports and over real ones.
import assert from 'node:assert/strict';
import type { Blobs, Hash, PeerId, PortEvent, StoreWrite } from '../../protocols/index.ts';

export type BlobAnswer = PortEvent & { readonly kind: 'blob' };

export interface BlobMember {
  readonly id: PeerId;
  readonly port: Blobs;
  /** Puts writes of `writesFor` into this member's store. */
  keep(batch: readonly StoreWrite[]): Promise<void>;
}

export interface BlobWorld {
  /** Members that are connected; `deliver` gets their answers. */
  open(count: number, deliver: (member: number, event: BlobAnswer) => void): Promise<readonly BlobMember[]>;
  /** Lets time pass until this holds; rejects with the text when it does not hold in reasonable time. */
  until(condition: () => boolean, text: string): Promise<void>;
  close(): Promise<void>;
}

const BYTES_MAX = 2 ** 20;
/** Three chunks, the last one not full. */
const SIZE = 600_000;

function bytesOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => Math.imul(index, 2_654_435_761) >>> 24);
}

/** Asks members as machines do. */
class BlobAsker {
  readonly #world: BlobWorld;
  readonly #answers = new Map<string, BlobAnswer>();
  #ticket = 0;
  #isAsking = false;

  constructor(world: BlobWorld) {
    this.#world = world;
  }

  async open(count: number): Promise<readonly BlobMember[]> {
    return await this.#world.open(count, (member, event) => {
      assert(!this.#isAsking, 'an answer came from inside the call');
      const key = `${member} ${event.ticket}`;
      assert(!this.#answers.has(key), 'a fetch is answered once');
      this.#answers.set(key, event);
    });
  }

  async fetch(
    members: readonly BlobMember[],
    who: number,
    wish: { readonly hash: Hash; readonly from: readonly PeerId[]; readonly bytesMax?: number },
  ): Promise<BlobAnswer> {
    const ticket = ++this.#ticket;
    this.#isAsking = true;
    members[who].port.fetch(wish.hash, wish.bytesMax ?? BYTES_MAX, wish.from, ticket);
    this.#isAsking = false;
    const key = `${who} ${ticket}`;
    await this.#world.until(() => this.#answers.has(key), 'the fetch is answered');
    const answer = this.#answers.get(key) ?? assert.fail();
    assert.equal(answer.hash, wish.hash);
    return answer;
  }
}

function assertBytes(answer: BlobAnswer, expected: Uint8Array): void {
  assert.equal(answer.error, undefined);
  assert(answer.bytes !== undefined && Buffer.from(answer.bytes).equals(expected), 'other bytes came');
}

function assertNone(answer: BlobAnswer, reason: RegExp): void {
  assert.equal(answer.bytes, undefined);
  assert.match(answer.error ?? '', reason);
}

/** Registers the suite. */
export function blobsContract(name: string, make: () => BlobWorld): void {
  describe(`the blobs contract: ${name}`, () => {
    let world: BlobWorld;
    let asker: BlobAsker;
    beforeEach(() => {
      world = make();
      asker = new BlobAsker(world);
    });
    afterEach(() => world.close());

    it('finds what was written in its own store, of any size', async () => {
      const members = await asker.open(1);
      for (const size of [0, 1, SIZE]) {
        const bytes = bytesOf(size);
        const { hash, batch } = members[0].port.writesFor(bytes);
        assert.equal(members[0].port.hashOf(bytes), hash);
        assertNone(await asker.fetch(members, 0, { hash, from: [] }), /not stored/);
        await members[0].keep(batch);
        assertBytes(await asker.fetch(members, 0, { hash, from: [] }), bytes);
      }
    });

    it('has nothing until all writes are there: the list is the last of them', async () => {
      const members = await asker.open(1);
      const { hash, batch } = members[0].port.writesFor(bytesOf(SIZE));
      await members[0].keep(batch.slice(0, -1));
      assertNone(await asker.fetch(members, 0, { hash, from: [] }), /not stored/);
    });

    it('pulls from a peer, and has it in its own store with the answer', async () => {
      const members = await asker.open(2);
      const bytes = bytesOf(SIZE);
      const { hash, batch } = members[1].port.writesFor(bytes);
      await members[1].keep(batch);
      assertNone(await asker.fetch(members, 0, { hash, from: [] }), /not stored/);
      assertBytes(await asker.fetch(members, 0, { hash, from: [members[1].id] }), bytes);
      assertBytes(await asker.fetch(members, 0, { hash, from: [] }), bytes);
    });

    it('finds it at another peer than the one that was named', async () => {
      const members = await asker.open(3);
      const bytes = bytesOf(5_000);
      const { hash, batch } = members[2].port.writesFor(bytes);
      await members[2].keep(batch);
      assertBytes(await asker.fetch(members, 0, { hash, from: [members[1].id] }), bytes);
    });

    it('answers with a reason when nobody has it, and when it is larger than was asked for', async () => {
      const members = await asker.open(2);
      const { hash, batch } = members[1].port.writesFor(bytesOf(SIZE));
      const from = [members[1].id];
      assertNone(await asker.fetch(members, 0, { hash, from }), /nobody has it/);
      await members[1].keep(batch);
      assertNone(await asker.fetch(members, 0, { hash, from, bytesMax: SIZE - 1 }), /too large/);
    });
  });
}
