// A stack of dense layers and convolutions, one after the other, with norms between: the order and the layout of the
// kernels are whatever makes their shapes a chain. It cannot see ways around a layer; where the model can be run, the
// proof can.
import { FusionError } from '../../errors.ts';
import type { ModelLayout } from '../../types.ts';
import { listed } from '../check.ts';
import { depthwise, groupedConvolution, unitsAlikeInGroups } from '../grouped-convolution.ts';
import { dense, norm } from '../layers.ts';
import type { PermutationSpec } from '../permutation-spec.ts';
import { SpecDraft } from '../spec-draft.ts';
import { FIXED, flattened, type Units } from '../units.ts';
import type { Family } from './family.ts';
import { type Chain, chainsOf, type Link } from './plain-chain.ts';
import { type PlainLayer, plainLayersOf } from './plain-layers.ts';
import { compareNaturally, numberOf, wordsOf } from './plain-order.ts';

export const PLAIN: Family = {
  name: 'plain stack',
  matches: () => true,

  specOf(layout, options) {
    const layers = plainLayersOf(layout);
    const names = layout.tensors.map(({ name }) => name);
    const chains = chainsOf(layers, options.layout);
    if (chains.length === 0) throw refusal(`the shapes of ${listed(names)} make no chain of layers`);
    // A single layer fits either way, but nothing in it moves.
    const specs = new Map<string, PermutationSpec>();
    for (const chain of chains) {
      const spec = specOfChain(layout, chain, layers.norms);
      specs.set(JSON.stringify(spec), spec);
    }
    const [spec, ...others] = specs.values();
    if (others.length === 0) return spec;
    const isLayout = chains.some(({ dialect }) => dialect.isOutputFirst !== chains[0].dialect.isOutputFirst);
    throw refusal(
      isLayout
        ? `the shapes of ${listed(names)} fit the layouts of PyTorch and of TensorFlow.js: say which (layout, --layout)`
        : `the shapes of ${listed(names)} allow several orders of these layers`,
    );
  },
};

function specOfChain(layout: ModelLayout, chain: Chain, norms: readonly PlainLayer[]): PermutationSpec {
  const { links, dialect } = chain;
  const draft = new SpecDraft(layout, dialect);
  const hosted = Map.groupBy(norms, (each) => hostOf(each, links.slice(0, -1)).layer.name);
  let units = FIXED;
  for (const [index, link] of links.entries()) {
    const { layer, pixels } = link;
    if (pixels > 1)
      units = flattened(units, { pixels, order: dialect.isOutputFirst ? 'channels-first' : 'channels-last' });
    units = place(draft, units, { link, next: links.at(index + 1) });
    for (const { name } of hosted.get(layer.name) ?? []) norm(draft, name, units);
  }
  return draft.spec();
}

function place(
  draft: SpecDraft,
  from: Units,
  { link, next }: { readonly link: Link; readonly next: Link | undefined },
): Units {
  const { layer, groups } = link;
  if (layer.kind === 'depthwise') return depthwise(draft, layer.name, { from });
  if (groups > 1) return groupedConvolution(draft, layer.name, { from, groups });
  if (next === undefined) return dense(draft, layer.name, { from, to: FIXED });
  if (next.groups === 1 || next.groups === link.outputs) return dense(draft, layer.name, { from });
  const to = unitsAlikeInGroups(draft, layer.name, { size: link.outputs, groups: next.groups });
  return dense(draft, layer.name, { from, to });
}

/**
 * The hidden layer whose outputs a norm is about: the one before it under the same name, or the one of the same size
 * that bears the same number, or the only one of that size. Throws `MELDMESH_FUSION_SPEC` where that is not one layer.
 */
function hostOf(norm: PlainLayer, links: readonly Link[]): Link {
  const [size] = norm.shape;
  const before = links.filter(
    ({ layer }) => wordsOf(layer.name) === wordsOf(norm.name) && compareNaturally(layer.name, norm.name) < 0,
  );
  const fitting = links.filter(({ outputs }) => outputs === size);
  const numbered = fitting.filter(({ layer }) => numberOf(layer.name) === numberOf(norm.name));
  const hosts = before.length > 0 ? before.slice(-1) : numbered.length === 1 ? numbered : fitting;
  if (hosts.length !== 1 || hosts[0].outputs !== size)
    throw refusal(
      `it is not clear which layer the norm ${JSON.stringify(norm.name)} of ${size} values follows`,
    );
  if (!norm.hasStatistics && hosts[0].layer.kind !== 'dense')
    throw refusal(
      `the norm ${JSON.stringify(norm.name)} has no running statistics: a group norm cannot be told from a layer norm`,
    );
  return hosts[0];
}

function refusal(message: string): FusionError {
  return new FusionError('MELDMESH_FUSION_SPEC', message);
}
