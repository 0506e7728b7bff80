// The walls between the rooms: who may import whom and what, and that no way leads in a circle.
import { posix } from 'node:path';
import { type Finding, finding, type Import, type SourceFile } from './source.ts';

/** Rooms, and the rooms that each may import. `test/` may import anything and nothing imports it. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  fusion: [],
  learning: ['fusion'],
  protocols: ['fusion'],
  node: ['learning', 'protocols', 'fusion'],
  sim: ['learning', 'protocols', 'fusion'],
  cli: ['node', 'sim', 'learning', 'protocols', 'fusion'],
  web: ['node', 'sim', 'learning', 'protocols', 'fusion'],
};

/** Packages that one room keeps to itself. */
const OWNED_PACKAGES: readonly { readonly pattern: RegExp; readonly room: string }[] = [
  { pattern: /^@tensorflow\//, room: 'learning' },
  { pattern: /^(libp2p$|@libp2p\/|@chainsafe\/libp2p|@multiformats\/)/, room: 'node' },
  { pattern: /^(level|classic-level|abstract-level|pino)$/, room: 'node' },
];

/** Parts of Node that a room without a world of its own may use. */
const NODE_MODULES: Readonly<Record<string, RegExp>> = {
  fusion: /^node:assert(\/strict)?$/,
  protocols: /^node:assert(\/strict)?$/,
  // Hashes, not keys and not chance.
  sim: /^node:(assert(\/strict)?|crypto|worker_threads)$/,
  learning: /^node:(assert(\/strict)?|worker_threads|module|path|url|util|zlib)$/,
};

export function roomOf(path: string): string {
  return path.split('/')[0] ?? '';
}

/** Rooms import along the arrows of the drawing, and only through the other room's `index.ts`. */
export function roomRule(file: SourceFile): Finding[] {
  const room = roomOf(file.path);
  const allowed = ROOMS[room];
  if (allowed === undefined) return [];
  return file.imports.flatMap((entry) => {
    const target = entry.path === undefined ? room : roomOf(entry.path);
    if (target === room) return [];
    if (!allowed.includes(target)) return [finding(file, entry.offset, `${room}/ may not import ${target}/`)];
    if (entry.path === `${target}/index.ts`) return [];
    return [finding(file, entry.offset, `import ${target}/ through its index.ts, not ${entry.specifier}`)];
  });
}

/** TensorFlow.js, libp2p and LevelDB each live in one room; the world of Node stays out of the core. */
export function packageRule(file: SourceFile): Finding[] {
  const room = roomOf(file.path);
  if (room === 'test') return [];
  const builtins = file.path === 'sim/main.ts' ? undefined : NODE_MODULES[room];
  return file.imports.flatMap((entry) => {
    const owner = OWNED_PACKAGES.find(({ pattern }) => pattern.test(entry.specifier));
    if (owner !== undefined && owner.room !== room) {
      return [finding(file, entry.offset, `only ${owner.room}/ may import ${entry.specifier}`)];
    }
    const banned =
      builtins !== undefined && /^node:/.test(entry.specifier) && !builtins.test(entry.specifier);
    return banned ? [finding(file, entry.offset, `${room}/ may not import ${entry.specifier}`)] : [];
  });
}

/** A door is for the others: no file goes through the `index.ts` of a folder that it stands in. */
export function ownIndexRule(file: SourceFile): Finding[] {
  const isOwnDoor = ({ path }: Import): boolean =>
    path !== undefined &&
    posix.basename(path) === 'index.ts' &&
    `${posix.dirname(file.path)}/`.startsWith(`${posix.dirname(path)}/`);
  return file.imports
    .filter(isOwnDoor)
    .map((entry) => finding(file, entry.offset, `imports the index of its own folder: ${entry.specifier}`));
}

/** `index.ts` holds re-exports and nothing else. */
export function indexRule(file: SourceFile): Finding[] {
  if (posix.basename(file.path) !== 'index.ts') return [];
  const statements = [file.tree.body].flat() as SourceFile['tree'][];
  return statements
    .filter((node) => !/^Export(Named|All)Declaration$/.test(node.type) || node.source === null)
    .map((node) => finding(file, node.start, 'index.ts only re-exports'));
}

/** No file reaches itself, not even by types. A circle is told at its first file. */
export function cycleRule(files: readonly SourceFile[]): Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return files.flatMap((file) => {
    const circle = wayBack(file, byPath);
    if (circle === undefined || circle.some((path) => path < file.path)) return [];
    return [finding(file, 0, circle.join(' -> '))];
  });
}

/** The shortest way from a file to itself. */
function wayBack(start: SourceFile, byPath: ReadonlyMap<string, SourceFile>): readonly string[] | undefined {
  const trails: (readonly string[])[] = [[start.path]];
  const seen = new Set<string>();
  for (const trail of trails) {
    for (const { path } of byPath.get(trail.at(-1) ?? '')?.imports ?? []) {
      if (path === undefined || seen.has(path)) continue;
      seen.add(path);
      trails.push([...trail, path]);
      if (path === start.path) return trails.at(-1);
    }
  }
  return undefined;
}

/** Every file is somebody's: doors, entries and tests aside, another file outside `test/` imports it. */
export function orphanRule(files: readonly SourceFile[]): Finding[] {
  const imported = new Set(
    files
      .filter((file) => roomOf(file.path) !== 'test')
      .flatMap((file) => file.imports.map(({ path }) => path)),
  );
  return files
    .filter(
      (file) =>
        roomOf(file.path) !== 'test' &&
        !/^(index|main|worker|[a-z-]+-worker)\.ts$/.test(posix.basename(file.path)),
    )
    .filter((file) => !imported.has(file.path))
    .map((file) => finding(file, 0, 'nobody imports this file'));
}
