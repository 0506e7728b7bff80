// The door for records of others: each kind of bad message gets its reason, and leaves nothing behind.
import assert from 'node:assert/strict';
import { GOSSIP_BYTES_MAX, PENDING_MAX } from '../../protocols/delta-set/constants.ts';
import type { Context } from '../../protocols/delta-set/context.ts';
import { Intake } from '../../protocols/delta-set/intake.ts';
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

function door(options: { readonly changes?: Partial<Context>; readonly newestQuorum?: number } = {}) {
  const exchange = new Exchange();
  const member = new ExchangeMember(exchange, 'anna');
  const added: DeltaRecord[] = [];
  const intake = new Intake(
    { ...member.context, ...options.changes },
    { newestQuorum: () => options.newestQuorum ?? 4, added: (record) => added.push(record) },
  );
  const receive = (bytes: Uint8Array) => intake.receive(peer, bytes);
  return { exchange, member, added, intake, receive };
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
  const vote = '0123456789abcdef';
  const cases: readonly [string, 'ignore' | 'reject', string, Uint8Array][] = [
    ['nothing', 'reject', 'malformed', new Uint8Array(0)],
    ['garbage', 'reject', 'malformed', new Uint8Array(300).fill(7)],
    ['too much', 'reject', 'oversized', new Uint8Array(GOSSIP_BYTES_MAX + 1)],
    ['half a message', 'reject', 'malformed', encodeDelta(odd({}), payload).slice(0, 200)],
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
});
