// Worlds that once broke a promise, or the shape of one that did. Each file is a scenario whose name tells the story; what
// `meldmesh sim shrink` writes can be put beside them as it is.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { parseScenario, runBowlWorld, tryWorld } from '../../sim/index.ts';

const folder = new URL('./regressions/', import.meta.url);
const files = readdirSync(folder).filter((file) => /\.(json|ya?ml)$/.test(file));

describe('what went wrong once does not go wrong again:', () => {
  for (const file of files) {
    const story = file.replace(/\.\w+$/, '').replaceAll('-', ' ');
    it(story, async function () {
      this.timeout(30_000);
      assert(story.split(' ').length >= 5, 'its name is a sentence');
      const parsed = parseScenario(parse(readFileSync(new URL(file, folder), 'utf8')));
      assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
      assert(parsed.scenario.story !== undefined, 'it says what it is about');
      const { failure } = await tryWorld(parsed.scenario, runBowlWorld, true);
      const lines = failure?.violation.lines?.map(
        ({ atMs, peer, kind, text }) => `${atMs} ${peer} ${kind} ${text}`,
      );
      assert.equal(failure, undefined, [...(lines ?? []), failure?.violation.text].join('\n'));
    });
  }
});
