// What `join` makes of its flags, before any node is made.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dryRunText } from '../../cli/join/dry-run.ts';
import { eventLine } from '../../cli/join/lines.ts';
import type { JoinOptions } from '../../cli/join/options.ts';
import {
  encodeSettings,
  type JoinSettings,
  resolveSettings,
  SETTINGS_FILE,
} from '../../cli/join/settings.ts';
import { encodeInvitation, type Hash, type Lineage, parseManifestConfig } from '../../protocols/index.ts';

const ADDRESS = '/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWFZsp29eBe6kFHoXk73hRLB3SAcUxshZiTMKhfB3YTadG';
const invitation = encodeInvitation({ meshId: 'ab'.repeat(32) as Hash, addresses: [ADDRESS] });

describe('the settings of join', () => {
  let store: string;
  let flags: JoinOptions;

  beforeEach(() => {
    store = mkdtempSync(join(tmpdir(), 'meldmesh-join-'));
    flags = {
      manifest: undefined,
      data: undefined,
      labelColumn: undefined,
      indices: undefined,
      test: undefined,
      store,
      generations: undefined,
      listen: undefined,
      announce: undefined,
      bootstrap: undefined,
      observe: false,
      from: undefined,
      fromSamples: undefined,
      trainer: undefined,
      trainerTimeout: undefined,
      backend: 'auto',
      threads: 1,
      seed: undefined,
      waitForPeers: undefined,
      mdns: true,
      dryRun: false,
      keepRunning: false,
      json: false,
    };
  });

  afterEach(() => rmSync(store, { recursive: true, force: true }));

  const settle = (change: Partial<JoinOptions>, text?: string): JoinSettings =>
    resolveSettings({ invitation: text, options: { ...flags, ...change }, given: Object.keys(change) });

  it('take the addresses of the invitation to dial', () => {
    const settings = settle({ data: 'mnist', bootstrap: ['/ip4/10.0.0.1/tcp/1'] }, invitation);
    assert.deepEqual(settings.bootstrap, ['/ip4/10.0.0.1/tcp/1', ADDRESS]);
  });

  it('refuse an invitation that was cut short, mistyped or is none', () => {
    const cut = (text: string) => () => settle({ data: 'mnist' }, text);
    assert.throws(cut(invitation.slice(0, -3)), { code: 'MELDMESH_INVITATION_CUT' });
    assert.throws(cut(`${invitation.slice(0, 30)}x${invitation.slice(31)}`), {
      code: 'MELDMESH_INVITATION_CUT',
    });
    assert.throws(cut('hello'), { code: 'MELDMESH_INVITATION_FORM' });
    assert.throws(cut(invitation.replace('1:', '9:')), { code: 'MELDMESH_INVITATION_VERSION' });
  });

  it('need a mesh and data, or the wish only to observe', () => {
    assert.throws(() => settle({ data: 'mnist' }), { code: 'MELDMESH_USAGE', message: /nothing to join/ });
    assert.throws(() => settle({}, invitation), { code: 'MELDMESH_USAGE', message: /no data/ });
    assert.throws(() => settle({ data: 'mnist', observe: true }, invitation), { code: 'MELDMESH_USAGE' });
    assert.throws(() => settle({ data: 'mnist', manifest: 'm.json' }, invitation), {
      code: 'MELDMESH_USAGE',
    });
    assert.equal(settle({ observe: true }, invitation).data, undefined);
  });

  it('are remembered by the store, and typed flags win', () => {
    const first = settle({ data: 'some.csv', labelColumn: 'digit', generations: 20, threads: 2 }, invitation);
    writeFileSync(join(store, SETTINGS_FILE), encodeSettings(first));
    assert.deepEqual(settle({}), first);
    const later = settle({ generations: 40 });
    assert.deepEqual(later, { ...first, generations: 40 });
    const observing = settle({ observe: true });
    assert.equal(observing.data, undefined);
    assert.equal(observing.labelColumn, undefined);
    assert.equal(settle({ data: 'other.csv' }).labelColumn, undefined);
  });

  it('take a trainer with or without data, and remember it with the folder where it was typed', () => {
    const trainer = ['python3', 'train.py'];
    const first = settle({ trainer, trainerTimeout: 90 }, invitation);
    assert.deepEqual(first.trainer, { command: trainer, cwd: process.cwd() });
    assert.deepEqual([first.data, first.trainerTimeout, first.observe], [undefined, 90, false]);
    writeFileSync(
      join(store, SETTINGS_FILE),
      encodeSettings({ ...first, trainer: { command: trainer, cwd: '/x' } }),
    );
    assert.deepEqual(settle({}).trainer, { command: trainer, cwd: '/x' });
    const withData = settle({ data: 'mnist' });
    assert.deepEqual([withData.trainer?.cwd, withData.data], ['/x', 'mnist']);
    assert.equal(settle({ observe: true }).trainer, undefined);
    assert.equal(settle({ trainer: false, data: 'mnist' }).trainer, undefined);
    assert.throws(() => settle({ trainer: false }), { code: 'MELDMESH_USAGE', message: /no data/ });
    assert.throws(() => settle({ trainer, observe: true }), { code: 'MELDMESH_USAGE', message: /observer/ });
    writeFileSync(
      join(store, SETTINGS_FILE),
      encodeSettings({ ...first, trainer: undefined, observe: true }),
    );
    assert.deepEqual([settle({ trainer }).observe, settle({ trainer: false }).observe], [false, true]);
  });

  it('remember a model from elsewhere until it has come in, and want a member that trains with it', () => {
    const from = join(store, 'model.safetensors');
    const first = settle({ data: 'mnist', from, fromSamples: 2_000 }, invitation);
    assert.deepEqual([first.from, first.fromSamples], [from, 2_000]);
    writeFileSync(join(store, SETTINGS_FILE), encodeSettings(first));
    assert.deepEqual(settle({}), first);
    assert.equal(settle({ observe: true }).from, undefined);
    const without = settle({ from: false });
    assert.deepEqual([without.from, without.fromSamples, without.data], [undefined, undefined, 'mnist']);
    const code = 'MELDMESH_USAGE';
    assert.throws(() => settle({ observe: true, from }), { code, message: /observer brings no model/ });
    rmSync(join(store, SETTINGS_FILE));
    const alone = () => settle({ data: 'mnist', fromSamples: 9 }, invitation);
    assert.throws(alone, { code, message: /without a model/ });
  });

  it('say so when they are damaged', () => {
    writeFileSync(join(store, SETTINGS_FILE), '{"version":1,"colour":"red"}');
    assert.throws(() => settle({}), { code: 'MELDMESH_STORE_FILE' });
  });
});

describe('a dry run', () => {
  const settings: JoinSettings = {
    version: 1,
    data: 'digits.csv',
    observe: false,
    backend: 'auto',
    threads: 1,
    mdns: true,
    keepRunning: false,
    bootstrap: [ADDRESS],
  };
  const { manifest } = parseManifestConfig({
    model: 'mlp:256',
    data: { inputs: 784, classes: 10, scale: 255 },
  });

  it('names addresses, what a delta holds and its size, and promises no privacy', () => {
    const text = dryRunText({ settings, manifest, samples: 1_600 });
    assert.match(text, new RegExp(`would dial:\\n  ${ADDRESS}`));
    assert.match(text, /number of samples: 1,600/);
    assert.match(text, /payload: top1:1, at most [\d.]+ KiB of 795 KiB/);
    assert.match(text, /What would not: samples, labels/);
    assert.match(text, /no privacy guarantee/);
    assert.match(text, /mDNS/);
  });

  it('names the program that would be started, and whose samples it counts', () => {
    const trainer = { command: ['python3', 'train.py'], cwd: '/home/ann' };
    const text = dryRunText({
      settings: { ...settings, data: undefined, trainer },
      manifest,
      samples: undefined,
    });
    assert.match(text, /would start to train.*\n {2}python3 train\.py\n {2}in \/home\/ann/);
    assert.match(text, /number of samples: what the trainer says/);
  });

  it('says what the first delta would hold of a model from elsewhere, where the mesh takes it', () => {
    assert(manifest !== undefined);
    const from = { ...settings, from: '/models/digits.safetensors' };
    const textOf = (lineage: Lineage) =>
      dryRunText({ settings: from, manifest: { ...manifest, lineage }, samples: 400 });
    assert.match(textOf('align'), /if it fits, the first one holds the model of --from in int8: 200 KiB/);
    assert.match(textOf('naive'), / {2}the first one holds the model/);
    assert.doesNotMatch(textOf('adopt'), /--from/);
  });

  it('of an observer has no deltas, and without a manifest no sizes', () => {
    assert.match(dryRunText({ settings, manifest, samples: undefined }), /no deltas/);
    assert.match(
      dryRunText({ settings, manifest: undefined, samples: 5 }),
      /first\n? .*be fetched from the mesh/,
    );
  });
});

describe('the lines of a running node', () => {
  it('tell generations, accuracy and notices, and leave out what is for programs', () => {
    const detail = { generation: 5, digest: '0123456789', contributors: 1, samples: 1_600, corrected: false };
    assert.equal(
      eventLine('generation', detail, 12.34),
      'generation 5 complete  12.3 s  digest 01234567  1 contributor, 1,600 samples',
    );
    assert.match(eventLine('generation', { ...detail, corrected: true }, 1) ?? '', /generation 5 corrected/);
    assert.equal(eventLine('notice', { code: 'X', text: 'Something.' }, 1), 'X: Something.');
    assert.equal(eventLine('peers', { connected: [] }, 1), undefined);
  });

  it('tell what became of a model from elsewhere, with the numbers behind it', () => {
    const gain = { mean: 0.1, stdError: 0.02 };
    const chosen = {
      method: 'weights',
      share: 0.75,
      repaired: false,
      loss: 0.4,
      accuracy: 0.91,
      barrier: 0.004,
      lossGain: gain,
      accuracyGain: gain,
    } as const;
    const decision = {
      generation: 3,
      outcome: 'accepted',
      reason: 'it fits',
      how: 'align',
      samples: 2_000,
      holdOut: 200,
      probes: 200,
      shared: { loss: 0.5, accuracy: 0.85 },
      foreign: { loss: 0.45, accuracy: 0.92 },
      matchings: [
        {
          method: 'weights',
          objective: { before: 1, after: 80 },
          distance: { before: 32, after: 29.5 },
          outputDifference: 0,
        },
      ],
      candidates: [chosen],
      chosen,
    } as const;
    const story = { name: 'a.safetensors', lineage: 'align', samples: 2_000, reason: 'it fits' } as const;
    assert.deepEqual(eventLine('foreign', { ...story, outcome: 'accepted', decision }, 1)?.split('\n'), [
      'a.safetensors (2,000 samples) comes in: it fits',
      'on 200 own samples: mesh loss 0.500, 85.00 %, it loss 0.450, 92.00 %',
      'matched by weights: distance 32.00 to 29.50, objective 1.0 to 80.0',
      'taken: 75.00 % by weights, loss 0.400, 91.00 %, barrier 0.004',
    ]);
    const refused = eventLine('foreign', { ...story, outcome: 'refused', kept: 'ab'.repeat(32) }, 1);
    assert.match(refused ?? '', /stays outside: it fits\nkept in the store as blob abababababababab$/);
  });
});
