// From the words of --data, --test, --indices and --label-column to samples. What files mean is node's and
// learning's business.
import { DataError, type DataExpectation, type Dataset, subset } from '../learning/index.ts';
import { loadData, loadMnist } from '../node/index.ts';
import { decodeIndices } from './mesh/shards.ts';
import { readTextFile } from './stores.ts';

export interface DataWords {
  /** `mnist` or a path. */
  readonly data: string;
  readonly labelColumn?: string;
  readonly indices?: string;
  readonly expected?: DataExpectation;
}

/**
 * Samples to train on.
 * @throws DataError with file, row and column; CliError for a bad list of indices
 */
export function trainingData(words: DataWords): Dataset {
  const { data, indices: indicesFile, labelColumn, expected } = words;
  const indices =
    indicesFile === undefined
      ? undefined
      : decodeIndices(readTextFile(indicesFile, 'MELDMESH_STORE_FILE'), indicesFile);
  const last = indices === undefined ? undefined : indices.reduce((max, index) => Math.max(max, index), 0);
  const all =
    data === 'mnist'
      ? loadMnist({ samples: last === undefined ? undefined : last + 1, testSamples: 1 }).train
      : loadData(data, { labelColumn, expected }).train;
  if (indices === undefined || last === undefined) return all;
  if (last >= all.count) {
    const text = `index ${last} is beyond the ${all.count} samples of ${data}`;
    throw new DataError('MELDMESH_DATA_PARTITION', text, { file: indicesFile ?? data });
  }
  return subset(all, indices);
}

/** Samples to evaluate on: the file's test set where it has one, else all of it. */
export function testData(words: DataWords): Dataset {
  if (words.data === 'mnist') return loadMnist({ samples: 1 }).test;
  const { labelColumn, expected } = words;
  const { train, test } = loadData(words.data, { labelColumn, expected });
  return test ?? train;
}
