// What makes a robust mean fit for a mesh: every member must be able to apply every generation, whoever contributed to it.
import { FusionError } from '../errors.ts';
import { shortageOf } from './fuse.ts';
import { robustMeanNamed } from './grammar.ts';

/**
 * What is wrong with a rule of this name for generations of one to `contributorsMax` parts, as the end of a sentence that
 * begins with its name; `undefined` for a good one.
 */
export function meshRuleProblem(name: string, contributorsMax: number): string | undefined {
  let rule: ReturnType<typeof robustMeanNamed>;
  try {
    rule = robustMeanNamed(name);
  } catch (error) {
    if (error instanceof FusionError) return `cannot be used: ${error.message}`;
    throw error;
  }
  if (rule.name !== name) return `is written ${JSON.stringify(rule.name)}`;
  const referring = rule.chains.find((chain) => chain.rule.usesReference === true);
  if (referring !== undefined) return 'measures by a reference update, which a mesh has not got';
  for (let parts = 1; parts <= contributorsMax; parts++) {
    if (rule.chains.some((chain) => shortageOf(chain, parts) === undefined)) continue;
    return `has no alternative for a generation of ${parts}: add one, such as "/median:1"`;
  }
  return undefined;
}
