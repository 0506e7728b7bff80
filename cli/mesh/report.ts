// The object of --json and of report.json, made from what was watched. Its schema is here, so that its shape is a
// checked promise. Accuracy is a fraction, a digest is full hex, seconds count from the start of the command.
import { z } from 'zod';
import { digestAt, type NodeView, trainerOf } from './view.ts';

const bytesSchema = z.strictObject({ gossip: z.number(), transfer: z.number(), control: z.number() });

const scoreSchema = z.strictObject({ loss: z.number(), accuracy: z.number() });

const foreignSchema = z.strictObject({
  name: z.string(),
  lineage: z.string(),
  outcome: z.string(),
  reason: z.string(),
  samples: z.number().int().optional(),
  /** Of the mesh's model, of the foreign one and of what was taken, on the node's own hold-out. */
  shared: scoreSchema.optional(),
  foreign: scoreSchema.optional(),
  taken: z
    .strictObject({
      ...scoreSchema.shape,
      method: z.string(),
      share: z.number(),
      repaired: z.boolean(),
      barrier: z.number(),
    })
    .optional(),
});

export const reportSchema = z.strictObject({
  seed: z.string(),
  backend: z.string(),
  codec: z.string(),
  seconds: z.number(),
  generations: z.number().int(),
  /** The state after the mesh has settled. */
  peers: z.array(
    z.strictObject({
      id: z.string(),
      samples: z.number().int(),
      /** `null`: the model of this node could not be fetched. */
      accuracy: z.number().nullable(),
      loss: z.number().nullable(),
      digest: z.string().nullable(),
      bytesIn: bytesSchema,
      bytesOut: bytesSchema,
      rssPeakMiB: z.number(),
      eventLoopDelayP99Ms: z.number(),
      /** Name of the program that trains for this node; absent where meldmesh itself does. */
      trainer: z.string().optional(),
      /** What became of the model that this node has brought from elsewhere, as it says itself; absent where it has none. */
      foreign: foreignSchema.optional(),
      /** Present and true for a node that went before the end; the rest is what it said last. */
      lost: z.literal(true).optional(),
    }),
  ),
  /**
   * One row for each generation, in the order of `peers`, taken when a node first completes it; `null` where
   * it never did. `seconds` is when the last of them did, `bytesIn` all bytes received until then.
   */
  history: z.array(
    z.strictObject({
      generation: z.number().int(),
      seconds: z.number().nullable(),
      accuracy: z.array(z.number().nullable()),
      digest: z.array(z.string().nullable()),
      bytesIn: z.array(z.number().nullable()),
    }),
  ),
});

export type Report = z.infer<typeof reportSchema>;

/** Two trainings without a mesh, on the same digits, with the same number of steps and the same start. */
export interface References {
  /** Accuracy of each shard's own model. */
  readonly alone: readonly number[];
  /** Accuracy of one model trained on all shards' data. */
  readonly pooled: number;
}

export interface ReportOptions {
  readonly seed: string;
  readonly codec: string;
  readonly seconds: number;
  readonly generations: number;
  readonly views: readonly NodeView[];
  readonly scoreOf: (
    digest: string | undefined,
  ) => { readonly accuracy: number; readonly loss: number } | undefined;
}

const NO_BYTES = { gossip: 0, transfer: 0, control: 0 };

/** Pure: the same views give the same report. */
export function makeReport(options: ReportOptions): Report {
  const { seed, codec, generations, views, scoreOf } = options;
  const backends = views.flatMap((view) =>
    trainerOf(view) === undefined ? (view.status?.backend ?? []) : [],
  );
  const backend = backends.find((name) => name !== 'none');
  return {
    seed,
    backend: backend ?? 'none',
    codec,
    seconds: round(options.seconds, 3),
    generations,
    peers: views.map((view) => {
      // A mesh that keeps running is past the generation that is reported.
      const digest = view.generation > generations ? digestAt(view, generations) : view.digest;
      const score = scoreOf(digest);
      return {
        id: view.node.peerId,
        samples: view.node.samples,
        accuracy: score?.accuracy ?? null,
        loss: score?.loss ?? null,
        digest: digest ?? null,
        bytesIn: { ...(view.status?.bytesIn ?? NO_BYTES) },
        bytesOut: { ...(view.status?.bytesOut ?? NO_BYTES) },
        rssPeakMiB: round(view.status?.rssPeakMiB ?? 0, 1),
        eventLoopDelayP99Ms: round(view.status?.eventLoopDelayP99Ms ?? 0, 2),
        ...trainerField(view),
        ...foreignField(view),
        ...(view.state === 'lost' ? { lost: true as const } : {}),
      };
    }),
    history: Array.from({ length: generations }, (_, index) => historyRow(index + 1, views, scoreOf)),
  };
}

function trainerField(view: NodeView): { readonly trainer?: string } {
  const trainer = trainerOf(view);
  return trainer === undefined ? {} : { trainer };
}

function foreignField({ status }: NodeView): { readonly foreign?: Report['peers'][number]['foreign'] } {
  if (status?.foreign === undefined) return {};
  const { name, lineage, outcome, reason, samples, decision } = status.foreign;
  const { shared, foreign, chosen } = decision ?? {};
  const taken = chosen && {
    loss: chosen.loss,
    accuracy: chosen.accuracy,
    method: chosen.method,
    share: chosen.share,
    repaired: chosen.repaired,
    barrier: chosen.barrier,
  };
  const scores = Object.entries({ shared, foreign, taken }).filter(([, value]) => value !== undefined);
  return { foreign: { name, lineage, outcome, reason, samples, ...Object.fromEntries(scores) } };
}

function historyRow(
  generation: number,
  views: readonly NodeView[],
  scoreOf: ReportOptions['scoreOf'],
): Report['history'][number] {
  const completed = views.map((view) => view.completed.get(generation));
  const times = completed.flatMap((each) => (each === undefined ? [] : [each.seconds]));
  return {
    generation,
    seconds: times.length === 0 ? null : round(Math.max(...times), 3),
    accuracy: completed.map((each) => scoreOf(each?.digest)?.accuracy ?? null),
    digest: completed.map((each) => each?.digest ?? null),
    bytesIn: completed.map((each) => each?.bytesIn ?? null),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
