// Llama and what is built like it, under the names of Hugging Face (Touvron et al., 2023): RMS norms, rotary positions,
// keys and values shared by groups of query heads, gated feed-forward layers.
import { FusionError } from '../../errors.ts';
import { type AttentionShape, attentionUnits } from '../attention.ts';
import { TORCH } from '../dialect.ts';
import { dense, embedding, norm } from '../layers.ts';
import { SpecDraft } from '../spec-draft.ts';
import { countOf, type Family, headsOf, type InferenceOptions, prefixOf } from './family.ts';

const BLOCK = /^(.*)layers\.0\.self_attn\.q_proj\.weight$/;
const FREQUENCIES = 'rotary_emb.inv_freq';

export const LLAMA: Family = {
  name: 'Llama',
  matches: (layout) => prefixOf(layout, BLOCK) !== undefined,

  specOf(layout, options) {
    const prefix = prefixOf(layout, BLOCK) ?? '';
    const draft = new SpecDraft(layout, TORCH);
    const size = draft.tensor(`${prefix}embed_tokens.weight`).shape.at(-1) ?? 0;
    const stream = draft.units({ name: 'stream', size });
    embedding(draft, `${prefix}embed_tokens.weight`, stream);
    const blocks = countOf(layout, (index) => `${prefix}layers.${index}.self_attn.q_proj.weight`);
    for (let index = 0; index < blocks; index++) {
      const at = `${prefix}layers.${index}`;
      norm(draft, `${at}.input_layernorm`, stream);
      const shape = attentionShapeOf(draft, `${at}.self_attn`, { ...options, prefix });
      const { queries, keys, values, mixed } = attentionUnits(draft, `${at}.self_attn`, shape);
      dense(draft, `${at}.self_attn.q_proj`, { from: stream, to: queries });
      dense(draft, `${at}.self_attn.k_proj`, { from: stream, to: keys });
      dense(draft, `${at}.self_attn.v_proj`, { from: stream, to: values });
      dense(draft, `${at}.self_attn.o_proj`, { from: mixed, to: stream });
      norm(draft, `${at}.post_attention_layernorm`, stream);
      const hidden = dense(draft, `${at}.mlp.up_proj`, { from: stream });
      dense(draft, `${at}.mlp.gate_proj`, { from: stream, to: hidden });
      dense(draft, `${at}.mlp.down_proj`, { from: hidden, to: stream });
    }
    norm(draft, `${prefix}norm`, stream);
    if (draft.has('lm_head.weight')) embedding(draft, 'lm_head.weight', stream);
    draft.leave(...layout.tensors.map(({ name }) => name).filter((name) => name.endsWith(FREQUENCIES)));
    return draft.spec();
  },
};

/**
 * Older checkpoints carry the frequencies of the rotary positions, two values of a head each; others need to be told.
 */
function attentionShapeOf(
  draft: SpecDraft,
  layer: string,
  options: InferenceOptions & { readonly prefix: string },
): AttentionShape {
  const query = `${layer}.q_proj.weight`;
  const key = `${layer}.k_proj.weight`;
  const width = draft.tensor(query).shape[0];
  const frequencies = [`${layer}.${FREQUENCIES}`, `${options.prefix}${FREQUENCIES}`].find((name) =>
    draft.has(name),
  );
  const told = frequencies === undefined ? undefined : width / (2 * draft.tensor(frequencies).shape[0]);
  const { heads, headSize } = headsOf(query, width, { heads: options.heads ?? told });
  const keyHeads = draft.tensor(key).shape[0] / headSize;
  if (!Number.isInteger(keyHeads))
    throw new FusionError(
      'MELDMESH_FUSION_SPEC',
      `tensor ${JSON.stringify(key)} does not hold whole heads of ${headSize} values: are there ${heads} heads?`,
    );
  return { heads, keyHeads, headSize, isRotary: true };
}
