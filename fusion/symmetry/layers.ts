// The layers of a network as a permutation spec sees them: which axis of which tensor reads the units that come in, and
// which ones hold the units that go out. One line a layer, so that a spec reads like the figure of its network. Not
// what they compute.
import { FusionError } from '../errors.ts';
import { isNested, type Segment } from './axis-map.ts';
import { kernelAxes } from './dialect.ts';
import type { SpecDraft } from './spec-draft.ts';
import { joined, overlaid, repeated, type Units, widened } from './units.ts';

export interface Ends {
  readonly from: Units;
  /** New units named like the layer if absent. Units of a residual stream here make the layer write to that stream. */
  readonly to?: Units;
}

/**
 * A dense layer or a convolution of any number of dimensions, with or without bias: the inputs of the kernel are
 * `from`, its outputs and the bias are `to`. Returns `to`. Throws `MELDMESH_FUSION_SHAPE` for a missing kernel or other
 * lengths.
 */
export function dense(draft: SpecDraft, layer: string, { from, to }: Ends): Units {
  const { dialect } = draft;
  const { name, shape } = draft.tensor(layer + dialect.kernel);
  if (shape.length < 2)
    throw new FusionError(
      'MELDMESH_FUSION_SHAPE',
      `tensor ${JSON.stringify(name)} is no kernel: it has one axis`,
    );
  const axes = kernelAxes(dialect, shape.length);
  const outputs = to ?? draft.units({ name: layer, size: shape[axes.outputs] });
  draft.place(name, { axis: axes.inputs, units: from });
  draft.place(name, { axis: axes.outputs, units: outputs });
  placeBias(draft, layer, outputs);
  return outputs;
}

export function placeBias(draft: SpecDraft, layer: string, units: Units): void {
  const bias = layer + draft.dialect.bias;
  if (draft.has(bias)) draft.place(bias, { axis: -1, units });
}

/**
 * Batch norm, layer norm, RMS norm or instance norm: scale and shift are those of the units, and so are running
 * statistics, which move along but do not tell units apart. Throws `MELDMESH_FUSION_SHAPE` if there is neither scale
 * nor shift.
 */
export function norm(draft: SpecDraft, layer: string, units: Units): void {
  const { scale, shift, statistics, counter } = draft.dialect;
  const affine = [layer + scale, layer + shift].filter((name) => draft.has(name));
  if (affine.length === 0) draft.tensor(layer + scale);
  for (const name of affine) draft.place(name, { axis: -1, units });
  for (const name of statistics.map((ending) => layer + ending))
    if (draft.has(name)) draft.place(name, { axis: -1, units, isStatistic: true });
  if (counter !== undefined && draft.has(layer + counter)) draft.leave(layer + counter);
}

/**
 * Group norm with more than one group (Wu and He, 2018): channels may move within their group, or whole groups may.
 * Throws `MELDMESH_FUSION_SPEC` where the units would cross groups; `groupedUnits` makes units that do not.
 */
export function groupNorm(
  draft: SpecDraft,
  layer: string,
  { units, groups }: { readonly units: Units; readonly groups: number },
): void {
  const { length } = units;
  if (length !== undefined) {
    const block = length / groups;
    const whole: Segment = { permutation: layer, size: groups, start: 0, repeats: 1, block };
    const crossing = units.parts.find(
      (part) => !isNested(part, whole) && (part.block % block !== 0 || part.start % block !== 0),
    );
    if (crossing !== undefined || !Number.isInteger(block))
      throw new FusionError(
        'MELDMESH_FUSION_SPEC',
        `"${crossing?.permutation ?? layer}" does not keep to the ${groups} groups of the group norm ` +
          `"${layer}": make its units with groupedUnits`,
      );
  }
  norm(draft, layer, units);
}

/** Units of so many equal groups: each moves within its group (`name.0` …), and whole groups move (`name`). */
export function groupedUnits(
  draft: SpecDraft,
  name: string,
  { size, groups }: { readonly size: number; readonly groups: number },
): Units {
  const perGroup = size / groups;
  if (!Number.isInteger(perGroup))
    throw new FusionError(
      'MELDMESH_FUSION_SPEC',
      `the ${size} units "${name}" are not ${groups} equal groups`,
    );
  const within = Array.from({ length: groups }, (_, group) =>
    draft.units({ name: `${name}.${group}`, size: perGroup }),
  );
  return overlaid([joined(within), widened(draft.units({ name, size: groups }), perGroup)]);
}

/**
 * A table whose last axis holds the units: embeddings, positions, a class token, an output layer tied to embeddings.
 */
export function embedding(draft: SpecDraft, tensor: string, units: Units): void {
  draft.place(tensor, { axis: -1, units });
}

/**
 * LSTM, GRU or a plain recurrent layer: the gates (four, three or one, as the shapes say) share the order of the hidden
 * units, which the recurrent kernel reads as well. `depth` counts the layers of a torch module; TensorFlow.js has one.
 * Returns the hidden units. Throws `MELDMESH_FUSION_SHAPE` for missing tensors or other lengths.
 */
export function recurrent(
  draft: SpecDraft,
  layer: string,
  { from, depth = 0 }: { readonly from: Units; readonly depth?: number },
): Units {
  const { isOutputFirst } = draft.dialect;
  const names = isOutputFirst
    ? { kernel: `${layer}.weight_ih_l${depth}`, again: `${layer}.weight_hh_l${depth}` }
    : { kernel: `${layer}/kernel`, again: `${layer}/recurrent_kernel` };
  const biases = isOutputFirst
    ? [`${layer}.bias_ih_l${depth}`, `${layer}.bias_hh_l${depth}`]
    : [`${layer}/bias`];
  const axes = kernelAxes(draft.dialect, 2);
  const { name, shape } = draft.tensor(names.again);
  const size = shape.at(axes.inputs) ?? 0;
  const gates = (shape.at(axes.outputs) ?? 0) / size;
  if (shape.length !== 2 || !Number.isInteger(gates))
    throw new FusionError(
      'MELDMESH_FUSION_SHAPE',
      `tensor ${JSON.stringify(name)} has shape [${shape.join(', ')}], which is no whole number of gates`,
    );
  const hidden = draft.units({ name: isOutputFirst ? `${layer}.${depth}` : layer, size });
  const gated = repeated(hidden, gates);
  draft.place(names.kernel, { axis: axes.inputs, units: from });
  draft.place(names.kernel, { axis: axes.outputs, units: gated });
  draft.place(names.again, { axis: axes.inputs, units: hidden });
  draft.place(names.again, { axis: axes.outputs, units: gated });
  for (const bias of biases) if (draft.has(bias)) draft.place(bias, { axis: -1, units: gated });
  return hidden;
}
