// A source file as the tidy rules see it: text, syntax tree, imports. It knows nothing of any rule.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync, visitorKeys } from 'oxc-parser';

export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export interface Import {
  /** As written: `node:fs`, `libp2p`, `./types.ts`. */
  readonly specifier: string;
  /** The file meant, relative to the repository; `undefined` for a package. */
  readonly path: string | undefined;
  /** `import type`, `export type` and types in the text: gone when the program runs. */
  readonly isTypeOnly: boolean;
  readonly offset: number;
}

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly tree: SyntaxNode;
  readonly comments: readonly { readonly value: string; readonly start: number }[];
  readonly imports: readonly Import[];
}

/** What a rule found. `line` counts from 1. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage']);

/** Throws where the text is no TypeScript. */
export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text, { lang: 'ts', sourceType: 'module' });
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]?.message}`);
  const tree: SyntaxNode = { ...parsed.program };
  return { path, text, tree, comments: parsed.comments, imports: findImports(path, tree) };
}

/** Every TypeScript file below `root`, ascending by path. */
export function readSources(root: string): SourceFile[] {
  const paths: string[] = [];
  const walkFolder = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (entry.name.startsWith('.') || SKIPPED_FOLDERS.has(entry.name)) continue;
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) walkFolder(path);
      else if (path.endsWith('.ts') && !path.endsWith('.d.ts')) paths.push(path);
    }
  };
  walkFolder('');
  return paths.sort().map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

/** Calls `visit` for every node, parents first. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode, parent: SyntaxNode | undefined, key: string) => void,
): void {
  const step = (current: SyntaxNode, parent: SyntaxNode | undefined, key: string): void => {
    visit(current, parent, key);
    for (const childKey of visitorKeys[current.type] ?? []) {
      for (const child of [current[childKey]].flat()) {
        if (isNode(child)) step(child, current, childKey);
      }
    }
  };
  step(node, undefined, '');
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

/** The node under `key` where it is of this type. */
export function childOf(node: SyntaxNode | undefined, key: string, type: string): SyntaxNode | undefined {
  const child = node?.[key];
  return isNode(child) && child.type === type ? child : undefined;
}

export function finding(file: SourceFile, offset: number, message: string): Finding {
  return { path: file.path, line: file.text.slice(0, offset).split('\n').length, message };
}

/** Static imports, re-exports, `import()` and `import('…')` types of a plain text. */
function findImports(path: string, tree: SyntaxNode): Import[] {
  const imports: Import[] = [];
  walk(tree, (node) => {
    const source = node.source;
    if (!isNode(source) || typeof source.value !== 'string') return;
    const specifier = source.value;
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
    const isTypeOnly =
      node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type';
    imports.push({ specifier, path: target, isTypeOnly, offset: node.start });
  });
  return imports;
}
