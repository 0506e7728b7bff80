// Strangers meet: a founder with its own digits, others who hold nothing but an invitation and a file of theirs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadIdentity, loadMnist } from '../../node/index.ts';
import { idxFile, npyFile, zipFile } from '../learning/samples.ts';
import { joinMesh, type Member } from './support/meshes.ts';
import {
  cleanUp,
  digestsOf,
  journalOf,
  reached,
  run,
  statusOf,
  temporaryFolder,
  until,
  within,
} from './support/processes.ts';

const DIGITS = 150;

/** Fewer members than a quorum asks for: a generation takes a second and a half, whatever the machine is doing. */
const meshYaml = `
name: strangers
model: mlp:32
data: { inputs: 784, classes: 10, scale: 255 }
pace: { contributorsMin: 4, patience: 1, patienceMinMs: 1500, patienceMaxMs: 1500 }
`;

/** Digits from `first` on as pixels and labels. */
function digits(first: number): { readonly pixels: Uint8Array; readonly labels: Uint8Array } {
  const { train } = loadMnist({ samples: first + DIGITS, testSamples: 1 });
  return {
    pixels: Uint8Array.from(train.inputs.subarray(784 * first)),
    labels: Uint8Array.from(train.labels.subarray(first)),
  };
}

function writeIdx(folder: string): string {
  const { pixels, labels } = digits(0);
  mkdirSync(folder);
  writeFileSync(join(folder, 'train-images-idx3-ubyte'), idxFile(8, [DIGITS, 28, 28], pixels));
  writeFileSync(join(folder, 'train-labels-idx1-ubyte'), idxFile(8, [DIGITS], labels));
  return folder;
}

function writeCsv(file: string): string {
  const { pixels, labels } = digits(DIGITS);
  const lines = [`${Array.from({ length: 784 }, (_, pixel) => `p${pixel}`).join(',')},digit`];
  for (let row = 0; row < DIGITS; row++) {
    lines.push(`${pixels.subarray(784 * row, 784 * (row + 1)).join(',')},${labels[row]}`);
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

function writeNpz(file: string): string {
  const { pixels, labels } = digits(2 * DIGITS);
  const arrays = {
    'x_train.npy': npyFile('|u1', [DIGITS, 784], pixels),
    'y_train.npy': npyFile('|u1', [DIGITS], labels),
  };
  writeFileSync(file, zipFile(arrays));
  return file;
}

/** The invitation that a node prints once it listens. */
async function invitationOf({ running }: Member): Promise<string> {
  return await until(() => {
    assert(!running.isOver(), running.output() + running.errors());
    return /invitation: (meldmesh1:\S+)/.exec(running.output() + running.errors())?.[1];
  }, 'the founder prints an invitation');
}

/** Waits until both hold one digest at the same generation, at or above one. */
async function agreeFrom(first: number, stores: readonly string[]): Promise<void> {
  await until(() => {
    const [one, other] = stores.map((store) => digestsOf(journalOf(store)));
    return [...one].some(([generation, digest]) => generation >= first && other.get(generation) === digest);
  }, 'they agree');
}

describe('a mesh of strangers', function () {
  this.timeout(300_000);
  let folder: string;
  let manifestFile: string;
  let founder: Member;
  let second: Member;
  let invitation: string;

  before(async () => {
    folder = temporaryFolder();
    const config = join(folder, 'mesh.yaml');
    writeFileSync(config, meshYaml);
    manifestFile = join(folder, 'manifest.json');
    const store = join(folder, 'founder');
    const init = await run(['init', '--config', config, '--store', store, '--out', manifestFile]);
    assert.equal(init.status, 0, init.errors);
    assert.match(init.output + init.errors, /meldmesh1:\S+/, 'init prints an invitation');
    assert.match(init.output + init.errors, /no privacy guarantee/);
    founder = joinMesh({
      store,
      how: ['--manifest', manifestFile],
      more: ['--data', writeIdx(join(folder, 'idx'))],
    });
    invitation = await invitationOf(founder);
    second = joinMesh({
      store: join(folder, 'second'),
      how: [invitation],
      more: ['--data', writeCsv(join(folder, 'digits.csv')), '--label-column', 'digit'],
    });
  });
  after(cleanUp);

  it('is joined with an invitation alone: the manifest comes by its hash, and both learn one model', async () => {
    const { meshId, peers, samples, bytesIn } = await reached(
      second,
      'the second member learns',
      ({ generation, observing }) => generation >= 2 && !observing,
    );
    assert.equal(meshId, createHash('sha256').update(readFileSync(manifestFile)).digest('hex'));
    const { peerId, deltasHeard } = await reached(
      founder,
      'it hears deltas',
      (status) => status.deltasHeard >= 2,
    );
    assert.deepEqual(peers, [peerId]);
    assert.equal(samples, DIGITS);
    assert(bytesIn.transfer > readFileSync(manifestFile).length, 'the manifest was transferred');
    assert(deltasHeard >= 2);
    await agreeFrom(2, [founder.store, second.store]);
  });

  it('takes in a latecomer, who has the digest of the others within three generations', async () => {
    await reached(founder, 'there is a history', ({ generation }) => generation >= 4);
    const how = [invitation];
    const more = ['--data', writeNpz(join(folder, 'digits.npz'))];
    const latecomer = joinMesh({ store: join(folder, 'latecomer'), how, more });
    const lineOf = (wanted: string) =>
      journalOf(latecomer.store).find(({ msg, phase }) => msg === 'phase' && phase === wanted);
    const { time } = await until(() => lineOf('catching-up'), 'the latecomer has its manifest');
    const fusedBy = (store: string, at: number): number =>
      Math.max(...digestsOf(journalOf(store).filter((line) => line.time <= at)).keys());
    const joined = fusedBy(founder.store, time);
    assert(joined >= 4);
    const third = joined + 3;
    await reached(latecomer, 'the latecomer is there', ({ generation }) => generation > third);
    await reached(founder, 'the founder is there', ({ generation }) => generation > third);
    await until(
      () =>
        digestsOf(journalOf(founder.store)).get(third) === digestsOf(journalOf(latecomer.store)).get(third),
      'one digest at the third generation',
    );
    const arrived = journalOf(latecomer.store).find(
      ({ msg, generation = 0 }) => msg === 'fused' && generation >= joined,
    );
    assert(arrived !== undefined);
    assert(
      fusedBy(founder.store, arrived.time) <= third,
      'it was there before the mesh had gone on for three',
    );
    await reached(latecomer, 'it contributes', ({ samples }) => samples === DIGITS);
    const { peerId } = await loadIdentity({ folder: latecomer.store });
    await until(
      () => readFileSync(join(founder.store, 'journal.log'), 'utf8').includes(`"author":"${peerId}"`),
      'the founder has its deltas',
    );
    latecomer.running.child.kill('SIGTERM');
    const { status } = await within(latecomer.running.ended, 'it leaves');
    assert.equal(status, 0);
  });

  it('is followed by an observer, who adds nothing', async () => {
    const observer = joinMesh({ store: join(folder, 'observer'), how: [invitation], more: ['--observe'] });
    const { generation } = (await statusOf(founder.store)) ?? { generation: 0 };
    const { observing, samples, peerId } = await reached(
      observer,
      'the observer follows',
      (status) => status.generation > generation,
    );
    assert.deepEqual([observing, samples], [true, 0]);
    await agreeFrom(generation + 1, [founder.store, observer.store]);
    assert(!readFileSync(join(founder.store, 'journal.log'), 'utf8').includes(`"author":"${peerId}"`));
    observer.running.child.kill('SIGTERM');
    await within(observer.running.ended, 'it leaves');
  });

  it('is shown by `meldmesh status`, which says so when nobody runs', async () => {
    const { status, output, errors } = await run(['status', '--store', founder.store]);
    assert.equal(status, 0, errors);
    const { peerId, meshId, peers } = (await statusOf(founder.store)) ?? assert.fail('the founder answers');
    const text = output + errors;
    for (const part of [peerId, meshId, ...peers]) assert(text.includes(part), `${part} in\n${text}`);
    for (const name of ['generation', 'digest', 'received', 'sent', 'refused', 'last error']) {
      assert.match(text, new RegExp(`^${name} +\\S`, 'm'));
    }
    const json = await run(['status', '--store', second.store, '--json']);
    assert.equal(JSON.parse(json.output).meshId, meshId);
    const nobody = await run(['status', '--store', join(folder, 'latecomer')]);
    assert.equal(nobody.status, 1);
    assert.match(nobody.errors, /^MELDMESH_NOT_RUNNING: /m);
  });

  it('refuses a stranger when its manifest lists the members, who may still observe', async () => {
    const store = join(folder, 'closed-founder');
    const file = join(folder, 'closed.json');
    const members = [store, join(folder, 'admitted')].map(async (each) => {
      const { peerId } = await loadIdentity({ folder: each });
      return ['--member', peerId];
    });
    const admit = (await Promise.all(members)).flat();
    const shape = ['--model', 'mlp:32', '--inputs', '784', '--classes', '10', '--scale', '255'];
    const init = await run(['init', ...shape, ...admit, '--store', store, '--out', file]);
    assert.equal(init.status, 0, init.errors);
    const closed = joinMesh({ store, how: ['--manifest', file], digits: { first: 0, count: DIGITS } });
    const how = [await invitationOf(closed)];
    const strangerStore = join(folder, 'stranger');
    const stranger = joinMesh({ store: strangerStore, how, digits: { first: DIGITS, count: DIGITS } });
    const { status } = await within(stranger.running.ended, 'the stranger is told');
    assert.equal(status, 1);
    assert.match(stranger.running.errors(), /^MELDMESH_NOT_A_MEMBER: .+\.$/m);
    const observer = joinMesh({ store: strangerStore, how, more: ['--observe'] });
    await reached(observer, 'it may follow', ({ observing, peers }) => observing && peers.length === 1);
    closed.running.child.kill('SIGTERM');
    await within(closed.running.ended, 'the founder stops');
  });
});
