// What all members of a mesh must agree on. The SHA-256 of its canonical bytes is the mesh id, so a member
// with one different number is in a different mesh. Unknown keys are refused.
import { z } from 'zod';
import { denseSpecSchema } from '../../fusion/index.ts';

const positive = z.number().int().positive();

export const manifestSchema = z.strictObject({
  /** Version of the protocol; members speak exactly this one. */
  protocol: z.literal(1),
  name: z.string().min(1).max(80),
  /** Free text that makes two meshes of equal settings different ones. */
  salt: z.string().max(80),
  model: denseSpecSchema,
  data: z.strictObject({
    inputs: positive,
    classes: positive.max(100_000),
    /** Raw values are divided by this before training. */
    scale: z.number().positive(),
  }),
  training: z.strictObject({
    optimiser: z.literal('sgd-momentum'),
    learningRate: z.number().positive().max(100),
    momentum: z.number().min(0).max(0.9999),
    batch: positive.max(65_536),
    localEpochs: positive.max(1_000),
  }),
  aggregation: z.strictObject({
    /** How the deltas of a generation become one: `mean`, by samples, or a robust mean of that name. */
    rule: z.string().min(1).max(200),
    outerMomentum: z.number().min(0).max(0.9999),
    outerLearningRate: z.number().positive().max(10),
  }),
  codec: z.string().min(1).max(32),
  /** What becomes of a model that a member brings from elsewhere, see lineage.ts; absent: `shared`. */
  lineage: z.enum(['shared', 'adopt', 'align', 'naive']).optional(),
  pace: z.strictObject({
    /** Share of the live contributors' samples that completes a generation, in (0, 1]. */
    quorum: z.number().gt(0).max(1),
    /** Fewer contributors than this are never a quorum. */
    contributorsMin: positive.max(10_000),
    /** About so many members contribute to each generation, drawn by a hash; absent: all of them. */
    contributorsTarget: positive.max(1_000).optional(),
    /** Without a quorum a member waits this many observed generation times, doubling each time. */
    patience: z.number().positive().max(1_000),
    patienceMinMs: positive.max(86_400_000),
    patienceMaxMs: positive.max(86_400_000),
  }),
  history: z.strictObject({
    /** Generations after which a delta that few have known has no weight. */
    correctionWindow: positive.max(64),
    /** Generations older than this are sealed into a snapshot. */
    horizon: z.number().int().min(16).max(10_000),
  }),
  limits: z.strictObject({
    /** A delta's payload travels inside the gossip message up to this size. */
    inlineBytes: z.number().int().min(0).max(262_144),
    payloadBytes: positive.max(1_073_741_824),
    /** Samples that one member may claim. */
    samplesMax: positive.max(1_000_000_000),
    generationsAhead: positive.max(1_000),
    contributorsMax: positive.max(1_000),
    storeBytes: positive,
  }),
  /** Peer ids that may contribute; absent: anybody who holds the invitation. */
  members: z.array(z.string().min(1).max(128)).max(10_000).optional(),
  /** Said aloud because members decide by it. There is no privacy guarantee yet. */
  privacy: z.literal('none'),
});

export type Manifest = z.infer<typeof manifestSchema>;
