// The kinds of attackers by name.
import type { AttackerKind } from './attacker.ts';
import { signFlip } from './sign-flip.ts';

export type { AttackContext, AttackerKind } from './attacker.ts';

export const ATTACKERS: ReadonlyMap<string, AttackerKind> = new Map(
  [signFlip].map((kind) => [kind.name, kind]),
);
