// What every `Store` promises, whatever it is made of. Run on LevelDB and on the simulated disk.
import assert from 'node:assert/strict';
import type { PortEvent, Store, StoreWrite } from '../../protocols/index.ts';

/** One opened store of the kind under test. */
export interface StoreUnderTest {
  port(deliver: (event: PortEvent) => void): Store;
  /** Close in order and open again: everything answered is there. */
  reopen(): Promise<StoreUnderTest>;
  close(): Promise<void>;
}

/** Asks a port as a machine does and awaits the answer. */
export class StoreAsker {
  readonly #store: Store;
  readonly #waiting = new Map<number, (event: PortEvent) => void>();
  readonly order: number[] = [];
  #ticket = 0;
  #isAsking = false;

  constructor(open: (deliver: (event: PortEvent) => void) => Store) {
    this.#store = open((event) => {
      assert(!this.#isAsking, 'an answer came from inside the call');
      assert('ticket' in event);
      this.order.push(event.ticket);
      const settle = this.#waiting.get(event.ticket);
      assert(settle !== undefined, 'every question is answered once');
      this.#waiting.delete(event.ticket);
      settle(event);
    });
  }

  write(batch: readonly StoreWrite[], sync = false): Promise<PortEvent> {
    return this.#ask((ticket) => this.#store.write(batch, sync, ticket));
  }

  read(...keys: string[]): Promise<PortEvent> {
    return this.#ask((ticket) => this.#store.read(keys, ticket));
  }

  scan(prefix: string, entriesMax: number): Promise<PortEvent> {
    return this.#ask((ticket) => this.#store.scan(prefix, entriesMax, ticket));
  }

  #ask(call: (ticket: number) => void): Promise<PortEvent> {
    const ticket = ++this.#ticket;
    const answer = new Promise<PortEvent>((resolve) => this.#waiting.set(ticket, resolve));
    this.#isAsking = true;
    call(ticket);
    this.#isAsking = false;
    return answer;
  }
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

function valuesOf(event: PortEvent): readonly (readonly number[] | undefined)[] {
  assert(event.kind === 'read' && event.error === undefined);
  return event.values.map((value) => value && [...value]);
}

/** Registers the suite. `make` gives a fresh empty store. */
export function storeContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the store contract: ${name}`, () => {
    let store: StoreUnderTest;
    let asker: StoreAsker;
    beforeEach(async () => {
      store = await make();
      asker = new StoreAsker((deliver) => store.port(deliver));
    });
    afterEach(() => store.close());

    it('answers a read in the order of its keys, with undefined for what is not there', async () => {
      await asker.write([
        { key: 'b', value: bytes(2) },
        { key: 'a', value: bytes(1) },
        { key: 'empty', value: bytes() },
      ]);
      const values = valuesOf(await asker.read('a', 'missing', 'empty', 'b', 'a'));
      assert.deepEqual(values, [[1], undefined, [], [2], [1]]);
    });

    it('shows a read every write that was asked for before it, answered or not', async () => {
      const writes = [1, 2, 3].map((value) => asker.write([{ key: 'k', value: bytes(value) }]));
      const seen = asker.read('k');
      const gone = asker.write([{ key: 'k', value: undefined }]);
      const after = asker.read('k');
      assert.deepEqual(valuesOf(await seen), [[3]]);
      assert.deepEqual(valuesOf(await after), [undefined]);
      await Promise.all([...writes, gone]);
    });

    it('keeps the order of writes, whatever their size and sync', async () => {
      const pending: Promise<PortEvent>[] = [];
      for (let round = 0; round < 50; round++) {
        const value = new Uint8Array(round % 2 === 0 ? 300_000 : 1).fill(round);
        pending.push(asker.write([{ key: `k${round % 3}`, value }], round % 7 === 0));
      }
      await Promise.all(pending);
      assert.deepEqual(
        asker.order,
        [...asker.order].sort((a, b) => a - b),
      );
      store = await store.reopen();
      asker = new StoreAsker((deliver) => store.port(deliver));
      const values = valuesOf(await asker.read('k0', 'k1', 'k2'));
      assert.deepEqual(
        values.map((value) => value?.[0]),
        [48, 49, 47],
      );
    });

    it('takes the bytes as they are at the call, and gives bytes that may be kept', async () => {
      const value = bytes(1, 2, 3);
      const written = asker.write([{ key: 'k', value }]);
      value.fill(9);
      await written;
      const first = await asker.read('k');
      assert.deepEqual(valuesOf(first), [[1, 2, 3]]);
      assert(first.kind === 'read');
      // A Buffer's `slice` would not copy.
      assert.equal(first.values[0]?.constructor, Uint8Array);
      first.values[0]?.fill(7);
      assert.deepEqual(valuesOf(await asker.read('k')), [[1, 2, 3]]);
    });

    it('within a batch lets the last write of a key win', async () => {
      await asker.write([
        { key: 'k', value: bytes(1) },
        { key: 'k', value: undefined },
        { key: 'k', value: bytes(2) },
        { key: 'l', value: bytes(1) },
        { key: 'l', value: undefined },
      ]);
      assert.deepEqual(valuesOf(await asker.read('k', 'l')), [[2], undefined]);
    });

    it('scans a prefix in the order of keys, up to a limit, and nothing beside it', async () => {
      const keys = ['a/2', 'b/1', 'a/1', 'a', 'a0', 'a/10'];
      void asker.write(keys.map((key, index) => ({ key, value: bytes(index) })));
      const all = await asker.scan('a/', 10);
      assert(all.kind === 'scanned' && all.error === undefined);
      assert.deepEqual(
        all.entries.map(({ key, value }) => [key, ...value]),
        [
          ['a/1', 2],
          ['a/10', 5],
          ['a/2', 0],
        ],
      );
      const some = await asker.scan('a/', 2);
      assert(some.kind === 'scanned');
      assert.deepEqual(
        some.entries.map(({ key }) => key),
        ['a/1', 'a/10'],
      );
    });

    it('serves two machines with one set of keys and separate tickets', async () => {
      const other = new StoreAsker((deliver) => store.port(deliver));
      await asker.write([{ key: 'k', value: bytes(5) }]);
      assert.deepEqual(valuesOf(await other.read('k')), [[5]]);
    });

    it('has after a reopening all that was answered', async () => {
      await asker.write([{ key: 'k', value: bytes(5) }], true);
      await asker.write([{ key: 'l', value: bytes(6) }]);
      store = await store.reopen();
      asker = new StoreAsker((deliver) => store.port(deliver));
      assert.deepEqual(valuesOf(await asker.read('k', 'l')), [[5], [6]]);
    });
  });
}
