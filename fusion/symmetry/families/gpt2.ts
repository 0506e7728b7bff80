// GPT-2 under the names of Hugging Face (Radford et al., 2019). It knows those names, and that the output layer is
// tied.
import { attentionUnits } from '../attention.ts';
import { TORCH_TRANSPOSED } from '../dialect.ts';
import { dense, embedding, norm } from '../layers.ts';
import { SpecDraft } from '../spec-draft.ts';
import { joined } from '../units.ts';
import { countOf, type Family, headsOf, prefixOf } from './family.ts';

const BLOCK = /^(.*)h\.0\.attn\.c_attn\.weight$/;

export const GPT2: Family = {
  name: 'GPT-2',
  matches: (layout) => prefixOf(layout, BLOCK) !== undefined,

  specOf(layout, options) {
    const prefix = prefixOf(layout, BLOCK) ?? '';
    const draft = new SpecDraft(layout, TORCH_TRANSPOSED);
    const size = draft.tensor(`${prefix}wte.weight`).shape.at(-1) ?? 0;
    const stream = draft.units({ name: 'stream', size });
    embedding(draft, `${prefix}wte.weight`, stream);
    embedding(draft, `${prefix}wpe.weight`, stream);
    const blocks = countOf(layout, (index) => `${prefix}h.${index}.attn.c_attn.weight`);
    for (let index = 0; index < blocks; index++) {
      const at = `${prefix}h.${index}`;
      norm(draft, `${at}.ln_1`, stream);
      const shape = headsOf(`${at}.attn.c_attn.weight`, size, options);
      const { queries, keys, values, mixed } = attentionUnits(draft, `${at}.attn`, shape);
      dense(draft, `${at}.attn.c_attn`, { from: stream, to: joined([queries, keys, values]) });
      dense(draft, `${at}.attn.c_proj`, { from: mixed, to: stream });
      norm(draft, `${at}.ln_2`, stream);
      const hidden = dense(draft, `${at}.mlp.c_fc`, { from: stream });
      dense(draft, `${at}.mlp.c_proj`, { from: hidden, to: stream });
      // The causal mask, which older checkpoints carry along.
      draft.leave(...[`${at}.attn.bias`, `${at}.attn.masked_bias`].filter((name) => draft.has(name)));
    }
    norm(draft, `${prefix}ln_f`, stream);
    if (draft.has('lm_head.weight')) embedding(draft, 'lm_head.weight', stream);
    return draft.spec();
  },
};
