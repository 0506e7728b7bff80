// From what a person writes (YAML, JSON, flags; most keys left out) to a whole manifest. Says what is wrong
// with the path of the key and, for a name that does not exist, the nearest that does.
import { z } from 'zod';
import { parseModelName } from '../../fusion/index.ts';
import { canonicalBytes } from './canonical.ts';
import { MANIFEST_BYTES_MAX, manifestDefaults } from './defaults.ts';
import { sentenceOf } from './manifest.ts';
import { crossChecks, nearestName } from './rules.ts';
import { type Manifest, manifestSchema } from './schema.ts';

export type ManifestConfigParsed =
  | { readonly manifest: Manifest; readonly problems?: undefined }
  | { readonly manifest?: undefined; readonly problems: readonly string[] };

type PlainObject = Readonly<Record<string, unknown>>;

/**
 * The same keys as the manifest, with `manifestDefaults` for what is absent, and two comforts: `model` may be
 * `mlp:256` or `mlp:256,128` (hidden units, relu) when `data` gives inputs and classes, and `data` may leave
 * out what `model` already says. Members are sorted and made unique.
 */
export function parseManifestConfig(config: unknown): ManifestConfigParsed {
  if (!isPlainObject(config))
    return { problems: ['A manifest file holds keys and values, this one does not.'] };
  const merged = withDefaults(config, manifestDefaults);
  const data = dataOf(merged.model, merged.data);
  const model = modelOf(merged.model, data);
  if (typeof model === 'string') return { problems: [model] };
  const members = merged.members === undefined ? {} : { members: membersOf(merged.members) };
  const parsed = manifestSchema.safeParse({ ...merged, model, data, ...members });
  if (!parsed.success) return { problems: parsed.error.issues.flatMap(explain) };
  const problems = [...crossChecks(parsed.data), ...memberProblems(parsed.data)];
  if (canonicalBytes(parsed.data).length > MANIFEST_BYTES_MAX) {
    problems.push(`the manifest takes more than ${MANIFEST_BYTES_MAX} bytes: name fewer members`);
  }
  return problems.length > 0 ? { problems } : { manifest: parsed.data };
}

function withDefaults(config: PlainObject, defaults: PlainObject): PlainObject {
  const merged: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined) continue;
    const fallback = Object.hasOwn(defaults, key) ? defaults[key] : undefined;
    const nested = isPlainObject(value) && isPlainObject(fallback);
    Object.defineProperty(merged, key, {
      value: nested ? withDefaults(value, fallback) : value,
      enumerable: true,
      configurable: true,
    });
  }
  return merged;
}

/** What the model says of the data fills the gaps; a contradiction is left for the checks to find. */
function dataOf(model: unknown, data: unknown): unknown {
  if (!isPlainObject(model) || !isPlainObject(data)) return data;
  const last: unknown = Array.isArray(model.layers) ? model.layers[model.layers.length - 1] : undefined;
  return {
    inputs: model.inputs,
    classes: isPlainObject(last) ? last.units : undefined,
    ...data,
  };
}

/** A sentence when the short form cannot be read. */
function modelOf(model: unknown, data: unknown): unknown {
  if (model === undefined) return 'model is missing: give a dense stack or the short form "mlp:256"';
  if (typeof model !== 'string') return model;
  const inputs = isPlainObject(data) ? data.inputs : undefined;
  const classes = isPlainObject(data) ? data.classes : undefined;
  if (typeof inputs !== 'number') return 'data.inputs is missing: how many numbers has one sample?';
  if (typeof classes !== 'number') return 'data.classes is missing: how many labels are there?';
  return (
    parseModelName(model, { inputs, classes }) ??
    `model "${model}" is unknown or too large: use "mlp:256", "mlp:256,128" or a dense stack`
  );
}

function membersOf(members: unknown): unknown {
  return Array.isArray(members) ? [...new Set<unknown>(members)].sort() : members;
}

function memberProblems(manifest: Manifest): readonly string[] {
  return (manifest.members ?? [])
    .filter((id) => !/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/.test(id))
    .map(
      (id) => `members: "${id}" is no peer id of an Ed25519 key; one begins with 12D3KooW and has 52 letters`,
    );
}

function explain(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code !== 'unrecognized_keys') return [sentenceOf(issue)];
  const known = knownKeys(issue.path);
  return issue.keys.map((key) => {
    const path = [...issue.path, key].map((part) => String(part)).join('.');
    const nearest = nearestName(key, known);
    return nearest === undefined
      ? `${path} is unknown; here may stand: ${known.join(', ')}`
      : `${path} is unknown: did you mean ${nearest}?`;
  });
}

function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let schema: unknown = manifestSchema;
  for (const part of path) {
    if (schema instanceof z.ZodOptional) schema = schema.unwrap();
    if (schema instanceof z.ZodObject) schema = schema.shape[String(part)];
    else if (schema instanceof z.ZodArray) schema = schema.element;
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
