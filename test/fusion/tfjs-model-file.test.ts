import assert from 'node:assert/strict';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, layers, loadLayersModel, sequential } from '@tensorflow/tfjs-layers';
import { type DenseSpec, fromTfjsModel, initialWeights, toTfjsModel } from '../../fusion/index.ts';
import { toHex } from './hex.ts';

const spec: DenseSpec = {
  kind: 'dense',
  inputs: 5,
  layers: [
    { units: 4, activation: 'relu' },
    { units: 3, activation: 'tanh' },
    { units: 2, activation: 'linear' },
  ],
  loss: 'softmax-cross-entropy',
};
const weights = initialWeights(spec, 'file').map((value, i) => (value === 0 ? i / 100 : value));
const row = [1, -0.5, 0.25, 2, -1];

/** The stack of dense layers, one multiplication at a time. */
function slowLogits(): number[] {
  let values = row;
  let offset = 0;
  for (const { units, activation } of spec.layers) {
    const inputs = values;
    values = Array.from({ length: units }, (_, unit) => {
      let sum = weights[offset + inputs.length * units + unit];
      for (const [i, input] of inputs.entries()) sum += input * weights[offset + i * units + unit];
      if (activation === 'relu') return Math.max(0, sum);
      return activation === 'tanh' ? Math.tanh(sum) : sum;
    });
    offset += (inputs.length + 1) * units;
  }
  return values;
}

/** What TensorFlow.js itself writes for a model. */
async function saved(model: LayersModel): Promise<{ modelJson: string; weightsBin: Uint8Array }> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save({
    save: async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  assert(artifacts?.weightData instanceof ArrayBuffer);
  const { modelTopology, weightSpecs } = artifacts;
  const modelJson = JSON.stringify({
    modelTopology,
    format: 'layers-model',
    weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
  });
  return { modelJson, weightsBin: new Uint8Array(artifacts.weightData) };
}

function refuses(modelJson: string, weightsBin: Uint8Array, why: RegExp): void {
  const result = fromTfjsModel(modelJson, weightsBin);
  assert('error' in result, 'the model was accepted');
  assert.match(result.error, why);
}

describe('a TensorFlow.js model file', () => {
  it('comes back as the same spec and weights', () => {
    const { modelJson, weightsBin } = toTfjsModel(spec, weights);
    const back = fromTfjsModel(modelJson, weightsBin);
    assert(!('error' in back), JSON.stringify(back));
    assert.deepEqual(back.spec, spec);
    assert.equal(toHex(back.weights), toHex(weights));
  });

  it('is loaded by TensorFlow.js and gives the logits of the flat weights', async () => {
    await tf.setBackend('cpu');
    const { modelJson, weightsBin } = toTfjsModel(spec, weights);
    const { modelTopology, weightsManifest } = JSON.parse(modelJson);
    const model = await loadLayersModel({
      load: async () => ({
        modelTopology,
        weightSpecs: weightsManifest[0].weights,
        weightData: Uint8Array.from(weightsBin).buffer,
      }),
    });
    const output = model.predict(tf.tensor2d([row]));
    assert(output instanceof tf.Tensor);
    for (const [i, logit] of slowLogits().entries()) assert(Math.abs(output.dataSync()[i] - logit) < 1e-5);
  });

  it('of TensorFlow.js’s own making is read too, a softmax at the end left off', async () => {
    await tf.setBackend('cpu');
    const model = sequential({
      layers: [
        layers.dense({ inputShape: [5], units: 4, activation: 'relu', name: 'first' }),
        layers.dense({ units: 3, activation: 'tanh', name: 'b/second' }),
        layers.dense({ units: 2, activation: 'softmax', name: 'last' }),
      ],
    });
    const { modelJson, weightsBin } = await saved(model);
    const read = fromTfjsModel(modelJson, weightsBin);
    assert(!('error' in read), JSON.stringify(read));
    assert.deepEqual(read.spec, spec);
    const expected = model.getWeights().flatMap((tensor) => [...tensor.dataSync()]);
    assert.deepEqual([...read.weights], expected);
  });

  it('that is no stack of dense layers is refused with the reason', async () => {
    await tf.setBackend('cpu');
    const withDropout = sequential({
      layers: [
        layers.dense({ inputShape: [5], units: 4 }),
        layers.dropout({ rate: 0.5 }),
        layers.dense({ units: 2 }),
      ],
    });
    const dropout = await saved(withDropout);
    refuses(dropout.modelJson, dropout.weightsBin, /no Dense layer but "Dropout"/);
    const bare = await saved(
      sequential({ layers: [layers.dense({ inputShape: [5], units: 4, useBias: false })] }),
    );
    refuses(bare.modelJson, bare.weightsBin, /has no bias/);
    const sigmoid = await saved(
      sequential({ layers: [layers.dense({ inputShape: [5], units: 4, activation: 'sigmoid' })] }),
    );
    refuses(sigmoid.modelJson, sigmoid.weightsBin, /activation/);
    const image = await saved(
      sequential({ layers: [layers.flatten({ inputShape: [2, 2] }), layers.dense({ units: 2 })] }),
    );
    refuses(image.modelJson, image.weightsBin, /flat rows/);
  });

  it('with weights that are missing, doubled, quantised, misshapen or cut short is refused', () => {
    const { modelJson, weightsBin } = toTfjsModel(spec, weights);
    const changed = (edit: (list: Record<string, unknown>[]) => void) => {
      const json = JSON.parse(modelJson);
      edit(json.weightsManifest[0].weights);
      return JSON.stringify(json);
    };
    refuses('{', weightsBin, /not JSON/);
    refuses('{}', weightsBin, /sequential/);
    refuses('null', weightsBin, /sequential/);
    refuses(modelJson, weightsBin.subarray(4), /bytes/);
    refuses(
      changed((list) => list.pop()),
      weightsBin.subarray(0, -8),
      /missing/,
    );
    refuses(
      changed((list) => Object.assign(list[1], { name: 'other' })),
      weightsBin,
      /missing/,
    );
    refuses(
      changed((list) => Object.assign(list[1], { name: 'dense_0/kernel' })),
      weightsBin,
      /twice/,
    );
    refuses(
      changed((list) => Object.assign(list[0], { shape: [4, 5] })),
      weightsBin,
      /shape/,
    );
    refuses(
      changed((list) => Object.assign(list[0], { dtype: 'int32' })),
      weightsBin,
      /dtype/,
    );
    refuses(
      changed((list) => Object.assign(list[0], { quantization: { scale: 1 } })),
      weightsBin,
      /quantised/,
    );
    refuses(
      changed((list) => list.push({ name: 'more', shape: [1], dtype: 'float32' })),
      Uint8Array.from([...weightsBin, 0, 0, 0, 0]),
      /no layer wants/,
    );
  });
});
