// Grouped and depthwise convolutions as a permutation spec sees them. The kernel has one axis for the inputs of all
// groups, so channels may move inside their group only where they move alike in all groups.
import { FusionError } from '../errors.ts';
import { endOf, type Segment } from './axis-map.ts';
import { kernelAxes } from './dialect.ts';
import { placeBias } from './layers.ts';
import type { SpecDraft } from './spec-draft.ts';
import { joined, overlaid, repeated, type Units, widened } from './units.ts';

/**
 * Units that a grouped convolution can read: whole groups move (`name`), and the channels inside them move alike in all
 * groups (`name.inside`). The layer before takes them as its `to`. Throws `MELDMESH_FUSION_SPEC` where groups are not
 * equal.
 */
export function unitsAlikeInGroups(
  draft: SpecDraft,
  name: string,
  { size, groups }: { readonly size: number; readonly groups: number },
): Units {
  const inside = draft.units({ name: `${name}.inside`, size: groupSize(name, size / groups) });
  const whole = draft.units({ name, size: groups });
  return overlaid([repeated(inside, groups), widened(whole, size / groups)]);
}

/**
 * A convolution of so many groups; its kernel has the inputs of one group. Whole groups move with those of `from`, and
 * the outputs of each group among themselves (`layer.0` …). Returns the outputs. Throws `MELDMESH_FUSION_SPEC` where
 * units of `from` would cross groups or move differently inside them; `unitsAlikeInGroups` makes units that do not.
 */
export function groupedConvolution(
  draft: SpecDraft,
  layer: string,
  { from, groups }: { readonly from: Units; readonly groups: number },
): Units {
  const { name, shape } = draft.tensor(layer + draft.dialect.kernel);
  const axes = kernelAxes(draft.dialect, shape.length);
  const inputs = shape[axes.inputs];
  const outputs = groupSize(layer, shape[axes.outputs] / groups);
  const { inside, whole } = splitByGroups(layer, from, { inputs, groups });
  const order = { parts: whole, length: groups };
  // A group of one output has nothing to move; a depthwise convolution has many such groups.
  const within = Array.from({ length: outputs === 1 ? 0 : groups }, (_, group) =>
    draft.units({ name: `${layer}.${group}`, size: outputs, inside: order }),
  );
  const length = groups * outputs;
  const to = overlaid([{ parts: joined(within).parts, length }, widened(order, outputs)]);
  draft.place(name, { axis: axes.inputs, units: { parts: inside, length: inputs } });
  draft.place(name, { axis: axes.outputs, units: to });
  placeBias(draft, layer, to);
  return to;
}

/**
 * A convolution in which every channel is a group of its own (Howard et al., MobileNets, 2017). With a multiplier above
 * one the outputs of each channel follow one another; PyTorch holds them on one axis, where each channel's may move on
 * their own, TensorFlow.js on an axis of all channels, where they move alike (`layer`). Returns the outputs.
 */
export function depthwise(draft: SpecDraft, layer: string, { from }: { readonly from: Units }): Units {
  if (draft.dialect.isOutputFirst) {
    const { shape } = draft.tensor(layer + draft.dialect.kernel);
    return groupedConvolution(draft, layer, { from, groups: from.length ?? shape[0] });
  }
  const { name, shape } = draft.tensor(`${layer}/depthwise_kernel`);
  const [channels, multiplier] = shape.slice(-2);
  const inside = draft.units({ name: layer, size: multiplier, inside: from });
  draft.place(name, { axis: -2, units: from });
  draft.place(name, { axis: -1, units: inside });
  const order = { parts: from.parts, length: channels };
  const to = overlaid([repeated(inside, channels), widened(order, multiplier)]);
  placeBias(draft, layer, to);
  return to;
}

/** What moves inside the groups, on the inputs of one of them, and what moves groups, each counted as one entry. */
function splitByGroups(
  layer: string,
  from: Units,
  { inputs, groups }: { readonly inputs: number; readonly groups: number },
): { readonly inside: readonly Segment[]; readonly whole: readonly Segment[] } {
  if (from.length !== undefined && from.length !== inputs * groups)
    throw new FusionError(
      'MELDMESH_FUSION_SHAPE',
      `the convolution "${layer}" reads ${groups} groups of ${inputs} channels, but ${from.length} come in`,
    );
  const inside: Segment[] = [];
  const whole: Segment[] = [];
  for (const part of from.parts) {
    if (part.block % inputs === 0 && part.start % inputs === 0)
      whole.push({ ...part, start: part.start / inputs, block: part.block / inputs });
    else if (part.start === 0 && endOf(part) === from.length && part.repeats % groups === 0)
      inside.push({ ...part, repeats: part.repeats / groups });
    else
      throw new FusionError(
        'MELDMESH_FUSION_SPEC',
        `"${part.permutation}" does not keep to the ${groups} groups that the convolution "${layer}" reads: ` +
          'make its units with unitsAlikeInGroups',
      );
  }
  return { inside, whole };
}

function groupSize(name: string, size: number): number {
  if (!Number.isInteger(size) || size < 1)
    throw new FusionError('MELDMESH_FUSION_SPEC', `the channels of "${name}" do not make equal groups`);
  return size;
}
