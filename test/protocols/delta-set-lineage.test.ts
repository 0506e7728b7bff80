// Models from elsewhere at the door: which meshes let a record speak by the dense codec, and what is still refused.
import assert from 'node:assert/strict';
import { codecNamed, createRandom, layoutOf } from '../../fusion/index.ts';
import { hashOf } from '../../node/hash.ts';
import type { Context } from '../../protocols/delta-set/context.ts';
import { Intake } from '../../protocols/delta-set/intake.ts';
import {
  admitsForeign,
  admittedCodecs,
  type DeltaRecord,
  encodeDelta,
  FOREIGN_CODEC,
  type Hash,
  type Lineage,
  lineageOf,
  meshIdOf,
  type PeerId,
  parseManifestConfig,
  type RecordFields,
  signRecord,
} from '../../protocols/index.ts';
import { fakeSigner } from './delta-records.ts';
import { Exchange, ExchangeMember, manifest, soundRecord } from './exchange.ts';

const layout = layoutOf(manifest.model);
const dense = codecNamed(FOREIGN_CODEC) ?? assert.fail('no such codec');
const delta = Float32Array.from({ length: layout.size }, (_, i) => Math.sin(i));
const payload = dense.encode(delta, layout, createRandom('delta'));
const LINEAGES: readonly Lineage[] = ['shared', 'adopt', 'align', 'naive'];

function door(lineage: Lineage | undefined, limits: Partial<typeof manifest.limits> = {}) {
  const exchange = new Exchange();
  const member = new ExchangeMember(exchange, 'anna');
  const own = { ...manifest, lineage, limits: { ...manifest.limits, ...limits } };
  const context: Context = { ...member.context, manifest: own, codecs: admittedCodecs(own) };
  const added: DeltaRecord[] = [];
  const intake = new Intake(context, {
    newestQuorum: () => 4,
    added: (record) => added.push(record),
    evicted: () => {},
  });
  const receive = (bytes: Uint8Array) => intake.receive('peer' as PeerId, bytes);
  return { exchange, member, added, receive };
}

/** A record of the author's with this payload. */
function foreign(bytes: Uint8Array, fields: Partial<RecordFields> = {}): DeltaRecord {
  const { votes, header: _h, signature: _s, id: _i, ...rest } = soundRecord('author', 5);
  const { blobs } = new ExchangeMember(new Exchange(), 'x').context.ports;
  const own = { codec: FOREIGN_CODEC, payload: blobs.hashOf(bytes), payloadBytes: bytes.length };
  return signRecord({ ...rest, ...own, votes: [...votes], ...fields }, fakeSigner);
}

describe('a record that brings a model from elsewhere', () => {
  for (const lineage of [undefined, ...LINEAGES]) {
    const isAdmitted = lineage === 'align' || lineage === 'naive';
    it(`is ${isAdmitted ? 'let in' : 'turned away as codec'} where the lineage is ${lineage ?? 'not said'}`, () => {
      const { exchange, added, receive } = door(lineage);
      const record = foreign(payload);
      const verdict = receive(encodeDelta(record, payload));
      exchange.settle();
      if (isAdmitted) assert.deepEqual([verdict.act, added], ['accept', [record]]);
      else assert.deepEqual([verdict, added], [{ act: 'reject', reason: 'codec' }, []]);
      assert.equal(admitsForeign({ lineage }), isAdmitted);
    });
  }

  it('has no third codec, however the mesh treats models from elsewhere', () => {
    for (const lineage of LINEAGES) {
      const verdict = door(lineage).receive(encodeDelta(foreign(payload, { codec: 'float32' }), payload));
      assert.deepEqual(verdict, { act: 'reject', reason: 'codec' });
    }
  });

  it('is measured and checked by its own codec, not by the mesh’s', () => {
    const { receive } = door('align');
    const tooLong = foreign(payload, { payloadBytes: payload.length + 1 });
    assert.deepEqual(receive(encodeDelta(tooLong, undefined)), { act: 'reject', reason: 'payload-size' });
    const broken = payload.slice().fill(0x80, 4);
    assert.deepEqual(receive(encodeDelta(foreign(broken), broken)), { act: 'reject', reason: 'payload' });
    const sparse = soundRecord('else', 5);
    const mixed = foreign(payload, { codec: sparse.codec });
    assert.equal(receive(encodeDelta(mixed, payload)).act, 'reject');
  });

  it('is pulled by its hash where it is large, and refused then too when the bytes are not of its codec', () => {
    for (const [bytes, isSound] of [
      [payload, true],
      [payload.slice().fill(0x80, 4), false],
    ] as const) {
      const { exchange, member, added, receive } = door('align', { inlineBytes: 4 });
      const { tickets, ports } = member.context;
      Object.assign(ports.blobs, {
        fetch: (hash: Hash, _max: number, _from: readonly PeerId[], ticket: number) =>
          exchange.defer(() => tickets.resolve({ kind: 'blob', ticket, hash, bytes, error: undefined })),
      });
      assert.equal(receive(encodeDelta(foreign(bytes), undefined)).act, 'accept');
      exchange.settle();
      assert.equal(added.length, isSound ? 1 : 0);
      assert.deepEqual(member.refused, isSound ? [] : ['payload']);
    }
  });
});

describe('the lineage of a manifest', () => {
  const config = { model: 'mlp:256', data: { inputs: 784, classes: 10, scale: 255 } };

  it('is `shared` where nothing is said, and then the mesh is the one that it was', () => {
    const { manifest: silent } = parseManifestConfig(config);
    assert(silent !== undefined);
    assert.equal(lineageOf(silent), 'shared');
    assert(!('lineage' in silent));
    for (const lineage of LINEAGES) {
      const { manifest: said } = parseManifestConfig({ ...config, lineage });
      assert(said !== undefined);
      assert.equal(lineageOf(said), lineage);
      assert.notEqual(meshIdOf(said, hashOf), meshIdOf(silent, hashOf));
    }
  });

  it('is one of four words', () => {
    const { problems } = parseManifestConfig({ ...config, lineage: 'copy' });
    assert.match(problems?.join() ?? '', /lineage/);
  });

  it('asks for room for a dense payload where one may come', () => {
    const limits = { payloadBytes: 100_000 };
    assert(parseManifestConfig({ ...config, limits }).manifest !== undefined);
    assert(parseManifestConfig({ ...config, limits, lineage: 'adopt' }).manifest !== undefined);
    for (const lineage of ['align', 'naive']) {
      const { problems } = parseManifestConfig({ ...config, limits, lineage });
      assert.match(problems?.join() ?? '', /limits\.payloadBytes is below the 204326 bytes/);
    }
  });

  it('names the door’s codecs: the mesh’s, and the dense one where models come in', () => {
    for (const lineage of LINEAGES) {
      const codecs = admittedCodecs({ codec: 'top1:1', lineage });
      assert.equal(codecs('top1:1')?.name, 'top1:1');
      assert.equal(codecs(FOREIGN_CODEC)?.name, admitsForeign({ lineage }) ? FOREIGN_CODEC : undefined);
      assert.equal(codecs('top2:1'), undefined);
    }
  });
});
