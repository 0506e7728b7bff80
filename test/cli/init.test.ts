import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InitOptions } from '../../cli/init.ts';
import { runInit } from '../../cli/init.ts';
import { readManifestFile } from '../../cli/manifest-file.ts';
import { decodeInvitation, decodeManifest } from '../../protocols/index.ts';

describe('init', () => {
  let folder: string;
  let flags: InitOptions;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-init-'));
    flags = {
      config: undefined,
      name: undefined,
      salt: undefined,
      model: 'mlp:16',
      inputs: 4,
      classes: 3,
      scale: undefined,
      codec: undefined,
      rule: undefined,
      lineage: undefined,
      lr: undefined,
      momentum: undefined,
      batch: undefined,
      localEpochs: undefined,
      samplesMax: undefined,
      member: undefined,
      announce: undefined,
      store: join(folder, 'node'),
      out: join(folder, 'manifest.json'),
      force: false,
      json: true,
    };
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs it and gives what it printed. */
  async function init(change: Partial<InitOptions>): Promise<Record<string, string>> {
    const write = process.stdout.write;
    let printed = '';
    process.stdout.write = (text: string | Uint8Array) => {
      printed += text;
      return true;
    };
    try {
      await runInit({ ...flags, ...change });
    } finally {
      process.stdout.write = write;
    }
    return JSON.parse(printed);
  }

  it('writes a canonical manifest, makes a key and prints one invitation to it', async () => {
    const said = await init({ announce: ['/dns4/node.example.org/tcp/4001'], samplesMax: 5_000 });
    const { manifest } = decodeManifest(readFileSync(flags.out));
    assert.equal(manifest?.limits.samplesMax, 5_000);
    assert.equal(manifest?.privacy, 'none');
    const invitation = decodeInvitation(said.invitation);
    assert.ok(!('error' in invitation));
    assert.equal(invitation.meshId, said.meshId);
    assert.deepEqual(invitation.addresses, [`/dns4/node.example.org/tcp/4001/p2p/${said.peerId}`]);
    assert.ok(existsSync(join(flags.store, 'identity.key')));
  });

  it('founds another mesh each time, with the same key', async () => {
    const first = await init({});
    const second = await init({ force: true });
    assert.notEqual(first.meshId, second.meshId);
    assert.equal(first.peerId, second.peerId);
  });

  it('does not overwrite a manifest unasked', async () => {
    await init({});
    await assert.rejects(init({}), { code: 'MELDMESH_FILE_EXISTS' });
  });

  it('reads YAML and lets flags win over it', async () => {
    const config = join(folder, 'mesh.yaml');
    writeFileSync(
      config,
      'name: iris\ndata: {inputs: 4, classes: 3}\ntraining:\n  batch: 8\n  learningRate: 0.2\n',
    );
    await init({ config, inputs: undefined, classes: undefined, batch: 16 });
    const manifest = readManifestFile(flags.out);
    assert.equal(manifest.name, 'iris');
    assert.equal(manifest.training.batch, 16);
    assert.equal(manifest.training.learningRate, 0.2);
  });

  it('says what becomes of models from elsewhere, and nothing where nobody asked', async () => {
    await init({});
    assert.equal(readManifestFile(flags.out).lineage, undefined);
    await init({ lineage: 'align', force: true });
    assert.equal(readManifestFile(flags.out).lineage, 'align');
    await assert.rejects(init({ lineage: 'copy', force: true }), {
      code: 'MELDMESH_MANIFEST_INVALID',
      message: /lineage/,
    });
  });

  it('refuses an unknown key and names the nearest known one', async () => {
    const config = join(folder, 'mesh.yaml');
    writeFileSync(config, 'trainning: {batch: 8}\n');
    await assert.rejects(init({ config }), {
      code: 'MELDMESH_MANIFEST_INVALID',
      message: /trainning is unknown: did you mean training\?/,
    });
    assert.equal(existsSync(flags.out), false);
  });

  it('says what is wrong with a file that is no YAML, and with one that is not there', async () => {
    const config = join(folder, 'mesh.yaml');
    writeFileSync(config, 'name: [unfinished\n');
    await assert.rejects(init({ config }), { code: 'MELDMESH_MANIFEST_FILE' });
    await assert.rejects(init({ config: join(folder, 'missing.yaml') }), { code: 'MELDMESH_MANIFEST_FILE' });
  });
});
