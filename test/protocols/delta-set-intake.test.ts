// The door for records of others: each kind of bad message gets its reason, and leaves nothing behind.
import assert from 'node:assert/strict';
import { GOSSIP_BYTES_MAX, PENDING_MAX, VOTE_BYTES } from '../../protocols/delta-set/constants.ts';
import type { Context } from '../../protocols/delta-set/context.ts';
import { Intake } from '../../protocols/delta-set/intake.ts';
import { recordKey } from '../../protocols/delta-set/store-layout.ts';
import {
  type DeltaRecord,
  encodeDelta,
  type PeerId,
  type RecordFields,
  signRecord,
} from '../../protocols/index.ts';
import { fakeSigner, hashNamed } from './delta-records.ts';
import { Exchange, ExchangeMember, manifest, payload, soundRecord } from './exchange.ts';

const peer = 'peer' as PeerId;
const { limits } = manifest;

/** A sound record with something else in it. */
function odd(fields: Partial<RecordFields>): DeltaRecord {
  const { votes, header: _h, signature: _s, id: _i, ...rest } = soundRecord('author', 5);
  return signRecord({ ...rest, votes: [...votes], ...fields }, fakeSigner);
}

interface DoorSketch {
  readonly changes?: Partial<Context>;
  readonly newestQuorum?: number;
  readonly contributorsMax?: number;
}

function door(options: DoorSketch = {}) {
  const exchange = new Exchange();
  const member = new ExchangeMember(exchange, 'anna', { contributorsMax: options.contributorsMax });
  const added: DeltaRecord[] = [];
  const evicted: DeltaRecord[] = [];
  const intake = new Intake(
    { ...member.context, ...options.changes },
    {
      newestQuorum: () => options.newestQuorum ?? 4,
      added: (record) => added.push(record),
      evicted: (records) => evicted.push(...records),
    },
  );
  const receive = (bytes: Uint8Array) => intake.receive(peer, bytes);
  return { exchange, member, added, evicted, intake, receive };
}

describe('the door', () => {
  it('lets a sound record in, once', () => {
    const { exchange, member, added, intake, receive } = door();
    const record = soundRecord('author', 5);
    assert.deepEqual(receive(encodeDelta(record, payload)), { act: 'accept' });
    assert(intake.isPending(record.id));
    assert.deepEqual(receive(encodeDelta(record, payload)), { act: 'ignore', reason: 'duplicate' });
    exchange.settle();
    assert.deepEqual(added, [record]);
    assert.deepEqual(member.set.get(record.id, 5), record);
    assert.deepEqual(member.context.payloads.get(record.payload), payload);
    assert.equal(intake.pending, 0);
    assert.deepEqual(receive(encodeDelta(record, payload)), { act: 'ignore', reason: 'duplicate' });
  });

  const nonsense = new Uint8Array(payload.length).fill(0xff);
  const { blobs } = new ExchangeMember(new Exchange(), 'x').context.ports;
  const vote = '0123456789abcdef'.repeat(VOTE_BYTES / 8);
  const manyVotes = (count: number) =>
    Array.from({ length: count }, (_, i) => i.toString(16).padStart(2 * VOTE_BYTES, '0'));
  const cases: readonly [string, 'ignore' | 'reject', string, Uint8Array][] = [
    ['nothing', 'reject', 'malformed', new Uint8Array(0)],
    ['garbage', 'reject', 'malformed', new Uint8Array(300).fill(7)],
    ['too much', 'reject', 'oversized', new Uint8Array(GOSSIP_BYTES_MAX + 1)],
    ['half a message', 'reject', 'malformed', encodeDelta(odd({}), payload).slice(0, 150)],
    ['another mesh', 'reject', 'wrong-mesh', encodeDelta(odd({ mesh: hashNamed('x') }), payload)],
    ['no samples', 'reject', 'samples', encodeDelta(odd({ samples: 0 }), payload)],
    ['too many samples', 'reject', 'samples', encodeDelta(odd({ samples: limits.samplesMax + 1 }), payload)],
    ['another codec', 'reject', 'codec', encodeDelta(odd({ codec: 'int8' }), payload)],
    [
      'a payload too large for its codec',
      'reject',
      'payload-size',
      encodeDelta(odd({ payloadBytes: 5_000 }), undefined),
    ],
    ['a payload that was left out', 'reject', 'payload-size', encodeDelta(odd({}), undefined)],
    ['a payload of another length', 'reject', 'payload-size', encodeDelta(odd({}), payload.slice(1))],
    [
      'votes where there is nothing to vote on',
      'reject',
      'votes',
      encodeDelta(odd({ generation: 3, baseGeneration: 2, votes: [vote] }), payload),
    ],
    [
      'more votes than there can be records',
      'reject',
      'votes',
      encodeDelta(odd({ votes: manyVotes(2 * limits.contributorsMax + 1) }), payload),
    ],
    ['a generation far ahead', 'ignore', 'too-far-ahead', encodeDelta(odd({ generation: 13 }), payload)],
    ['another payload', 'reject', 'payload-hash', encodeDelta(odd({}), nonsense)],
    [
      'a payload that its codec refuses',
      'reject',
      'payload',
      encodeDelta(odd({ payload: blobs.hashOf(nonsense) }), nonsense),
    ],
  ];
  for (const [what, act, reason, bytes] of cases) {
    it(`turns ${what} away as ${reason}; nothing is kept, and it is counted`, () => {
      const { exchange, member, added, intake, receive } = door();
      assert.deepEqual(receive(bytes), { act, reason });
      exchange.settle();
      assert.deepEqual([added.length, intake.pending, [...member.set.all()].length], [0, 0, 0]);
      assert.deepEqual(member.refused, [reason]);
    });
  }

  it('takes as many votes as there can be records', () => {
    const votes = manyVotes(2 * limits.contributorsMax);
    assert.deepEqual(door().receive(encodeDelta(odd({ votes }), payload)), { act: 'accept' });
  });

  it('turns strangers away where the members are named', () => {
    const member = new ExchangeMember(new Exchange(), 'anna');
    const named = { ...manifest, members: ['author'] };
    const { receive } = door({ changes: { manifest: named } });
    assert.equal(receive(encodeDelta(soundRecord('author', 5), payload)).act, 'accept');
    assert.deepEqual(receive(encodeDelta(soundRecord('else', 5), payload)), {
      act: 'reject',
      reason: 'not-admitted',
    });
    assert.equal(member.set.top, 0);
  });

  it('turns a bad signature away after everything that is cheaper to see', () => {
    let verified = 0;
    const { ports } = new ExchangeMember(new Exchange(), 'x').context;
    const signer = {
      ...ports.signer,
      verify: () => {
        verified += 1;
        return false;
      },
    };
    const { receive } = door({ changes: { ports: { ...ports, signer } } });
    assert.deepEqual(receive(encodeDelta(odd({ codec: 'int8' }), payload)), {
      act: 'reject',
      reason: 'codec',
    });
    assert.equal(verified, 0);
    const bad = receive(encodeDelta(odd({}), payload));
    assert.deepEqual(bad, { act: 'reject', reason: 'bad-signature' });
    assert.equal(verified, 1);
  });

  it('ignores what is sealed', () => {
    const { member, receive } = door();
    member.set.seal(5);
    assert.deepEqual(receive(encodeDelta(odd({}), payload)), { act: 'ignore', reason: 'sealed' });
  });

  it('ignores what the set has no room for, and lets go of what a better record pushes out', () => {
    const { exchange, member, added, evicted, receive } = door({ contributorsMax: 2 });
    const ranked = ['a', 'b', 'c', 'd'].sort((a, b) => (hashNamed(`5 ${a}`) < hashNamed(`5 ${b}`) ? -1 : 1));
    const records = ranked.map((author) => soundRecord(author, 5));
    const deliver = (i: number) => receive(encodeDelta(records[i], payload));
    for (const i of [1, 2]) assert.equal(deliver(i).act, 'accept');
    exchange.settle();
    assert.deepEqual(deliver(3), { act: 'ignore', reason: 'surplus' });
    assert.equal(deliver(0).act, 'accept');
    exchange.settle();
    assert.deepEqual(added, [records[1], records[2], records[0]]);
    assert.deepEqual(evicted, [records[2]]);
    assert.deepEqual(member.rows(), [recordKey(5, records[0].id), recordKey(5, records[1].id)].sort());
    assert.deepEqual(deliver(2), { act: 'ignore', reason: 'surplus' });
  });

  it('leaves no row of a record that became one too many while it was written', () => {
    const { exchange, member, added, evicted, intake, receive } = door();
    const signed = [100, 101, 102].map((samples) => soundRecord('author', 5, samples));
    const [first, second, third] = [...signed].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const record of [third, second, first]) {
      assert.equal(receive(encodeDelta(record, payload)).act, 'accept');
    }
    exchange.settle();
    assert.deepEqual(added, [third, second, first]);
    assert.deepEqual(evicted, [third]);
    assert.deepEqual(member.rows(), [recordKey(5, first.id), recordKey(5, second.id)]);
    assert.equal(intake.pending, 0);
    const other = door();
    for (const record of [first, third, second]) other.receive(encodeDelta(record, payload));
    other.exchange.settle();
    assert.deepEqual(other.member.rows(), [recordKey(5, first.id), recordKey(5, second.id)]);
    const late = door();
    for (const record of [first, second, third]) late.receive(encodeDelta(record, payload));
    late.exchange.settle();
    assert.deepEqual(late.added, [first, second]);
    assert.deepEqual([late.evicted, late.member.refused], [[third], ['surplus']]);
    assert.deepEqual(late.member.rows(), [recordKey(5, first.id), recordKey(5, second.id)]);
  });

  it('takes so many at a time and no more, and more when these are kept', () => {
    const { exchange, receive } = door();
    const message = (i: number) => encodeDelta(soundRecord(`a${i}`, (i % 8) + 4), payload);
    for (let i = 0; i < PENDING_MAX; i++) assert.equal(receive(message(i)).act, 'accept');
    assert.deepEqual(receive(message(PENDING_MAX)), { act: 'ignore', reason: 'busy' });
    exchange.settle();
    assert.equal(receive(message(PENDING_MAX)).act, 'accept');
  });

  it('drops a record whose payload nobody has, and one whose write fails', () => {
    for (const fault of ['blob', 'write'] as const) {
      const { exchange, member, added, intake, receive } = door();
      const { ports, tickets } = member.context;
      const failing = (event: Parameters<typeof tickets.resolve>[0]) =>
        exchange.defer(() => tickets.resolve(event));
      if (fault === 'blob') {
        Object.assign(ports.blobs, {
          fetch: (hash: never, _max: number, _from: never, ticket: number) =>
            failing({ kind: 'blob', ticket, hash, bytes: undefined, error: 'nobody has it' }),
        });
      } else {
        Object.assign(ports.store, {
          write: (_batch: never, _sync: never, ticket: number) =>
            failing({ kind: 'written', ticket, error: 'disk full' }),
        });
      }
      Object.assign(member.context.manifest.limits, {
        inlineBytes: fault === 'blob' ? 4 : limits.inlineBytes,
      });
      const record = soundRecord('author', 5);
      const sent = fault === 'blob' ? undefined : payload;
      assert.equal(receive(encodeDelta(record, sent)).act, 'accept');
      exchange.settle();
      assert.deepEqual([added.length, intake.pending], [0, 0]);
      assert.deepEqual(member.refused, [fault === 'blob' ? 'payload-unavailable' : 'store']);
    }
  });

  it('does not listen to a word that was empty, for a moment at first and longer each time', () => {
    const { exchange, member, receive } = door();
    const { ports, tickets } = member.context;
    const failing = (_hash: never, _max: number, _from: never, ticket: number): void =>
      exchange.defer(() =>
        tickets.resolve({ kind: 'blob', ticket, hash: _hash, bytes: undefined, error: 'nobody has it' }),
      );
    Object.assign(ports.blobs, { fetch: failing });
    Object.assign(member.context.manifest.limits, { inlineBytes: 4 });
    const word = encodeDelta(soundRecord('author', 5), undefined);
    for (const forMs of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      assert.equal(receive(word).act, 'accept');
      exchange.settle();
      member.nowMs += forMs - 1;
      assert.deepEqual(receive(word), { act: 'ignore', reason: 'unavailable' });
      member.nowMs += 1;
    }
    assert.equal(receive(word).act, 'accept');
  });
});
