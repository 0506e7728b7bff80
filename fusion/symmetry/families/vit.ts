// Vision transformers (Dosovitskiy et al., 2021) under the names of Hugging Face and of timm. Without a classifier the
// hidden values are what the model puts out, and stay where they are.
import { attentionUnits } from '../attention.ts';
import { TORCH } from '../dialect.ts';
import { dense, embedding, norm } from '../layers.ts';
import { SpecDraft } from '../spec-draft.ts';
import { FIXED, joined, type Units } from '../units.ts';
import { countOf, type Family, headsOf, prefixOf } from './family.ts';

const BLOCK = /^(.*)encoder\.layer\.0\.attention\.attention\.query\.weight$/;
const TIMM_BLOCK = /^(.*)blocks\.0\.attn\.qkv\.weight$/;

export const VIT: Family = {
  name: 'ViT',
  matches: (layout) => prefixOf(layout, BLOCK) !== undefined,

  specOf(layout, options) {
    const prefix = prefixOf(layout, BLOCK) ?? '';
    const embeddings = `${prefix}embeddings`;
    const draft = new SpecDraft(layout, TORCH);
    const size = draft.tensor(`${embeddings}.patch_embeddings.projection.weight`).shape[0];
    const stream = streamOf(draft, size, ['classifier']);
    dense(draft, `${embeddings}.patch_embeddings.projection`, { from: FIXED, to: stream });
    const tokens = ['cls_token', 'position_embeddings', 'mask_token', 'distillation_token'];
    for (const name of tokens.map((token) => `${embeddings}.${token}`))
      if (draft.has(name)) embedding(draft, name, stream);
    const blocks = countOf(
      layout,
      (index) => `${prefix}encoder.layer.${index}.attention.attention.query.weight`,
    );
    for (let index = 0; index < blocks; index++) {
      const at = `${prefix}encoder.layer.${index}`;
      norm(draft, `${at}.layernorm_before`, stream);
      const shape = headsOf(`${at}.attention.attention.query.weight`, size, options);
      const { queries, keys, values, mixed } = attentionUnits(draft, `${at}.attention`, shape);
      dense(draft, `${at}.attention.attention.query`, { from: stream, to: queries });
      dense(draft, `${at}.attention.attention.key`, { from: stream, to: keys });
      dense(draft, `${at}.attention.attention.value`, { from: stream, to: values });
      dense(draft, `${at}.attention.output.dense`, { from: mixed, to: stream });
      norm(draft, `${at}.layernorm_after`, stream);
      const hidden = dense(draft, `${at}.intermediate.dense`, { from: stream });
      dense(draft, `${at}.output.dense`, { from: hidden, to: stream });
    }
    norm(draft, `${prefix}layernorm`, stream);
    if (draft.has(`${prefix}pooler.dense.weight`))
      dense(draft, `${prefix}pooler.dense`, { from: stream, to: FIXED });
    if (draft.has('classifier.weight')) dense(draft, 'classifier', { from: stream, to: FIXED });
    return draft.spec();
  },
};

export const TIMM_VIT: Family = {
  name: 'timm ViT',
  matches: (layout) => prefixOf(layout, TIMM_BLOCK) !== undefined,

  specOf(layout, options) {
    const prefix = prefixOf(layout, TIMM_BLOCK) ?? '';
    const draft = new SpecDraft(layout, TORCH);
    const size = draft.tensor(`${prefix}patch_embed.proj.weight`).shape[0];
    const outputs = ['head', 'head_dist'].map((name) => prefix + name);
    const stream = streamOf(draft, size, outputs);
    dense(draft, `${prefix}patch_embed.proj`, { from: FIXED, to: stream });
    const tokens = ['cls_token', 'pos_embed', 'dist_token', 'reg_token'];
    for (const name of tokens.map((token) => prefix + token))
      if (draft.has(name)) embedding(draft, name, stream);
    const blocks = countOf(layout, (index) => `${prefix}blocks.${index}.attn.qkv.weight`);
    for (let index = 0; index < blocks; index++) {
      const at = `${prefix}blocks.${index}`;
      norm(draft, `${at}.norm1`, stream);
      const shape = headsOf(`${at}.attn.qkv.weight`, size, options);
      const { queries, keys, values, mixed } = attentionUnits(draft, `${at}.attn`, shape);
      dense(draft, `${at}.attn.qkv`, { from: stream, to: joined([queries, keys, values]) });
      dense(draft, `${at}.attn.proj`, { from: mixed, to: stream });
      norm(draft, `${at}.norm2`, stream);
      const hidden = dense(draft, `${at}.mlp.fc1`, { from: stream });
      dense(draft, `${at}.mlp.fc2`, { from: hidden, to: stream });
      for (const name of [`${at}.ls1.gamma`, `${at}.ls2.gamma`])
        if (draft.has(name)) embedding(draft, name, stream);
    }
    for (const layer of [`${prefix}norm`, `${prefix}fc_norm`])
      if (draft.has(`${layer}.weight`)) norm(draft, layer, stream);
    for (const layer of outputs)
      if (draft.has(`${layer}.weight`)) dense(draft, layer, { from: stream, to: FIXED });
    return draft.spec();
  },
};

/** The residual stream, free to move where one of these layers reads it. */
function streamOf(draft: SpecDraft, size: number, readers: readonly string[]): Units {
  const isRead = readers.some((layer) => draft.has(`${layer}.weight`));
  return isRead ? draft.units({ name: 'stream', size }) : FIXED;
}
