// What became of a model from elsewhere, in lines for people: one sentence, and the numbers behind it.
import type { ForeignStory } from '../node/index.ts';
import { formatCount, formatPercent } from './format.ts';

const VERBS: Readonly<Record<ForeignStory['outcome'], string>> = {
  pending: 'waits',
  accepted: 'comes in',
  refused: 'stays outside',
  dropped: 'is dropped',
  late: 'comes too late',
};

/** The first line says all; others follow where something was measured. */
export function foreignLines(story: ForeignStory): readonly string[] {
  const { name, outcome, reason, samples, kept, decision } = story;
  const size = samples === undefined ? '' : ` (${formatCount(samples)} samples)`;
  const first = `${name}${size} ${VERBS[outcome]}: ${reason}`;
  const lines = [first];
  if (decision?.shared !== undefined && decision.foreign !== undefined) {
    const { shared, foreign, holdOut } = decision;
    lines.push(`on ${formatCount(holdOut)} own samples: mesh ${scoreText(shared)}, it ${scoreText(foreign)}`);
  }
  for (const { method, distance, objective } of decision?.matchings ?? []) {
    lines.push(
      `matched by ${method}: distance ${distance.before.toFixed(2)} to ${distance.after.toFixed(2)}, objective ${objective.before.toFixed(1)} to ${objective.after.toFixed(1)}`,
    );
  }
  if (decision?.chosen !== undefined) {
    const { share, method, barrier } = decision.chosen;
    lines.push(
      `taken: ${formatPercent(share)} by ${method}, ${scoreText(decision.chosen)}, barrier ${barrier.toFixed(3)}`,
    );
  }
  if (kept !== undefined) lines.push(`kept in the store as blob ${kept.slice(0, 16)}`);
  return lines;
}

const scoreText = ({ loss, accuracy }: { readonly loss: number; readonly accuracy: number }): string =>
  `loss ${loss.toFixed(3)}, ${formatPercent(accuracy)}`;
