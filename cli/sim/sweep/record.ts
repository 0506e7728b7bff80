// The result of one cell, and the folder in which results lie by the hash of what they are the result of.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CliError } from '../../errors.ts';
import { simReportSchema } from '../report.ts';

const recordSchema = z.strictObject({
  /** SHA-256 of the scenario. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  scenario: z.string(),
  seed: z.string(),
  varied: z.record(z.string(), z.string()),
  report: simReportSchema,
});
export type SweepRecord = z.infer<typeof recordSchema>;

/** Whole or not at all: another process may be reading. */
export function writeRecord(folder: string, record: SweepRecord): void {
  mkdirSync(folder, { recursive: true });
  const file = fileOf(folder, record.hash);
  const unfinished = `${file}.${process.pid}.part`;
  writeFileSync(unfinished, `${JSON.stringify(record)}\n`);
  renameSync(unfinished, file);
}

/** `undefined`: there is none. */
export function readRecord(folder: string, hash: string): SweepRecord | undefined {
  let text: string;
  try {
    text = readFileSync(fileOf(folder, hash), 'utf8');
  } catch {
    return undefined;
  }
  return parseRecord(text, fileOf(folder, hash));
}

/**
 * All results of a folder.
 * @throws CliError MELDMESH_SIM_SWEEP when there is none, or one is damaged
 */
export function readRecords(folder: string): readonly SweepRecord[] {
  let names: readonly string[];
  try {
    names = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.json$/.test(name));
  } catch (cause) {
    throw new CliError('MELDMESH_SIM_SWEEP', `There is no folder ${folder}`, {
      cause,
      hint: 'Name the folder that --out had',
    });
  }
  if (names.length === 0) {
    throw new CliError('MELDMESH_SIM_SWEEP', `There is no result in ${folder}`, {
      hint: 'Name the folder that --out had',
    });
  }
  return names.map((name) => parseRecord(readFileSync(join(folder, name), 'utf8'), join(folder, name)));
}

function fileOf(folder: string, hash: string): string {
  return join(folder, `${hash}.json`);
}

function parseRecord(text: string, file: string): SweepRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CliError('MELDMESH_SIM_SWEEP', `${file} is no result of this version`, {
    hint: 'Remove it and run its part of the sweep again',
  });
}
