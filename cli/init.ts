// `meldmesh init`: from flags and a file to a manifest, the founder's key and the first invitation.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hashOf, loadIdentity } from '../node/index.ts';
import { canonicalBytes, encodeInvitation, meshIdOf } from '../protocols/index.ts';
import { CliError } from './errors.ts';
import { manifestFromConfig, parseConfig } from './manifest-file.ts';
import { writeWhole } from './model-file.ts';
import { readTextFile } from './stores.ts';
import { openTerminal } from './terminal.ts';

export interface InitOptions {
  readonly config: string | undefined;
  readonly name: string | undefined;
  readonly salt: string | undefined;
  readonly model: string | undefined;
  readonly inputs: number | undefined;
  readonly classes: number | undefined;
  readonly scale: number | undefined;
  readonly codec: string | undefined;
  readonly rule: string | undefined;
  readonly lineage: string | undefined;
  readonly lr: number | undefined;
  readonly momentum: number | undefined;
  readonly batch: number | undefined;
  readonly localEpochs: number | undefined;
  readonly samplesMax: number | undefined;
  readonly member: readonly string[] | undefined;
  readonly announce: readonly string[] | undefined;
  readonly store: string;
  readonly out: string;
  readonly force: boolean;
  readonly json: boolean;
}

type PlainObject = Readonly<Record<string, unknown>>;

/**
 * Writes the manifest and makes the key, unless the store has one.
 * @throws CliError MELDMESH_FILE_EXISTS, MELDMESH_MANIFEST_INVALID, MELDMESH_MANIFEST_FILE; MeldError of the key
 */
export async function runInit(options: InitOptions): Promise<void> {
  const manifest = manifestFromConfig(configOf(options), options.config);
  if (existsSync(options.out) && !options.force) {
    throw new CliError('MELDMESH_FILE_EXISTS', `${options.out} exists already`, {
      hint: 'Choose another --out, or give --force to overwrite it (that founds another mesh)',
    });
  }
  const identity = await loadIdentity({ folder: options.store });
  writeWhole(options.out, canonicalBytes(manifest));
  const meshId = meshIdOf(manifest, hashOf);
  const addresses = (options.announce ?? []).map((address) =>
    address.includes('/p2p/') ? address : `${address}/p2p/${identity.peerId}`,
  );
  const invitation = encodeInvitation({ meshId, addresses });
  const terminal = openTerminal({ json: options.json });
  if (options.json) {
    terminal.result(
      JSON.stringify({
        meshId,
        peerId: identity.peerId,
        manifest: options.out,
        store: options.store,
        invitation,
      }),
    );
    return;
  }
  const store = options.store;
  terminal.say(
    [
      `Mesh "${manifest.name}", id ${meshId}`,
      `Manifest: ${options.out}`,
      `Founder: ${identity.peerId}, key in ${store}`,
      membersLine(manifest.members),
      'There is no privacy guarantee yet: members who keep the deltas can try to learn about the data behind them.',
      '',
      `Start the founder:  meldmesh join --manifest ${options.out} --store ${store} --data PATH`,
      addresses.length === 0
        ? 'It prints the invitation with its addresses once it listens; this one names the mesh only:'
        : 'Invitation for the others:',
      '',
      invitation,
    ].join('\n'),
  );
}

function membersLine(members: readonly string[] | undefined): string {
  return members === undefined
    ? 'Members: anybody who holds the invitation'
    : `Members: the ${members.length} peer ids in the manifest, nobody else`;
}

/** The file's keys with the flags laid over them; undefined is left out. */
function configOf(options: InitOptions): PlainObject {
  const file = options.config;
  const base = file === undefined ? {} : parseConfig(readTextFile(file, 'MELDMESH_MANIFEST_FILE'), file);
  if (!isPlainObject(base)) {
    throw new CliError('MELDMESH_MANIFEST_FILE', `${file} holds no keys and values`, {
      hint: 'See `meldmesh init --help` for an example',
    });
  }
  const {
    name,
    salt,
    model,
    inputs,
    classes,
    scale,
    codec,
    rule,
    lineage,
    lr,
    momentum,
    batch,
    localEpochs,
    samplesMax,
  } = options;
  const flags: PlainObject = {
    name,
    salt: salt ?? base.salt ?? randomBytes(8).toString('hex'),
    model,
    data: { inputs, classes, scale },
    training: { learningRate: lr, momentum, batch, localEpochs },
    codec,
    aggregation: { rule },
    lineage,
    limits: { samplesMax },
    members: options.member,
  };
  return overlay(base, flags);
}

function overlay(base: PlainObject, flags: PlainObject): PlainObject {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    if (!isPlainObject(value)) {
      result[key] = value;
      continue;
    }
    const before = result[key];
    const merged = overlay(isPlainObject(before) ? before : {}, value);
    // A group whose flags were all left out stays as the file has it, wrong or right.
    if (Object.values(value).some((each) => each !== undefined)) result[key] = merged;
  }
  return result;
}

function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
