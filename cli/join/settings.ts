// What a node was started with, kept as join.json in its store, so that `meldmesh join --store DIR` goes on with
// the same settings after a stop or a crash. Flags that are typed win.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { decodeInvitation } from '../../protocols/index.ts';
import { CliError } from '../errors.ts';
import { readTextFile } from '../stores.ts';
import type { JoinOptions } from './options.ts';

export const SETTINGS_FILE = 'join.json';

const settingsSchema = z.strictObject({
  version: z.literal(1),
  data: z.string().optional(),
  labelColumn: z.string().optional(),
  indices: z.string().optional(),
  test: z.string().optional(),
  generations: z.number().int().positive().optional(),
  listen: z.array(z.string()).optional(),
  announce: z.array(z.string()).optional(),
  bootstrap: z.array(z.string()).optional(),
  observe: z.boolean(),
  /** A model from elsewhere: it comes in with the first round. */
  from: z.string().optional(),
  fromSamples: z.number().int().positive().optional(),
  /** A program that trains, and the folder in which it was typed. */
  trainer: z.strictObject({ command: z.array(z.string()).min(1), cwd: z.string() }).optional(),
  trainerTimeout: z.number().int().positive().optional(),
  backend: z.enum(['auto', 'node', 'wasm', 'cpu']),
  threads: z.number().int().positive(),
  seed: z.string().optional(),
  mdns: z.boolean(),
  keepRunning: z.boolean(),
});

/** Everything that outlives one start; paths are absolute. */
export type JoinSettings = z.infer<typeof settingsSchema>;

/** What `join` was told, and what the store remembers. */
export interface JoinRequest {
  readonly invitation: string | undefined;
  readonly options: JoinOptions;
  /** Names of the flags that were typed. */
  readonly given: readonly string[];
}

/**
 * The settings of this start. A node that was never started needs an invitation or a manifest, and data unless it
 * only observes.
 * @throws CliError MELDMESH_USAGE, MELDMESH_STORE_FILE, and the invitation's own codes
 */
export function resolveSettings(request: JoinRequest): JoinSettings {
  const { invitation, options, given } = request;
  const remembered = readSettings(options.store);
  if (invitation !== undefined && options.manifest !== undefined) {
    throw new CliError('MELDMESH_USAGE', 'An invitation and --manifest were given, and they may differ', {
      hint: 'Give one of them',
    });
  }
  // A database without join.json may know its mesh all the same: an imported checkpoint, a node of the library.
  const knowsMesh = remembered !== undefined || existsSync(join(options.store, 'db'));
  if (invitation === undefined && options.manifest === undefined && !knowsMesh) {
    throw new CliError('MELDMESH_USAGE', `There is nothing to join: ${options.store} knows no mesh yet`, {
      hint: 'Give an invitation, or --manifest FILE to found a mesh (`meldmesh init` writes one)',
    });
  }
  const asked = settingsOf(options);
  const kept = Object.entries(remembered ?? {}).filter(([name]) => !given.includes(name));
  const replaced = replacedBy(request);
  const settings: JoinSettings = {
    ...asked,
    ...Object.fromEntries(kept.filter(([name]) => !replaced.includes(name))),
    bootstrap: merged(asked.bootstrap, remembered?.bootstrap, addressesOf(invitation)),
  };
  checkRole(settings);
  return settings;
}

/** Training and observing are one choice: typing one of them forgets the other. */
function replacedBy({ given, options: { trainer, from } }: JoinRequest): readonly string[] {
  const forgotten = from === false ? ['fromSamples'] : [];
  if (given.includes('observe'))
    return ['data', 'labelColumn', 'indices', 'trainer', 'trainerTimeout', 'from', 'fromSamples'];
  if (given.includes('data')) return [...forgotten, 'labelColumn', 'indices', 'observe'];
  return given.includes('trainer') && trainer !== false ? [...forgotten, 'observe'] : forgotten;
}

function checkRole({ data, observe, trainer, from, fromSamples }: JoinSettings): void {
  if (data === undefined && trainer === undefined && !observe) {
    throw new CliError('MELDMESH_USAGE', 'There is no data to train on', {
      hint: 'Give --data PATH (or --data mnist), --trainer COMMAND, or --observe to follow without training',
    });
  }
  if (data !== undefined && observe) {
    throw new CliError('MELDMESH_USAGE', 'An observer does not train, but --data was given', {
      hint: 'Give --data or --observe; for accuracy while observing use --test',
    });
  }
  if (from !== undefined && observe) {
    throw new CliError('MELDMESH_USAGE', 'An observer brings no model, but --from was given', {
      hint: 'Give --data or --trainer with --from, or leave --from out',
    });
  }
  if (from === undefined && fromSamples !== undefined) {
    throw new CliError('MELDMESH_USAGE', '--from-samples was given without a model', {
      hint: 'Give --from FILE with it',
    });
  }
  if (trainer !== undefined && observe) {
    throw new CliError('MELDMESH_USAGE', 'An observer does not train, but --trainer was given', {
      hint: 'Give --trainer or --observe',
    });
  }
}

/** The text of join.json. */
export function encodeSettings(settings: JoinSettings): string {
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}

function settingsOf(options: JoinOptions): JoinSettings {
  const path = (text: string | undefined) => (text === undefined || text === 'mnist' ? text : resolve(text));
  const { labelColumn, generations, observe, backend, threads, seed, mdns, keepRunning } = options;
  const { trainer, trainerTimeout, fromSamples } = options;
  return {
    version: 1,
    data: path(options.data),
    labelColumn,
    indices: path(options.indices),
    test: path(options.test),
    generations,
    listen: list(options.listen),
    announce: list(options.announce),
    bootstrap: list(options.bootstrap),
    observe,
    from: path(options.from || undefined),
    fromSamples,
    trainer: trainer ? { command: [...trainer], cwd: process.cwd() } : undefined,
    trainerTimeout,
    backend,
    threads,
    seed,
    mdns,
    keepRunning,
  };
}

function readSettings(store: string): JoinSettings | undefined {
  const path = join(store, SETTINGS_FILE);
  if (!existsSync(path)) return undefined;
  try {
    const parsed = settingsSchema.safeParse(JSON.parse(readTextFile(path, 'MELDMESH_STORE_FILE')));
    if (parsed.success) return parsed.data;
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
  }
  throw new CliError('MELDMESH_STORE_FILE', `${path} does not hold the settings of a node`, {
    hint: 'Remove that file and give the flags again; the store itself is not touched',
  });
}

/**
 * The addresses in an invitation.
 * @throws CliError with the invitation's code
 */
export function addressesOf(invitation: string | undefined): readonly string[] {
  if (invitation === undefined) return [];
  const decoded = decodeInvitation(invitation);
  if (!('error' in decoded)) return decoded.addresses;
  throw new CliError(decoded.error, decoded.message, {
    hint: 'Ask a running member for it: `meldmesh status` prints it',
  });
}

function merged(...lists: readonly (readonly string[] | undefined)[]): string[] | undefined {
  const all = [...new Set(lists.flatMap((each) => each ?? []))];
  return all.length === 0 ? undefined : all;
}

function list(values: readonly string[] | undefined): string[] | undefined {
  return values === undefined ? undefined : [...values];
}
