// The published bytes of a small mesh, from its manifest to its fourth generation, made by another implementation.
import assert from 'node:assert/strict';
import { codecNamed, initialWeights, layoutOf } from '../../fusion/index.ts';
import { hashOf } from '../../node/hash.ts';
import { identityFromSeed } from '../../node/identity.ts';
import { createSigner, publicKeyOf } from '../../node/signer.ts';
import {
  decodeRecords,
  decodeSyncRequest,
  decodeWelcome,
  encodeRecords,
  encodeSyncRequest,
  encodeWelcome,
  type Head,
} from '../../protocols/delta-set/messages.ts';
import {
  canonicalBytes,
  createLocalFusion,
  type DeltaRecord,
  decodeDelta,
  decodeInvitation,
  decodeManifest,
  encodeDelta,
  encodeInvitation,
  type Hash,
  initialSeedOf,
  meshIdOf,
  type PortEvent,
  RecordSet,
  type Signer,
  signRecord,
  stateBytes,
} from '../../protocols/index.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeFound,
  encodeList,
  encodeMissing,
  encodeRequest,
} from '../../protocols/transfer/messages.ts';
import { blobHashOf, listOf } from '../../protocols/transfer/rules.ts';
import { fromHex, toHex } from '../fusion/hex.ts';
import { manifestVectors, recordVectors, syncVectors } from './published.ts';

const decoded = decodeManifest(new TextEncoder().encode(manifestVectors.canonical));
assert(decoded.manifest !== undefined, decoded.error);
const { manifest } = decoded;
const meshId = manifestVectors.meshId as Hash;
const layout = layoutOf(manifest.model);
const codec = codecNamed(manifest.codec);
assert(codec !== undefined);

const blobHash = (bytes: Uint8Array): Hash => blobHashOf(listOf(bytes, hashOf), hashOf);
const records: readonly DeltaRecord[] = recordVectors.records.map(({ gossip }) => {
  const message = decodeDelta(fromHex(gossip), hashOf);
  assert(message !== undefined);
  return message.record;
});

function filledSet(contributorsMax = manifest.limits.contributorsMax): RecordSet {
  const { correctionWindow } = manifest.history;
  const set = new RecordSet({ correctionWindow, contributorsMax, hash: hashOf });
  for (const record of records) set.add(record);
  return set;
}

describe('the published manifest', () => {
  it('has this mesh id, these initial weights and this invitation', () => {
    assert.equal(new TextDecoder().decode(canonicalBytes(manifest)), manifestVectors.canonical);
    assert.equal(meshIdOf(manifest, hashOf), meshId);
    assert.equal(initialSeedOf(meshId), manifestVectors.initialSeed);
    assert.equal(
      toHex(initialWeights(manifest.model, initialSeedOf(meshId))),
      manifestVectors.initialWeights,
    );
    const { addresses, invitation } = manifestVectors;
    assert.equal(encodeInvitation({ meshId, addresses }), invitation);
    assert.deepEqual(decodeInvitation(invitation), { meshId, addresses });
  });
});

describe('the published records', () => {
  const signers = new Map<string, Signer>();

  before(async () => {
    for (const { seed, publicKey, peerId } of recordVectors.authors) {
      const identity = await identityFromSeed(fromHex(seed));
      assert.equal(identity.peerId, peerId);
      assert.equal(toHex(publicKeyOf(peerId) ?? new Uint8Array()), publicKey);
      signers.set(peerId, createSigner(identity));
    }
  });

  for (const vector of recordVectors.records) {
    it(`give the bytes, id and signature of ${vector.fields.author} in generation ${vector.fields.generation}`, () => {
      const signer = signers.get(vector.fields.author);
      assert(signer !== undefined);
      const payload = fromHex(vector.payload);
      assert.equal(blobHash(payload), vector.fields.payload);
      assert.equal(codec.check(payload, layout), undefined);
      const record = signRecord(vector.fields, signer);
      assert.equal(toHex(record.header), vector.header);
      assert.equal(record.id, vector.id);
      assert.equal(toHex(record.signature), vector.signature);
      assert.equal(toHex(encodeDelta(record, payload)), vector.gossip);
      assert.equal(toHex(encodeDelta(record, undefined)), vector.gossipWithoutPayload);
      assert.deepEqual(decodeDelta(fromHex(vector.gossip), hashOf), { record, payload });
      assert(signer.verify(record.author, record.header, record.signature));
    });
  }

  it('rank their authors anew in each generation, and only the first has room where there is one', () => {
    const set = filledSet(1);
    const [first, second] = recordVectors.authors;
    for (const [i, ranks] of recordVectors.ranks.entries()) {
      assert.deepEqual(
        set.held(i + 1).map(({ author }) => author),
        [ranks[0] < ranks[1] ? first.peerId : second.peerId],
      );
    }
  });

  it('give the state of every generation, in whatever order they are heard', () => {
    const set = filledSet();
    const payloads = new Map(recordVectors.records.map(({ id, payload }) => [id, fromHex(payload)]));
    const events: PortEvent[] = [];
    const fusion = createLocalFusion({
      layout,
      initial: initialWeights(manifest.model, initialSeedOf(meshId)),
      codec,
      ...manifest.aggregation,
      horizon: manifest.history.horizon,
      hash: hashOf,
      // Nobody reads meanwhile.
      defer: (run) => run(),
      deliver: (event) => events.push(event),
    });
    const generations = [1, 2, 3, 4].map((generation) => ({
      generation,
      parts: set.counted(generation).map(({ id, samples }) => {
        const payload = payloads.get(id);
        assert(payload !== undefined);
        return { id, samples, payload };
      }),
    }));
    assert.deepEqual(
      generations.map(({ parts }) => parts.length),
      [2, 2, 2, 2],
    );
    const initial = hashOf(stateBytes(fusion.model(), fusion.momentum()));
    fusion.fuse({ ticket: 1, rollbackTo: 0, generations });
    const [fused] = events;
    assert(fused?.kind === 'fused');
    assert.deepEqual([initial, ...fused.generations.map(({ state }) => state)], recordVectors.states);
    assert.equal(fused.generations.at(-1)?.model, recordVectors.modelDigest);
    assert.equal(toHex(fusion.model()), recordVectors.model);
    assert.equal(toHex(fusion.momentum()), recordVectors.momentum);
  });
});

describe('the published sync messages', () => {
  const set = filledSet();
  const head: Head = {
    generation: 4,
    model: recordVectors.modelDigest as Hash,
    state: recordVectors.states[4] as Hash,
    samples: 800,
    floor: 0,
    snapshots: [],
  };
  const snapshot = fromHex(syncVectors.snapshot);
  const ids = set.held(1).map(({ id, generation }) => ({ id, generation }));

  it('ask by set digests and answer with ids', () => {
    const digests = [1, 2, 3, 4, 5].map((generation) => set.digest(generation));
    assert.deepEqual(digests, [...syncVectors.digests, '']);
    const hello = { kind: 'hello' as const, head, first: 1, digests };
    assert.equal(toHex(encodeSyncRequest(hello)), syncVectors.hello);
    assert.deepEqual(decodeSyncRequest(fromHex(syncVectors.hello)), hello);
    const name = { generation: 4, state: head.state, blob: blobHash(snapshot), weight: 5_610 };
    const welcome = { head: { ...head, snapshots: [name] }, records: ids };
    assert.equal(toHex(encodeWelcome(welcome)), syncVectors.welcome);
    assert.deepEqual(decodeWelcome(fromHex(syncVectors.welcome)), welcome);
  });

  it('bring the records that were asked for', () => {
    const want = { kind: 'want' as const, records: ids };
    assert.equal(toHex(encodeSyncRequest(want)), syncVectors.want);
    assert.deepEqual(decodeSyncRequest(fromHex(syncVectors.want)), want);
    const gossip = new Map(recordVectors.records.map((vector) => [vector.id, fromHex(vector.gossip)]));
    const deltas = ids.map(({ id }) => gossip.get(id) ?? new Uint8Array());
    assert.equal(toHex(encodeRecords(deltas)), syncVectors.records);
    assert.deepEqual(decodeRecords(fromHex(syncVectors.records))?.map(toHex), deltas.map(toHex));
  });

  it('pull a state as a blob', () => {
    const blob = syncVectors.snapshotBlob as Hash;
    assert.equal(blobHash(snapshot), blob);
    assert.equal(hashOf(snapshot), recordVectors.states[4]);
    assert.equal(toHex(encodeRequest({ kind: 'list', hash: blob })), syncVectors.listRequest);
    assert.equal(toHex(encodeFound(encodeList(listOf(snapshot, hashOf)))), syncVectors.listResponse);
    assert.equal(toHex(encodeRequest({ kind: 'chunk', hash: hashOf(snapshot) })), syncVectors.chunkRequest);
    assert.equal(toHex(encodeFound(snapshot)), syncVectors.chunkResponse);
    assert.equal(toHex(encodeMissing()), syncVectors.missing);
    assert.deepEqual(decodeRequest(fromHex(syncVectors.listRequest)), { kind: 'list', hash: blob });
    assert.deepEqual(decodeResponse(fromHex(syncVectors.chunkResponse)), { status: 'found', body: snapshot });
  });
});
