// Against an implementation by others: test/fixtures/robust_byzfl.py wrote what byzfl makes of the same updates.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fuse, robustMeanNamed } from '../../../fusion/robust/index.ts';

interface Case {
  readonly attack: string;
  readonly updates: readonly (readonly number[])[];
  readonly share: string;
  readonly expected: Readonly<Record<string, readonly number[]>>;
}

const fixture = new URL('../../fixtures/robust-byzfl.json', import.meta.url);
const cases: readonly Case[] = JSON.parse(readFileSync(fixture, 'utf8'));
const TAKE_A_SHARE = /\b(nnm|trimmed|krum|minimum-diameter)(?=$|\|)/g;

describe('byzfl agrees', () => {
  for (const { attack, updates, share, expected } of cases) {
    for (const [rule, values] of Object.entries(expected)) {
      it(`on ${rule} under the attack ${attack}`, () => {
        const name = rule.replace(TAKE_A_SHARE, `$1:${share}`);
        const set = {
          size: values.length,
          updates: updates.map((update) => ({ values: Float32Array.from(update), weight: 1 })),
        };
        const { change } = fuse(set, robustMeanNamed(name));
        for (const [i, value] of change.values.entries()) {
          assert(
            Math.abs(value - values[i]) <= 1e-6 * (1 + Math.abs(values[i])),
            `${i}: ${value}, ${values[i]}`,
          );
        }
      });
    }
  }
});
