// The object of `sim --json`: that of `meldmesh mesh`, and what only a simulation has. Seconds in it are virtual, but for
// `seconds` itself; memory and delay are those of the one process in which all peers run.
import { z } from 'zod';
import { codecNamed } from '../../fusion/index.ts';
import type { SimResult } from '../../sim/index.ts';
import { type Report, reportSchema } from '../mesh/report.ts';

export const simReportSchema = reportSchema.extend({
  /** SHA-256 over time, peer, kind and bytes of every event: equal for equal runs. */
  traceHash: z.string(),
  virtualSeconds: z.number(),
  events: z.number().int(),
  /** Whether all honest peers that were not killed for good ended at the last generation with one digest. */
  agreed: z.boolean(),
  /** Present where a checker stopped the run. */
  violation: z.strictObject({ checker: z.string(), text: z.string(), virtualSeconds: z.number() }).optional(),
  /** Present and true where Ctrl-C ended it. */
  interrupted: z.literal(true).optional(),
});

export type SimReport = z.infer<typeof simReportSchema>;

export interface ProcessUse {
  readonly rssPeakMiB: number;
  readonly eventLoopDelayP99Ms: number;
}

export interface SimReportOptions {
  readonly result: SimResult;
  readonly codec: string;
  readonly backend: string;
  readonly use: ProcessUse;
  readonly interrupted: boolean;
}

/** Pure: the same result gives the same report. */
export function makeSimReport({ result, codec, backend, use, interrupted }: SimReportOptions): SimReport {
  const { scenario, peers, violation } = result;
  const generations = Math.max(0, ...peers.map(({ generation }) => generation));
  return {
    seed: scenario.seed,
    backend,
    codec: codecNamed(codec)?.name ?? codec,
    seconds: round(result.realSeconds, 3),
    generations,
    peers: peers.map(({ id, samples, accuracy, loss, digest, bytesIn, bytesOut }) => ({
      id,
      samples,
      accuracy: accuracy ?? null,
      loss: loss ?? null,
      digest: digest ?? null,
      bytesIn: kindsOf(bytesIn),
      bytesOut: kindsOf(bytesOut),
      rssPeakMiB: round(use.rssPeakMiB, 1),
      eventLoopDelayP99Ms: round(use.eventLoopDelayP99Ms, 2),
    })),
    history: historyOf(result, generations),
    traceHash: result.traceHash,
    virtualSeconds: round(result.virtualSeconds, 3),
    events: result.events,
    agreed: result.agreed,
    ...(violation === undefined
      ? {}
      : {
          violation: {
            checker: violation.checker,
            text: violation.text,
            virtualSeconds: round(violation.atMs / 1_000, 3),
          },
        }),
    ...(interrupted ? { interrupted: true as const } : {}),
  };
}

function historyOf({ history, peers }: SimResult, generations: number): Report['history'] {
  const rows = Array.from({ length: generations }, (_, i) => ({
    generation: i + 1,
    seconds: null as number | null,
    accuracy: peers.map(() => null as number | null),
    digest: peers.map(() => null as string | null),
    bytesIn: peers.map(() => null as number | null),
  }));
  for (const { generation, peer, atMs, accuracy, digest, bytesIn } of history) {
    const row = rows[generation - 1];
    row.seconds = Math.max(row.seconds ?? 0, round(atMs / 1_000, 3));
    row.accuracy[peer] = accuracy ?? null;
    row.digest[peer] = digest;
    row.bytesIn[peer] = bytesIn;
  }
  return rows;
}

/** Only the three kinds of the promise, whatever else is counted. */
function kindsOf({ gossip, transfer, control }: Report['peers'][number]['bytesIn']) {
  return { gossip, transfer, control };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
