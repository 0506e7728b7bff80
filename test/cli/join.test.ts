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
import { encodeInvitation, type Hash, parseManifestConfig } from '../../protocols/index.ts';

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
});
