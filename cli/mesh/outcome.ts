// What a mesh leaves behind: the model file, report.json, and the last words on the terminal.
import { arch, cpus, platform, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import { hashOf } from '../../node/index.ts';
import { type Manifest, meshIdOf } from '../../protocols/index.ts';
import { encodeModelFile, writeWhole } from '../model-file.ts';
import { packageVersion } from '../program-version.ts';
import type { References, Report } from './report.ts';
import { closingSentence, digestSentence, summaryTable } from './summary.ts';

export const REPORT_FILE = 'report.json';
export const MODEL_FILE = 'model.safetensors';

/** The shared model as safetensors. */
export function writeModel(
  path: string,
  model: {
    readonly manifest: Manifest;
    readonly weights: Float32Array;
    readonly generation: number;
    readonly digest: string;
  },
): void {
  writeWhole(path, encodeModelFile({ ...model, meshId: meshIdOf(model.manifest, hashOf) }));
}

/** The object of --json with the references, this machine and the versions. */
export function writeReport(store: string, report: Report, references: References | undefined): void {
  const machine = {
    platform: platform(),
    arch: arch(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
  };
  const versions = { meldmesh: packageVersion(), node: process.versions.node };
  const text = JSON.stringify({ ...report, references, machine, versions }, undefined, 2);
  writeWhole(join(store, REPORT_FILE), `${text}\n`);
}

/** The summary: table, whether all agree, time and accuracy, files. */
export function outcomeText(outcome: {
  readonly report: Report;
  readonly references: References | undefined;
  /** Absent: no node could give its model. */
  readonly modelFile: string | undefined;
  readonly store: string;
}): string {
  const { report, references, modelFile, store } = outcome;
  return [
    '',
    summaryTable(report, references),
    digestSentence(report),
    closingSentence(report),
    modelFile === undefined
      ? 'No model was written: no node could give it.'
      : `model: ${relative('.', modelFile)}`,
    `report: ${relative('.', join(store, REPORT_FILE))}`,
  ].join('\n');
}
