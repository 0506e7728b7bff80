// The kinds of attackers by name.
import type { AttackerKind } from './attacker.ts';
import { eclipse } from './eclipse.ts';
import { equivocation } from './equivocation.ts';
import { falseSamples } from './false-samples.ts';
import { flood } from './flood.ts';
import { freeRider } from './free-rider.ts';
import { gaussian } from './gaussian.ts';
import { innerProduct } from './inner-product.ts';
import { labelFlip } from './label-flip.ts';
import { littleIsEnough } from './little-is-enough.ts';
import { lyingHeads } from './lying-heads.ts';
import { malformed } from './malformed.ts';
import { oversized } from './oversized.ts';
import { replay } from './replay.ts';
import { scaled } from './scaled.ts';
import { signFlip } from './sign-flip.ts';
import { slowLoris } from './slow-loris.ts';
import { withhold } from './withhold.ts';

export type { AttackContext, AttackerKind } from './attacker.ts';

const KINDS: readonly AttackerKind[] = [
  // Lying about values: agreement stands, the model may not.
  signFlip,
  scaled,
  gaussian,
  labelFlip,
  littleIsEnough,
  innerProduct,
  freeRider,
  falseSamples,
  // Lying about records.
  replay,
  equivocation,
  withhold,
  // Lying about everything else.
  lyingHeads,
  malformed,
  oversized,
  flood,
  slowLoris,
  eclipse,
];

export const ATTACKERS: ReadonlyMap<string, AttackerKind> = new Map(KINDS.map((kind) => [kind.name, kind]));

/** For people: what there is and what each does. */
export const ATTACKER_KINDS: readonly { readonly name: string; readonly about: string }[] = KINDS.map(
  ({ name, about }) => ({ name, about }),
);
