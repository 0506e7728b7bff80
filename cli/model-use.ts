// `meldmesh evaluate` and `meldmesh predict`: a model from a file or a store, data, and what comes out.
import {
  type BackendChoice,
  type DataExpectation,
  type Dataset,
  firstSamples,
  openTrainer,
  parseCsv,
} from '../learning/index.ts';
import type { Manifest } from '../protocols/index.ts';
import { testData } from './data.ts';
import { formatCount, formatPercent } from './format.ts';
import { type FoundModel, findModel } from './model-source.ts';
import { readTextFile } from './stores.ts';
import { openTerminal } from './terminal.ts';

export interface PredictOptions {
  readonly model: string | undefined;
  readonly store: string | undefined;
  readonly manifest: string | undefined;
  readonly data: string;
  readonly labelColumn: string | undefined;
  readonly limit: number | undefined;
  readonly backend: BackendChoice;
}

export interface EvaluateOptions {
  readonly model: string | undefined;
  readonly store: string | undefined;
  readonly manifest: string | undefined;
  readonly data: string;
  readonly labelColumn: string | undefined;
  readonly backend: BackendChoice;
  readonly json: boolean;
}

/** Lines written at once: large files would otherwise grow as one text. */
const LINES_AT_ONCE = 1_000;

/** Prints accuracy and loss. */
export async function runEvaluate(options: EvaluateOptions): Promise<void> {
  const model = await findModel(options);
  const { data: path, labelColumn, backend, json } = options;
  const data = testData({ data: path, labelColumn, expected: expectationOf(model.manifest) });
  const trainer = await openTrainer({ ...trainerOptions(model), backend });
  const { accuracy, loss } = trainer.evaluate(model.weights, data);
  const terminal = openTerminal({ json });
  if (json)
    terminal.result(JSON.stringify({ accuracy, loss, samples: data.count, backend: trainer.backend }));
  else {
    const samples = `${formatCount(data.count)} samples of ${data.name}`;
    terminal.say(
      `accuracy ${formatPercent(accuracy)}  loss ${loss.toFixed(4)}  on ${samples}, ${trainer.backend}`,
    );
  }
}

/** Prints one line of CSV for each sample. */
export async function runPredict(options: PredictOptions): Promise<void> {
  const model = await findModel(options);
  const all = predictionData(options, model.manifest);
  const data = options.limit === undefined ? all : firstSamples(all, options.limit);
  const trainer = await openTrainer({ ...trainerOptions(model), backend: options.backend });
  const probabilities = trainer.predict(model.weights, data);
  const terminal = openTerminal({ json: false });
  terminal.result('label,probability');
  const lines = predictionLines(probabilities, model.manifest.data.classes);
  for (let start = 0; start < lines.length; start += LINES_AT_ONCE) {
    terminal.result(lines.slice(start, start + LINES_AT_ONCE).join('\n'));
  }
}

/** `7,0.9987` for each row of [samples, classes]; of equal probabilities the smaller label wins. */
export function predictionLines(probabilities: Float32Array, classes: number): readonly string[] {
  const lines: string[] = [];
  for (let start = 0; start < probabilities.length; start += classes) {
    let best = 0;
    for (let label = 1; label < classes; label += 1) {
      if (probabilities[start + label] > probabilities[start + best]) best = label;
    }
    lines.push(`${best},${probabilities[start + best].toFixed(4)}`);
  }
  return lines;
}

function trainerOptions(model: FoundModel) {
  const { model: spec, data } = model.manifest;
  return { spec, scale: data.scale, threads: 1 };
}

function expectationOf(manifest: Manifest): DataExpectation {
  return { inputs: manifest.data.inputs, classes: manifest.data.classes };
}

/** Like test data, but a CSV file needs no labels: then each row gets one that nobody looks at. */
function predictionData(options: PredictOptions, manifest: Manifest): Dataset {
  const { data: path, labelColumn } = options;
  const expected = expectationOf(manifest);
  if (labelColumn === undefined && /\.(csv|txt)$/.test(path)) {
    const text = readTextFile(path, 'MELDMESH_STORE_FILE');
    const labelled = withDummyLabels(text, manifest.data.inputs);
    if (labelled !== undefined) {
      return parseCsv(labelled, { fileName: path, labelColumn: manifest.data.inputs + 1, expected });
    }
  }
  return testData({ data: path, labelColumn, expected });
}

/** The text with a last column of labels 0; `undefined` when its first line has not exactly `inputs` cells. */
export function withDummyLabels(text: string, inputs: number): string | undefined {
  const lines = text.split(/\r?\n/);
  if (lines[0].split(',').length !== inputs) return undefined;
  const isHeader = lines[0].split(',').some((cell) => !Number.isFinite(Number(cell)));
  return lines
    .map((line, row) => (line.trim() === '' ? line : `${line},${isHeader && row === 0 ? 'label' : '0'}`))
    .join('\n');
}
