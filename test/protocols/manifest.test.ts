// Manifests as bytes, as files of people, and the invitation to one.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hashOf } from '../../node/hash.ts';
import {
  canonicalBytes,
  canonicalText,
  crossChecks,
  decodeInvitation,
  decodeManifest,
  encodeInvitation,
  type Hash,
  initialSeedOf,
  type Manifest,
  manifestSchema,
  meshIdOf,
  parseManifestConfig,
  textOfBytes,
} from '../../protocols/index.ts';

const config = { model: 'mlp:256', data: { inputs: 784, classes: 10, scale: 255 } };

function good(changes: Readonly<Record<string, unknown>> = {}): Manifest {
  const { manifest, problems } = parseManifestConfig({ ...config, ...changes });
  assert(manifest !== undefined, problems?.join('\n'));
  return manifest;
}

function problemsOf(value: unknown): string {
  const { problems } = parseManifestConfig(value);
  assert(problems !== undefined, 'it was accepted');
  return problems.join('\n');
}

const seeded = { seed: 20_261, numRuns: 300 };

describe('the canonical form', () => {
  it('is that of RFC 8785: its example of numbers, escapes and sorting comes out byte for byte', () => {
    const value = {
      numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    assert.equal(
      canonicalText(value),
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    // Sorted by UTF-16 units: the emoji's surrogates stand before U+FB33.
    assert.equal(
      canonicalText({ '\ufb33': 1, '\u{1f600}': 2, '\r': 3, '1': 4 }),
      '{"\\r":3,"1":4,"😀":2,"\ufb33":1}',
    );
  });

  it('does not depend on the order in which keys were written', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true })),
        (value) => {
          const reversed = Object.fromEntries(Object.entries(value).reverse());
          assert.equal(canonicalText(value), canonicalText(reversed));
        },
      ),
      seeded,
    );
  });

  it('goes there and back, and gives one mesh id to one manifest', () => {
    const manifest = good();
    const decoded = decodeManifest(canonicalBytes(manifest));
    assert.deepEqual(decoded.manifest, manifest);
    assert.equal(meshIdOf(manifest, hashOf), hashOf(canonicalBytes(manifest)));
    assert.notEqual(meshIdOf(good({ salt: 'x' }), hashOf), meshIdOf(manifest, hashOf));
    assert.match(initialSeedOf(meshIdOf(manifest, hashOf)), /^meldmesh initial weights [0-9a-f]{64}$/);
  });
});

describe('a manifest from a stranger', () => {
  const bytes = canonicalBytes(good());
  const text = textOfBytes(bytes) ?? '';
  const refused = (changed: string | Uint8Array): string => {
    const { error } = decodeManifest(typeof changed === 'string' ? Buffer.from(changed) : changed);
    assert(error !== undefined, 'it was accepted');
    return error;
  };

  it('is refused in any form but the canonical one', () => {
    assert.match(refused(`${text} `), /canonical/);
    assert.match(refused(text.replace('0.05', '5e-2')), /canonical/);
    assert.match(refused(text.replace('"salt":""', '"salt":"","salt":""')), /canonical/);
    assert.match(refused(text.replace('{"aggregation"', '{"__proto__":{},"aggregation"')), /canonical|proto/);
    assert.match(refused(JSON.stringify(JSON.parse(text), null, 1)), /canonical/);
    assert.match(refused(text.replace('"salt":""', '"salt":"\\ud800"')), /whole Unicode/);
  });

  it('is refused when it is no UTF-8, no JSON, no object or too large', () => {
    assert.equal(refused(Uint8Array.of(0xff, 0xfe)), 'not UTF-8');
    assert.equal(refused('\ufeff{}'), 'not JSON');
    assert.equal(refused('['.repeat(60_000)), 'not JSON');
    assert.match(refused('[]'), /object/);
    assert.match(refused(new Uint8Array(65_537)), /larger than 65536/);
  });

  it('is refused with an unknown key, a missing one or a number out of range', () => {
    assert.match(refused(text.replace('"salt":""', '"salt":"","sugar":1')), /sugar/);
    assert.match(refused(text.replace('"salt":"",', '')), /salt/);
    assert.match(refused(text.replace('"batch":32', '"batch":0')), /training\.batch/);
    assert.match(refused(text.replace('"protocol":1', '"protocol":2')), /protocol/);
  });

  it('is refused when its parts contradict one another', () => {
    assert.match(
      refused(text.replace('"inputs":784,"scale"', '"inputs":10,"scale"')),
      /model\.inputs is 784/,
    );
    assert.match(refused(text.replace('"classes":10', '"classes":9')), /9 classes/);
    assert.match(refused(text.replace('"codec":"top1:1"', '"codec":"zip"')), /codec "zip"/);
    assert.match(refused(text.replace('"patienceMinMs":2000', '"patienceMinMs":700000')), /patienceMin/);
  });

  it('never throws, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        assert(decodeManifest(garbage).error !== undefined);
      }),
      seeded,
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = bytes.slice();
        changed[at] ^= change;
        const { manifest } = decodeManifest(changed);
        if (manifest !== undefined) assert.deepEqual(canonicalBytes(manifest), changed);
      }),
      seeded,
    );
  });
});

describe('a manifest from a person', () => {
  it('needs only model and data; the rest are the defaults of the prototype', () => {
    const manifest = good();
    assert.deepEqual(manifest.training, {
      optimiser: 'sgd-momentum',
      learningRate: 0.05,
      momentum: 0.9,
      batch: 32,
      localEpochs: 1,
    });
    assert.equal(manifest.codec, 'top1:1');
    assert.equal(manifest.aggregation.outerMomentum, 0.7);
    assert.deepEqual(
      manifest.model.layers.map(({ units }) => units),
      [256, 10],
    );
    assert.deepEqual(crossChecks(manifest), []);
    assert.equal(manifestSchema.safeParse(manifest).success, true);
  });

  it('takes a whole model instead of the short form, and reads the shape of the data from it', () => {
    const manifest = good({ model: good().model, data: { scale: 255 } });
    assert.deepEqual(manifest.data, { inputs: 784, classes: 10, scale: 255 });
  });

  it('names how deltas become one: a rule that every generation can be fused by', () => {
    assert.equal(good().aggregation.rule, 'mean');
    const rule = 'clip:1|nnm:0.2|trimmed:0.2,1/median:1';
    assert.equal(good({ aggregation: { rule } }).aggregation.rule, rule);
    const problemOf = (name: string) => problemsOf({ ...config, aggregation: { rule: name } });
    assert.match(problemOf('average'), /aggregation.rule "average" cannot be used: .*average/);
    assert.match(problemOf('median'), /is written "median:3"/);
    assert.match(
      problemOf('median:3'),
      /no alternative for a generation of 1: add one, such as "\/median:1"/,
    );
    assert.match(problemOf('fltrust'), /reference update, which a mesh has not got/);
  });

  it('changes one number of a group without losing the others', () => {
    const manifest = good({ training: { batch: 64 } });
    assert.equal(manifest.training.batch, 64);
    assert.equal(manifest.training.learningRate, 0.05);
  });

  it('sorts the members and takes each once', () => {
    const ids = ['B', 'A', 'B'].map((letter) => `12D3KooW${letter.repeat(44)}`);
    assert.deepEqual(good({ members: ids }).members, [ids[1], ids[0]]);
    assert.match(
      problemsOf({ ...config, members: ['QmNotEd25519', ids[0]] }),
      /"QmNotEd25519" is no peer id/,
    );
  });

  it('names the nearest known key for an unknown one, with its path', () => {
    assert.equal(problemsOf({ ...config, codek: 'int8' }), 'codek is unknown: did you mean codec?');
    assert.equal(
      problemsOf({ ...config, training: { learningrate: 1, epochs: 3 } }),
      'training.learningrate is unknown: did you mean learningRate?\n' +
        'training.epochs is unknown; here may stand: optimiser, learningRate, momentum, batch, localEpochs',
    );
    const layers = [{ units: 10, activation: 'linear', unit: 3 }];
    assert.match(
      problemsOf({ model: { kind: 'dense', inputs: 4, layers, loss: 'softmax-cross-entropy' } }),
      /^model\.layers\.0\.unit is unknown: did you mean units\?$/m,
    );
    assert.match(
      problemsOf(JSON.parse('{"model":"mlp:8","data":{"inputs":1,"classes":2},"__proto__":{}}')),
      /proto/,
    );
  });

  it('says what is missing or wrong, by path, all at once', () => {
    assert.match(problemsOf({}), /^model is missing/);
    assert.match(problemsOf({ model: 'mlp:256' }), /^data\.inputs is missing/);
    assert.match(problemsOf({ ...config, model: 'cnn' }), /^model "cnn" is unknown/);
    const text = problemsOf({ ...config, training: { batch: '32', momentum: 2 }, pace: 1 });
    for (const path of ['training.batch: ', 'training.momentum: ', 'pace: '])
      assert(text.includes(path), text);
    for (const value of [undefined, null, 3, 'x', []]) problemsOf(value);
  });

  it('refuses a model that no snapshot holds, and a codec that does not fit the payload limit', () => {
    const data = { inputs: 1_000_000, classes: 10 };
    assert.match(problemsOf({ model: 'mlp:200', data }), /parameters/);
    assert.match(
      problemsOf({ ...config, codec: 'float32', limits: { payloadBytes: 1_000 } }),
      /payloadBytes/,
    );
  });
});

describe('an invitation', () => {
  const meshId = hashOf(Buffer.from('a mesh'));
  const addresses = ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWExample', '/dns4/example.org/tcp/443/wss'];
  const invitation = encodeInvitation({ meshId, addresses });

  it('goes there and back, also through a mail that breaks its lines', () => {
    assert.match(invitation, /^meldmesh1:[A-Za-z0-9_-]+$/);
    assert.deepEqual(decodeInvitation(invitation), { meshId, addresses });
    assert.deepEqual(decodeInvitation(` ${invitation.replace(/.{60}/g, '$&\r\n')}\n`), { meshId, addresses });
    const address = fc.stringMatching(/^\/[a-z0-9/.:-]{1,200}$/);
    fc.assert(
      fc.property(fc.array(address, { maxLength: 16 }), fc.uint8Array(), (list, seed) => {
        const whole = { meshId: hashOf(seed), addresses: list };
        assert.deepEqual(decodeInvitation(encodeInvitation(whole)), whole);
      }),
      { ...seeded, numRuns: 100 },
    );
  });

  it('that was cut short anywhere is recognised as cut', () => {
    for (let length = 'meldmesh1:'.length; length < invitation.length; length++) {
      const decoded = decodeInvitation(invitation.slice(0, length));
      assert('error' in decoded && decoded.error === 'MELDMESH_INVITATION_CUT', `at ${length}`);
    }
  });

  it('with any letter changed is not taken for another one', () => {
    for (let at = 'meldmesh1:'.length; at < invitation.length; at++) {
      const letter = invitation[at] === 'A' ? 'B' : 'A';
      const decoded = decodeInvitation(invitation.slice(0, at) + letter + invitation.slice(at + 1));
      assert('error' in decoded, `at ${at}`);
    }
  });

  it('of another version, or no invitation at all, is told apart', () => {
    const errorOf = (text: string): string => {
      const decoded = decodeInvitation(text);
      return 'error' in decoded ? decoded.error : 'accepted';
    };
    assert.equal(errorOf('meldmesh2:AAAA'), 'MELDMESH_INVITATION_VERSION');
    for (const text of ['', 'meldmesh', '/ip4/127.0.0.1/tcp/1', 'x'.repeat(100_000)]) {
      assert.equal(errorOf(text), 'MELDMESH_INVITATION_FORM');
    }
    assert.equal(errorOf(contentInvitation(Uint8Array.of(1, 2, 3))), 'MELDMESH_INVITATION_CONTENT');
    const nineteen = Buffer.concat([Uint8Array.of(1), Buffer.from(meshId, 'hex'), Uint8Array.of(19)]);
    assert.equal(errorOf(contentInvitation(nineteen)), 'MELDMESH_INVITATION_CONTENT');
    const control = Buffer.concat([Uint8Array.of(1), Buffer.from(meshId, 'hex'), Uint8Array.of(1, 2, 47, 7)]);
    assert.equal(errorOf(contentInvitation(control)), 'MELDMESH_INVITATION_CONTENT');
  });

  function contentInvitation(content: Uint8Array): string {
    const sum: Hash = hashOf(content);
    const bytes = Buffer.concat([content, Buffer.from(sum.slice(0, 8), 'hex')]);
    return `meldmesh1:${bytes.toString('base64url')}`;
  }
});
