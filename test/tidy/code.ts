// Rules about what stands inside a file: the ambient world, exact arithmetic, size, types, names, reminders.
import { posix } from 'node:path';
import { roomOf } from './rooms.ts';
import { childOf, type Finding, finding, type SourceFile, type SyntaxNode, walk } from './source.ts';

const CORE_ROOMS = new Set(['fusion', 'learning', 'protocols', 'sim']);
const AMBIENT_NAMES = new Set([
  ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
  ...['process', 'console', 'crypto', 'globalThis'],
]);
/** The functions of Math whose result IEEE 754 fixes to the last bit, and the constants. */
const EXACT_MATH =
  /^(abs|ceil|clz32|floor|fround|imul|max|min|round|sign|sqrt|trunc|E|PI|LN2|LN10|LOG2E|LOG10E|SQRT2|SQRT1_2)$/;
const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 60;
const TIME_NAME = /(timeout|delay|interval|deadline|duration|elapsed|latency)$/i;

/** `Math.random` as ['Math', 'random']; `undefined` for anything else. */
function memberOf(node: SyntaxNode): readonly [string, string] | undefined {
  const object = childOf(node, 'object', 'Identifier');
  const property = childOf(node, 'property', 'Identifier');
  if (node.type !== 'MemberExpression' || node.computed === true || !object || !property) return undefined;
  return [String(object.name), String(property.name)];
}

/** True where a name is read as a variable, not where it names a property or somebody else's export. */
function isVariable(node: SyntaxNode, parent: SyntaxNode | undefined, key: string): boolean {
  if (node.type !== 'Identifier' || parent === undefined) return false;
  const named = parent.computed !== true && (key === 'property' || key === 'key');
  return !named && !/^(Import|Export).*Specifier$/.test(parent.type);
}

/** The core has no clock, no chance, no process and no console but those of its ports. */
export function ambientRule(file: SourceFile): Finding[] {
  const room = roomOf(file.path);
  if (!CORE_ROOMS.has(room) || file.path === 'sim/main.ts') return [];
  const findings: Finding[] = [];
  walk(file.tree, (node, parent, key) => {
    const name = isVariable(node, parent, key) ? String(node.name) : '';
    const isChance = memberOf(node)?.join('.') === 'Math.random';
    if (!AMBIENT_NAMES.has(name) && !isChance) return;
    findings.push(finding(file, node.start, `${room}/ may not use ${isChance ? 'Math.random' : name}`));
  });
  return findings;
}

/** `fusion/` counts alike on every machine: no function whose last bit is the engine's own. */
export function exactMathRule(file: SourceFile): Finding[] {
  if (roomOf(file.path) !== 'fusion') return [];
  const findings: Finding[] = [];
  walk(file.tree, (node) => {
    const [object, property] = memberOf(node) ?? [];
    const isPower = node.operator === '**' && childOf(node, 'left', 'Literal')?.value !== 2;
    const isInexact = object === 'Math' && !EXACT_MATH.test(property ?? '');
    if (isPower) findings.push(finding(file, node.start, 'only powers of 2 are exact'));
    if (isInexact) findings.push(finding(file, node.start, `Math.${property} is not exact`));
  });
  return findings;
}

/** Files stop at 400 lines, functions at 60. A function that only groups tests is not counted. */
export function sizeRule(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const fileLines = file.text.trimEnd().split('\n').length;
  if (fileLines > FILE_LINES_MAX) findings.push(finding(file, 0, `${fileLines} lines in a file`));
  walk(file.tree, (node) => {
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return;
    const text = file.text.slice(node.start, node.end);
    const lines = text.split('\n').length;
    if (lines <= FUNCTION_LINES_MAX || (roomOf(file.path) === 'test' && /^\s*(describe|it)\(/m.test(text)))
      return;
    findings.push(finding(file, node.start, `${lines} lines in a function`));
  });
  return findings;
}

/** Types are true: no `any`, and no comment that sends the compiler away. */
export function typeRule(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  walk(file.tree, (node) => {
    if (node.type === 'TSAnyKeyword') findings.push(finding(file, node.start, 'any'));
  });
  for (const comment of file.comments) {
    const match = /@ts-(ignore|nocheck|expect-error)/.exec(comment.value);
    if (match !== null) findings.push(finding(file, comment.start, match[0]));
  }
  return findings;
}

/** What is begun is finished: no reminders in comments, no test that is skipped or runs alone. */
export function finishedRule(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  for (const comment of file.comments) {
    const match = /\b(TODO|FIXME|XXX|HACK)\b/.exec(comment.value);
    if (match !== null) findings.push(finding(file, comment.start, match[0]));
  }
  if (roomOf(file.path) !== 'test') return findings;
  walk(file.tree, (node, parent, key) => {
    const member = memberOf(node)?.join('.') ?? '';
    const name = isVariable(node, parent, key) ? String(node.name) : '';
    if (/^(it|describe|context)\.(skip|only)$/.test(member)) findings.push(finding(file, node.start, member));
    if (/^(xit|xdescribe|xcontext)$/.test(name)) findings.push(finding(file, node.start, name));
  });
  return findings;
}

/** Only tests with real nodes wait for real time. */
export function sleepRule(file: SourceFile): Finding[] {
  if (roomOf(file.path) !== 'test' || file.path.startsWith('test/node/')) return [];
  const findings = file.imports
    .filter(({ specifier }) => /^node:timers/.test(specifier))
    .map(({ specifier, offset }) => finding(file, offset, `${specifier} outside test/node/`));
  walk(file.tree, (node, parent, key) => {
    const name = isVariable(node, parent, key) ? String(node.name) : '';
    if (!/^(setTimeout|setInterval)$/.test(name)) return;
    findings.push(finding(file, node.start, `${name} outside test/node/`));
  });
  return findings;
}

/** A time that is a number carries its unit: `timeoutMs`, not `timeout`. */
export function unitRule(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  walk(file.tree, (node) => {
    const name = node.type === 'TSPropertySignature' ? childOf(node, 'key', 'Identifier')?.name : node.name;
    const annotation = childOf(node, 'typeAnnotation', 'TSTypeAnnotation');
    if (typeof name !== 'string' || !TIME_NAME.test(name)) return;
    if (childOf(annotation, 'typeAnnotation', 'TSNumberKeyword') === undefined) return;
    findings.push(finding(file, node.start, `${name} has no unit`));
  });
  return findings;
}

/** Files are nouns in kebab-case and open with a comment on what they are; doors and tests need none. */
export function headerRule(file: SourceFile): Finding[] {
  const name = posix.basename(file.path);
  const findings: Finding[] = [];
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(name))
    findings.push(finding(file, 0, 'not in kebab-case'));
  if (/^(utils?|helpers?|misc|common)\.ts$/.test(name)) findings.push(finding(file, 0, 'not a noun'));
  if (!/^index\.ts$|\.test\.ts$/.test(name) && !/^(#!.*\n)?\/[/*]/.test(file.text)) {
    findings.push(finding(file, 0, 'no opening comment'));
  }
  return findings;
}
