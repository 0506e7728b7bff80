// A permutation spec as a JSON file, for models whose names and shapes do not tell. Files come from strangers: every
// number has a limit, and a spec is given out only after it was held against the model.
import { z } from 'zod';
import { FusionError } from '../errors.ts';
import { PARAMETERS_MAX } from '../model-spec.ts';
import type { ModelLayout } from '../types.ts';
import { checkSpec, PERMUTATIONS_MAX } from './check.ts';
import type { PermutationSpec } from './permutation-spec.ts';

/** The spec of GPT-2 XL takes 1.3 million characters. */
const TEXT_LENGTH_MAX = 2 ** 24;
const PLACES_MAX = 2 ** 18;
const NAME_LENGTH_MAX = 1_024;

const name = z.string().min(1).max(NAME_LENGTH_MAX);
const natural = z.number().int().min(0).max(PARAMETERS_MAX);
const positive = natural.min(1);

const axisSchema = z.strictObject({
  tensor: name,
  axis: natural.max(15),
  start: natural.optional(),
  repeats: positive.optional(),
  block: positive.optional(),
  isStatistic: z.boolean().optional(),
});

/** The file as it stands; unknown keys are refused. */
export const permutationSpecSchema = z.strictObject({
  version: z.literal(1),
  permutations: z
    .array(z.strictObject({ name, size: positive, axes: z.array(axisSchema).max(PLACES_MAX) }))
    .max(PERMUTATIONS_MAX),
  untouched: z.array(name).max(PLACES_MAX),
});

/**
 * The spec in this text, if it is one for that model. Throws `MELDMESH_FUSION_SPEC` for a text that is too long, no
 * JSON, of another form or version, and for a spec that `checkSpec` refuses.
 */
export function readSpecFile(text: string, layout: ModelLayout): PermutationSpec {
  if (text.length > TEXT_LENGTH_MAX) throw refusal(`is longer than ${TEXT_LENGTH_MAX} characters`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refusal('is not JSON', { cause });
  }
  const parsed = permutationSpecSchema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0];
    throw refusal(`has a wrong form: ${path.length === 0 ? '' : `${path.join('.')}: `}${message}`);
  }
  const { permutations, untouched } = parsed.data;
  checkSpec({ permutations, untouched }, layout);
  return { permutations, untouched };
}

/** The text that `readSpecFile` reads, indented for people. */
export function writeSpecFile({ permutations, untouched }: PermutationSpec): string {
  return `${JSON.stringify({ version: 1, permutations, untouched }, undefined, 2)}\n`;
}

function refusal(what: string, options?: ErrorOptions): FusionError {
  return new FusionError('MELDMESH_FUSION_SPEC', `the permutation spec ${what}`, options);
}
