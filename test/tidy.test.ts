// The rules of the house as tests. Each rule shows on a small sample what it catches and what it lets pass,
// and is then held against every TypeScript file of the project.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import * as code from './tidy/code.ts';
import * as rooms from './tidy/rooms.ts';
import { type Finding, parseSource, readSources, type SourceFile } from './tidy/source.ts';

interface Rule {
  readonly name: string;
  readonly check: (files: readonly SourceFile[]) => Finding[];
  /** Path and text of small files, and the lines that the rule must answer with. */
  readonly sample: Readonly<Record<string, string>>;
  readonly finds: readonly string[];
}

const each =
  (check: (file: SourceFile) => Finding[]) =>
  (files: readonly SourceFile[]): Finding[] =>
    files.flatMap((file) => check(file));

const show = ({ path, line, message }: Finding): string => `${path}:${line} ${message}`;

const lines = (count: number): string => 'go();\n'.repeat(count);

const RULES: readonly Rule[] = [
  {
    name: 'rooms import only the rooms below them, through the door',
    check: each(rooms.roomRule),
    sample: {
      'fusion/mean.ts': "import { read } from '../learning/index.ts';",
      'node/host.ts':
        "import { a } from '../fusion/index.ts';\nimport type { B } from '../protocols/ports.ts';",
      'cli/main.ts': "export * from '../node/index.ts';\nawait import('../test/swarm.ts');",
      'sim/world.ts': "type Host = import('../node/index.ts').Host;",
      'test/node/host.test.ts': "import { b } from '../../node/host.ts';",
    },
    finds: [
      'fusion/mean.ts:1 fusion/ may not import learning/',
      'node/host.ts:2 import protocols/ through its index.ts, not ../protocols/ports.ts',
      'cli/main.ts:2 cli/ may not import test/',
      'sim/world.ts:1 sim/ may not import node/',
    ],
  },
  {
    name: 'a package that belongs to one room is imported nowhere else',
    check: each(rooms.packageRule),
    sample: {
      'cli/main.ts':
        "import * as tf from '@tensorflow/tfjs-core';\nimport { readFile } from 'node:fs/promises';",
      'learning/model.ts':
        "import * as tf from '@tensorflow/tfjs-core';\nimport { Worker } from 'node:worker_threads';",
      'protocols/ports.ts':
        "import type { PeerId } from '@libp2p/interface';\nimport { Level } from 'level';",
      'fusion/mean.ts': "import assert from 'node:assert/strict';\nimport fs from 'node:fs';",
    },
    finds: [
      'cli/main.ts:1 only learning/ may import @tensorflow/tfjs-core',
      'protocols/ports.ts:1 only node/ may import @libp2p/interface',
      'protocols/ports.ts:2 only node/ may import level',
      'fusion/mean.ts:2 fusion/ may not import node:fs',
    ],
  },
  {
    name: 'no file imports the index of a folder that it stands in',
    check: each(rooms.ownIndexRule),
    sample: {
      'protocols/delta-set/machine.ts':
        "import { a } from '../index.ts';\nimport { b } from '../manifest/index.ts';",
      'protocols/index.ts': "export * from './delta-set/index.ts';",
    },
    finds: ['protocols/delta-set/machine.ts:1 imports the index of its own folder: ../index.ts'],
  },
  {
    name: 'an index only re-exports',
    check: each(rooms.indexRule),
    sample: {
      'fusion/index.ts':
        "export * from './mean.ts';\nexport type { A } from './types.ts';\nexport const b = 1;",
      'node/index.ts': "import { a } from './a.ts';\nexport { a };",
      'node/other.ts': 'export const b = 1;',
    },
    finds: [
      'fusion/index.ts:3 index.ts only re-exports',
      'node/index.ts:1 index.ts only re-exports',
      'node/index.ts:2 index.ts only re-exports',
    ],
  },
  {
    name: 'imports never lead in a circle, not even those of types',
    check: rooms.cycleRule,
    sample: {
      'node/a.ts': "import { b } from './b.ts';\nimport { c } from './c.ts';",
      'node/b.ts': "import { c } from './c.ts';",
      'node/c.ts': "const a = await import('./a.ts');",
      'node/d.ts': "import type { E } from './e.ts';\nimport { a } from './a.ts';",
      'node/e.ts': "import { d } from './d.ts';",
      'protocols/p/index.ts': "export type { P } from './p.ts';",
      'protocols/p/p.ts': "import type { Q } from '../q.ts';",
      'protocols/q.ts': "import type { P } from './p/index.ts';",
    },
    finds: [
      'node/a.ts:1 node/a.ts -> node/c.ts -> node/a.ts',
      'node/d.ts:1 node/d.ts -> node/e.ts -> node/d.ts',
      'protocols/p/index.ts:1 protocols/p/index.ts -> protocols/p/p.ts -> protocols/q.ts -> protocols/p/index.ts',
    ],
  },
  {
    name: 'every file is used by another one',
    check: rooms.orphanRule,
    sample: {
      'node/index.ts': "export * from './host.ts';",
      'node/host.ts': 'export const a = 1;',
      'node/forgotten.ts': 'export const a = 1;',
      'learning/worker.ts': 'go();',
      'test/a.test.ts': "import '../node/forgotten.ts';",
    },
    finds: ['node/forgotten.ts:1 nobody imports this file'],
  },
  {
    name: 'the core uses no ambient clock, chance, process or console',
    check: each(code.ambientRule),
    sample: {
      'protocols/machine.ts': 'const a = Date.now();\nclock.setTimeout({ process: 1 });\nsetTimeout(go, 1);',
      'learning/batches.ts': 'const a = Math.random() + Math.max(1, 2);\nconsole.log(random.fork("Date"));',
      'node/clock.ts': 'const a = performance.now();',
    },
    finds: [
      'protocols/machine.ts:1 protocols/ may not use Date',
      'protocols/machine.ts:3 protocols/ may not use setTimeout',
      'learning/batches.ts:1 learning/ may not use Math.random',
      'learning/batches.ts:2 learning/ may not use console',
    ],
  },
  {
    name: 'fusion uses only arithmetic that is exact on every machine',
    check: each(code.exactMathRule),
    sample: {
      'fusion/mean.ts': 'const a = Math.sqrt(2 ** bits);\nconst b = Math.log(a);\nconst c = a ** 0.5;',
      'learning/loss.ts': 'const b = Math.log(2);',
    },
    finds: ['fusion/mean.ts:2 Math.log is not exact', 'fusion/mean.ts:3 only powers of 2 are exact'],
  },
  {
    name: 'files stop at 400 lines and functions at 60',
    check: each(code.sizeRule),
    sample: {
      'node/long.ts': lines(401),
      'node/short.ts': `${lines(200)}function run() {\n${lines(59)}}\nconst f = () => {\n${lines(58)}};\n`,
      'test/a.test.ts': `describe('a', () => {\nit('b', () => {});\n${lines(60)}});\nit('c', () => {\n${lines(60)}});`,
    },
    finds: [
      'node/long.ts:1 401 lines in a file',
      'node/short.ts:201 61 lines in a function',
      'test/a.test.ts:64 62 lines in a function',
    ],
  },
  {
    name: 'no type is given up',
    check: each(code.typeRule),
    sample: { 'node/a.ts': '// @ts-ignore\nconst a: any = 1;\nconst any = "any";' },
    finds: ['node/a.ts:2 any', 'node/a.ts:1 @ts-ignore'],
  },
  {
    name: 'nothing is left for later and no test is skipped',
    check: each(code.finishedRule),
    sample: {
      'node/a.ts': '// TODO: later\nconst a = "FIXME";',
      'test/a.test.ts': "it.skip('a', () => {});\nit('b', () => {});\nxit('c', () => {});",
    },
    finds: ['node/a.ts:1 TODO', 'test/a.test.ts:1 it.skip', 'test/a.test.ts:3 xit'],
  },
  {
    name: 'only tests of real nodes wait for real time',
    check: each(code.sleepRule),
    sample: {
      'test/fusion/a.test.ts': "import { setTimeout } from 'node:timers/promises';\nawait setTimeout(50);",
      'test/node/a.test.ts': 'setTimeout(go, 50);',
    },
    finds: [
      'test/fusion/a.test.ts:1 node:timers/promises outside test/node/',
      'test/fusion/a.test.ts:2 setTimeout outside test/node/',
    ],
  },
  {
    name: 'a time carries its unit in its name',
    check: each(code.unitRule),
    sample: {
      'node/a.ts':
        'interface A {\n  timeout?: number;\n  delayMs: number;\n}\nconst f = (deadline: number) => deadline;',
    },
    finds: ['node/a.ts:2 timeout has no unit', 'node/a.ts:5 deadline has no unit'],
  },
  {
    name: 'a file is a noun in kebab-case and opens by saying what it is',
    check: each(code.headerRule),
    sample: {
      'node/hostThing.ts': '// A host.\n',
      'node/utils.ts': '// Things.\n',
      'node/host.ts': 'go();\n',
      'node/index.ts': "export * from './host.ts';\n",
    },
    finds: [
      'node/hostThing.ts:1 not in kebab-case',
      'node/utils.ts:1 not a noun',
      'node/host.ts:1 no opening comment',
    ],
  },
];

describe('the house is tidy', () => {
  let sources: readonly SourceFile[] = [];
  before(() => {
    sources = readSources(fileURLToPath(new URL('..', import.meta.url)));
  });

  for (const rule of RULES) {
    it(rule.name, () => {
      const sample = Object.entries(rule.sample).map(([path, text]) => parseSource(path, text));
      assert.deepEqual(rule.check(sample).map(show), rule.finds, 'the rule itself is broken');
      assert.deepEqual(rule.check(sources).map(show), []);
    });
  }
});
