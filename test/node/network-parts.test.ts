// The small parts of the network that need no host: addresses, back-off, rates, penalties.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AddressBook } from '../../node/network/address-book.ts';
import { readAddress } from '../../node/network/addresses.ts';
import {
  ADDRESSES_PER_PEER_MAX,
  KNOWN_PEERS_MAX,
  REDIAL_MAX_MS,
  REFUSAL_REASONS_MAX,
} from '../../node/network/constants.ts';
import { networkNames } from '../../node/network/names.ts';
import { RateLimit } from '../../node/network/rate-limit.ts';
import { Refusals } from '../../node/network/refusals.ts';
import {
  INCIDENT_MS,
  PENALTY_HALF_LIFE_MS,
  type PeerId,
  Penalties,
  REFUSAL_MS,
} from '../../protocols/index.ts';

const self = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N' as PeerId;
const other = 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC' as PeerId;
const tcp = (port: number, peer: string = other): string => `/ip4/127.0.0.1/tcp/${port}/p2p/${peer}`;

describe('an address told by a stranger', () => {
  it('is accepted when it names one host, one TCP port and perhaps a peer', () => {
    for (const text of [
      tcp(4001),
      '/ip6/::1/tcp/1',
      '/dns4/example.org/tcp/443/wss',
      '/dns/example.org/tcp/80/ws',
    ]) {
      assert.ok(readAddress(text) !== undefined, text);
    }
    assert.equal(readAddress(tcp(4001))?.peer, other);
  });

  it('is unreadable when it is a relay, another transport, too long or no address at all', () => {
    const bad = [
      '/ip4/127.0.0.1/udp/4001/quic-v1',
      `${tcp(1)}/p2p-circuit/p2p/${self}`,
      `/dns4/${'a'.repeat(200)}/tcp/1`,
      '/ip4/127.0.0.1/tcp/99999',
      '/ip4/127.0.0.1/tcp/1/p2p/nobody',
      '',
      'http://127.0.0.1',
    ];
    for (const text of bad) assert.equal(readAddress(text), undefined, text);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `/ip4/${text}/tcp/1`),
        ),
        (text) => {
          const read = readAddress(text);
          assert.ok(read === undefined || read.text.startsWith('/'));
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});

describe('the address book', () => {
  it('keeps at most a few addresses of one peer, the newest first, and none of its own', () => {
    const book = new AddressBook(self);
    for (let port = 1; port <= 20; port++) book.learn({ addresses: [tcp(port), tcp(port, self)], nowMs: 0 });
    const [contact, ...more] = book.due(0);
    assert.deepEqual(more, []);
    assert.equal(contact.addresses.length, ADDRESSES_PER_PEER_MAX);
    assert.equal(contact.addresses[0], tcp(20));
  });

  it('waits longer after every failure, up to a limit, and forgets failures at a meeting', () => {
    const book = new AddressBook(self);
    book.learn({ addresses: [tcp(1)], nowMs: 0 });
    const [contact] = book.due(0);
    const waits = Array.from({ length: 12 }, () => {
      book.failed(contact, 1000, 0.5);
      return contact.dialAtMs - 1000;
    });
    assert.deepEqual(waits.slice(0, 4), [500, 1000, 2000, 4000]);
    assert.equal(waits.at(-1), REDIAL_MAX_MS);
    assert.deepEqual(book.due(2000), []);
    book.meet(other, [tcp(2)], 2000);
    assert.deepEqual(book.due(2000), [contact]);
    assert.deepEqual(book.proven(), [tcp(2)], 'its own word on its address replaces hearsay');
  });

  it('stays bounded, and never forgets what the user gave', () => {
    const book = new AddressBook(self);
    book.learn({ addresses: [tcp(1)], nowMs: 0, fixed: true });
    for (let port = 2; port < KNOWN_PEERS_MAX + 200; port++) {
      book.learn({ addresses: [`/ip4/10.0.0.1/tcp/${port}`], nowMs: 0 });
    }
    assert.equal(book.due(0).length, KNOWN_PEERS_MAX);
    assert.deepEqual(book.addressesOf(other), [tcp(1)]);
  });

  it('counts what it could not read', () => {
    assert.equal(new AddressBook(self).learn({ addresses: ['x', tcp(1), '/ip4/1'], nowMs: 0 }), 2);
  });
});

describe('a rate limit', () => {
  it('admits the burst, then the rate, and never more over any span', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(120), { maxLength: 200 }), (gapsMs) => {
        const limit = new RateLimit({ perSecond: 10, burst: 5 });
        const admittedMs: number[] = [];
        let nowMs = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          if (limit.admit('peer', nowMs)) admittedMs.push(nowMs);
        }
        for (let first = 0; first < admittedMs.length; first++) {
          for (let last = first; last < admittedMs.length; last++) {
            assert.ok(last - first + 1 <= 5 + (admittedMs[last] - admittedMs[first]) / 100 + 1e-9);
          }
        }
      }),
      { seed: 11, numRuns: 50 },
    );
  });

  it('keeps peers apart', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 });
    assert.deepEqual(
      ['left', 'left', 'right'].map((key) => limit.admit(key, 5)),
      [true, false, true],
    );
  });
});

describe('penalties', () => {
  it('charge one incident once, refuse at the third and forgive with time', () => {
    let nowMs = 0;
    const penalties = new Penalties(() => nowMs);
    assert.equal(penalties.charge(other, 'garbage'), 'charged');
    assert.equal(penalties.charge(other, 'garbage'), 'same-incident');
    assert.equal(penalties.score(other), -5);
    nowMs += INCIDENT_MS;
    assert.equal(penalties.charge(other, 'garbage'), 'charged');
    assert.equal(penalties.isRefused(other), false);
    assert.equal(penalties.charge(other, 'oversized'), 'refused');
    assert.equal(penalties.isRefused(other), true);
    nowMs += REFUSAL_MS;
    assert.equal(penalties.isRefused(other), false);
    nowMs += 10 * PENALTY_HALF_LIFE_MS;
    assert.ok(penalties.score(other) > -0.1);
    assert.equal(penalties.score(self), 0);
  });
});

describe('the count of refusals', () => {
  it('keeps a bounded number of reasons and loses no count', () => {
    const refusals = new Refusals();
    for (let reason = 0; reason < REFUSAL_REASONS_MAX + 50; reason++) refusals.count(`reason ${reason}`);
    const counts = refusals.counts();
    assert.equal(counts.other, 50);
    assert.equal(
      Object.values(counts).reduce((sum, count) => sum + count, 0),
      REFUSAL_REASONS_MAX + 50,
    );
  });
});

describe('the names of a mesh', () => {
  it('differ in every protocol between meshes', () => {
    const left = networkNames('a1'.repeat(32));
    const right = networkNames('b2'.repeat(32));
    assert.notEqual(left.topic, right.topic);
    assert.notEqual(left.calls.sync, right.calls.sync);
    assert.notEqual(left.peers, right.peers);
    assert.equal(left.calls.blob, '/meldmesh/a1a1a1a1a1a1a1a1/blob/1');
  });
});
