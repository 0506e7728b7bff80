// Anti-entropy between members that have heard different things, and against neighbours who answer badly.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SYNC_DEPTH } from '../../protocols/delta-set/constants.ts';
import {
  decodeSyncRequest,
  encodeRecords,
  encodeWelcome,
  type Head,
  type WantedRecord,
} from '../../protocols/delta-set/messages.ts';
import { type DeltaRecord, encodeDelta, type PeerId, type RecordSet } from '../../protocols/index.ts';
import { hashNamed } from './delta-records.ts';
import { Exchange, ExchangeMember, payload, soundRecord } from './exchange.ts';

const authors = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `author${i}`);
const history = (count: number, generations: number): readonly DeltaRecord[] =>
  Array.from({ length: generations }, (_, i) =>
    authors(count).map((author) => soundRecord(author, i + 1)),
  ).flat();
const idsOf = (set: RecordSet): readonly string[] => [...set.all()].map(({ id }) => id);
const requestsOf = (member: ExchangeMember) => member.requests.map(({ bytes }) => decodeSyncRequest(bytes));
const hellosOf = (member: ExchangeMember) =>
  requestsOf(member).filter((request) => request?.kind === 'hello');
const wantsOf = (member: ExchangeMember) =>
  requestsOf(member).flatMap((request) => (request?.kind === 'want' ? [request.records] : []));

describe('an exchange between two members', () => {
  it('makes their sets equal, whatever each has missed', () => {
    const all = history(5, 6);
    const share = fc.subarray([...all]);
    fc.assert(
      fc.property(share, share, (left, right) => {
        const exchange = new Exchange();
        const anna = new ExchangeMember(exchange, 'anna', { records: left });
        const bert = new ExchangeMember(exchange, 'bert', { records: right });
        anna.sync.joined(bert.id);
        exchange.settle();
        // Bert has seen that digests differ; it says hello as soon as it looks around.
        bert.nowMs = 1;
        bert.sync.tick();
        exchange.settle();
        assert.deepEqual(new Set(idsOf(anna.set)), new Set([...left, ...right].map(({ id }) => id)));
        assert.deepEqual(idsOf(bert.set), idsOf(anna.set));
        assert.deepEqual([...anna.penalties, ...bert.penalties], []);
        assert.equal(anna.exchanges.at(-1), true);
      }),
      { seed: 71, numRuns: 60 },
    );
  });

  it('asks for nothing when the digests are equal', () => {
    const exchange = new Exchange();
    const records = history(3, 4);
    const anna = new ExchangeMember(exchange, 'anna', { records });
    const bert = new ExchangeMember(exchange, 'bert', { records: [...records].reverse() });
    anna.sync.joined(bert.id);
    exchange.settle();
    assert.equal(anna.requests.length, 1);
    assert.equal(bert.requests.length, 0);
    assert.deepEqual(anna.exchanges, [true]);
  });

  it('asks for at most 64 records at a time, the oldest first', () => {
    const exchange = new Exchange();
    const anna = new ExchangeMember(exchange, 'anna');
    const bert = new ExchangeMember(exchange, 'bert', { records: history(30, 6) });
    anna.sync.joined(bert.id);
    exchange.settle();
    const wants = wantsOf(anna);
    assert.deepEqual(
      wants.map(({ length }) => length),
      [64, 64, 52],
    );
    const generations = wants.flat().map(({ generation }) => generation);
    assert.deepEqual(
      generations,
      [...generations].sort((a, b) => a - b),
    );
    assert.equal(idsOf(anna.set).length, 180);
  });

  it('compares everything with a stranger, the last generations with an acquaintance', () => {
    const exchange = new Exchange();
    const records = history(2, 100);
    const anna = new ExchangeMember(exchange, 'anna', { records });
    const bert = new ExchangeMember(exchange, 'bert', { records });
    const firsts = () => hellosOf(anna).map((hello) => hello?.kind === 'hello' && hello.first);
    anna.sync.joined(bert.id);
    exchange.settle();
    anna.nowMs += 10_000;
    anna.sync.tick();
    exchange.settle();
    assert.deepEqual(firsts(), [1, 100 - SYNC_DEPTH]);
    // It says that it stands where we stand with another model: something older must differ.
    bert.head = { ...bert.head, model: hashNamed('another') };
    bert.nowMs += 10_000;
    bert.sync.tick();
    exchange.settle();
    anna.nowMs += 10_000;
    anna.sync.tick();
    exchange.settle();
    assert.deepEqual(firsts().slice(2), [1]);
  });

  it('compares everything again with whom it could not do so to the end', () => {
    const exchange = new Exchange();
    const records = history(2, 100);
    const anna = new ExchangeMember(exchange, 'anna', { records });
    const bert = new ExchangeMember(exchange, 'bert', { records });
    const ahead = soundRecord('author0', 120);
    const answers = [
      () => undefined,
      () => Uint8Array.of(7),
      (bytes: Uint8Array) =>
        decodeSyncRequest(bytes)?.kind === 'hello'
          ? encodeWelcome({ head: bert.head, records: [ahead] })
          : encodeRecords([encodeDelta(ahead, payload)]),
      undefined,
      undefined,
    ];
    for (const [i, answer] of answers.entries()) {
      bert.answer = answer;
      if (i === 0) anna.sync.joined(bert.id);
      else anna.sync.tick();
      exchange.settle();
      anna.nowMs += 10_000;
    }
    assert.deepEqual(anna.refused, ['too-far-ahead']);
    assert.deepEqual(anna.exchanges, [false, false, false, true, true]);
    assert.deepEqual(
      hellosOf(anna).map((hello) => hello?.kind === 'hello' && hello.first),
      [1, 1, 1, 1, 100 - SYNC_DEPTH],
    );
  });

  it('ends with equal sets where authors are too many and sign too often, and asks no more then', () => {
    const all = [100, 101, 102, 103].flatMap((samples) =>
      [1, 2].flatMap((generation) => authors(4).map((author) => soundRecord(author, generation, samples))),
    );
    const share = fc.shuffledSubarray([...all]);
    fc.assert(
      fc.property(share, share, (left, right) => {
        const exchange = new Exchange();
        const anna = new ExchangeMember(exchange, 'anna', { records: left, contributorsMax: 2 });
        const bert = new ExchangeMember(exchange, 'bert', { records: right, contributorsMax: 2 });
        const lookAround = (): void => {
          for (const member of [anna, bert]) {
            member.nowMs += 10_000;
            member.sync.tick();
            exchange.settle();
          }
        };
        anna.sync.joined(bert.id);
        bert.sync.joined(anna.id);
        for (let i = 0; i < 3; i++) lookAround();
        assert.deepEqual(idsOf(anna.set), idsOf(bert.set));
        const wants = [anna, bert].map((member) => wantsOf(member).length);
        lookAround();
        assert.deepEqual(
          [anna, bert].map((member) => wantsOf(member).length),
          wants,
        );
        for (const member of [anna, bert]) {
          assert.deepEqual([member.penalties, member.exchanges.at(-1), member.intake.pending], [[], true, 0]);
          assert(member.set.held(1).length <= 4);
        }
      }),
      { seed: 73, numRuns: 60 },
    );
  });

  it('is whole when all that it brought are records for which there is no room', () => {
    const exchange = new Exchange();
    const [first, second, third] = [100, 101, 102]
      .map((samples) => soundRecord('author0', 1, samples))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const anna = new ExchangeMember(exchange, 'anna', { records: [first, second] });
    const bert = new ExchangeMember(exchange, 'bert', { records: [third] });
    anna.sync.joined(bert.id);
    exchange.settle();
    assert.deepEqual(anna.refused, ['surplus']);
    assert.deepEqual(anna.exchanges, [true]);
    assert.deepEqual(idsOf(anna.set), [first.id, second.id]);
  });

  it('lets large payloads stay behind: the record comes, the payload is pulled', () => {
    const exchange = new Exchange();
    const record = soundRecord('author', 1);
    const anna = new ExchangeMember(exchange, 'anna', { inlineBytes: 4 });
    const bert = new ExchangeMember(exchange, 'bert', { records: [record], inlineBytes: 4 });
    anna.sync.joined(bert.id);
    exchange.settle();
    assert.deepEqual(idsOf(anna.set), [record.id]);
    assert.deepEqual(anna.pulled, [record.payload]);
  });

  it('does not offer, ask for or take what is sealed', () => {
    const exchange = new Exchange();
    const anna = new ExchangeMember(exchange, 'anna');
    anna.set.seal(3);
    const bert = new ExchangeMember(exchange, 'bert', { records: history(2, 5) });
    bert.set.seal(1);
    anna.sync.joined(bert.id);
    bert.sync.joined(anna.id);
    exchange.settle();
    assert.deepEqual(
      [...anna.set.all()].map(({ generation }) => generation),
      [4, 4, 5, 5],
    );
    assert(
      wantsOf(anna)
        .flat()
        .every(({ generation }) => generation > 3),
    );
    assert.deepEqual([...anna.penalties, ...bert.penalties], []);
  });

  it('happens every two seconds at most, and with one neighbour at a time', () => {
    const exchange = new Exchange();
    const anna = new ExchangeMember(exchange, 'anna');
    for (const name of ['bert', 'cleo', 'dora']) new ExchangeMember(exchange, name);
    anna.sync.tick();
    anna.sync.tick();
    assert.equal(anna.requests.length, 1);
    exchange.settle();
    anna.nowMs = 1_999;
    anna.sync.tick();
    assert.equal(anna.requests.length, 1);
    anna.nowMs = 2_000;
    anna.sync.tick();
    assert.equal(anna.requests.length, 2);
  });
});

describe('a neighbour that answers badly', () => {
  /** Anna meets a liar who has these words for a hello and for a want. */
  function meet(words: { hello?: Uint8Array; want?: Uint8Array }): ExchangeMember {
    const exchange = new Exchange();
    const anna = new ExchangeMember(exchange, 'anna', { records: [soundRecord('author', 1)] });
    const liar = new ExchangeMember(exchange, 'liar');
    liar.answer = (request) => (decodeSyncRequest(request)?.kind === 'hello' ? words.hello : words.want);
    anna.sync.joined(liar.id);
    exchange.settle();
    assert.deepEqual(idsOf(anna.set).length, 1);
    assert.equal(anna.intake.pending, 0);
    return anna;
  }

  const head: Head = {
    generation: 1,
    model: hashNamed('model'),
    state: hashNamed('state'),
    samples: 1,
    floor: 0,
    snapshots: [],
  };
  const offer = (records: readonly WantedRecord[]) => encodeWelcome({ head, records });
  const other = soundRecord('other', 2);

  it('is penalised for bytes that are no welcome and no records', () => {
    assert.deepEqual(meet({ hello: Uint8Array.of(1, 2, 3) }).penalties, ['liar malformed-answer']);
    const junk = meet({ hello: offer([other]), want: Uint8Array.of(2, 9) });
    assert.deepEqual(junk.penalties, ['liar malformed-answer']);
  });

  it('is penalised for a record that no correct member would have kept', () => {
    const forged = encodeDelta({ ...other, signature: new Uint8Array(64) }, payload.slice(0, 5));
    const anna = meet({ hello: offer([other]), want: encodeRecords([forged]) });
    assert.deepEqual(anna.penalties, ['liar bad-record']);
    assert.deepEqual(anna.refused, ['payload-size']);
  });

  it('is no liar when it is silent or has nothing, and the exchange is not whole', () => {
    for (const words of [{}, { hello: offer([other]) }, { hello: offer([other]), want: encodeRecords([]) }]) {
      const anna = meet(words);
      assert.deepEqual(anna.penalties, []);
      assert.deepEqual(anna.exchanges, [false]);
    }
  });

  it('cannot keep the asker busy with records that it has', () => {
    const known = soundRecord('author', 1);
    const anna = meet({
      hello: offer([other, { id: hashNamed('nothing'), generation: 1 }]),
      want: encodeRecords([encodeDelta(known, payload), encodeDelta(known, payload)]),
    });
    assert.deepEqual(anna.exchanges, [true]);
    assert.equal(anna.requests.length, 2);
  });
});

describe('a neighbour that asks badly', () => {
  it('gets nothing and is penalised for a malformed request', () => {
    const exchange = new Exchange();
    const anna = new ExchangeMember(exchange, 'anna', { records: history(2, 2) });
    const answers: (Uint8Array | undefined)[] = [];
    for (const bytes of [new Uint8Array(0), Uint8Array.of(3), Uint8Array.of(2, 255, 255, 3)]) {
      anna.sync.serve('liar' as PeerId, bytes, (answer) => answers.push(answer));
    }
    assert.deepEqual(answers, [undefined, undefined, undefined]);
    assert.deepEqual(anna.penalties, Array(3).fill('liar malformed'));
    assert.deepEqual(anna.refused, Array(3).fill('malformed'));
  });
});
