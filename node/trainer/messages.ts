// The lines between a node and its trainer, version 1 of the protocol in docs/trainers.md. One JSON object a line; what
// the trainer writes is judged here and nowhere else.
import { z } from 'zod';
import type { DenseSpec } from '../../fusion/index.ts';
import type { TrainingSettings } from '../../learning/index.ts';

export const PROTOCOL = 1;
/** The longest line of a trainer: a message has some dozen bytes, a printed traceback some thousand. */
export const LINE_BYTES_MAX = 2 ** 20;

export interface Hello {
  readonly type: 'hello';
  readonly protocol: typeof PROTOCOL;
  readonly meldmesh: string;
  readonly folder: string;
  readonly seed: string;
  readonly tensors: readonly {
    readonly name: string;
    readonly dtype: 'float32';
    readonly shape: readonly number[];
  }[];
  readonly model: DenseSpec;
  readonly data: { readonly inputs: number; readonly classes: number; readonly scale: number };
  readonly training: TrainingSettings;
  readonly samplesFile?: string;
  readonly testFile?: string;
}

export type Question =
  | {
      readonly type: 'train';
      readonly id: number;
      readonly generation: number;
      readonly steps: number;
      readonly seed: string;
      readonly weights: string;
      readonly result: string;
    }
  | { readonly type: 'evaluate'; readonly id: number; readonly weights: string };

export type NodeMessage = Hello | Question | { readonly type: 'stop' };

const count = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const id = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const text = z.string().max(LINE_BYTES_MAX);

const schemas = {
  ready: z.object({
    type: z.literal('ready'),
    protocol: z.literal(PROTOCOL, { error: `only version ${PROTOCOL} is spoken` }).optional(),
    name: text.optional(),
    samples: count,
    evaluates: z.boolean().optional(),
  }),
  progress: z.object({
    type: z.literal('progress'),
    id,
    step: z.number().optional(),
    loss: z.number().nullable().optional(),
  }),
  trained: z.object({ type: z.literal('trained'), id, steps: count, loss: z.number() }),
  evaluated: z.object({
    type: z.literal('evaluated'),
    id,
    accuracy: z.number().min(0).max(1),
    loss: z.number(),
  }),
  failed: z.object({ type: z.literal('failed'), id: id.optional(), error: text.optional() }),
};

export type TrainerMessage = z.infer<(typeof schemas)[keyof typeof schemas]>;
export type Ready = z.infer<typeof schemas.ready>;
export type Answer = z.infer<typeof schemas.trained> | z.infer<typeof schemas.evaluated>;

/** JSON has no word for these, but Python's writer puts them all the same. They become null, which no number is. */
const NO_NUMBER = /([:[,]\s*)(?:NaN|-?Infinity)(?=\s*[,\]}])/g;

/**
 * What a line of standard output is: a message, a message with a fault that is named, or, as `undefined`, text for
 * people. Never throws.
 */
export function decodeTrainerLine(line: string): TrainerMessage | { readonly fault: string } | undefined {
  const trimmed = line.trim();
  if (!trimmed.startsWith('{')) return undefined;
  const value = objectOf(trimmed) ?? objectOf(trimmed.replace(NO_NUMBER, '$1null'));
  if (value === undefined || !('type' in value) || typeof value.type !== 'string') return undefined;
  if (!Object.hasOwn(schemas, value.type)) return undefined;
  const parsed = schemas[value.type as keyof typeof schemas].safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0];
  return { fault: `its message "${value.type}" has a fault (${path.join('.')}: ${message})` };
}

export function encodeMessage(message: NodeMessage): string {
  return `${JSON.stringify(message)}\n`;
}

function objectOf(json: string): object | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
