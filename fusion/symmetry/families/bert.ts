// BERT under the names of Hugging Face (Devlin et al., 2019), with the heads for masked words, next sentences, classes
// and answers. Without a head the hidden values are what the model puts out, and stay where they are.
import { attentionUnits } from '../attention.ts';
import { TORCH } from '../dialect.ts';
import { dense, embedding, norm, placeBias } from '../layers.ts';
import { SpecDraft } from '../spec-draft.ts';
import { FIXED, type Units } from '../units.ts';
import { countOf, type Family, headsOf, prefixOf } from './family.ts';

const BLOCK = /^(.*)encoder\.layer\.0\.attention\.self\.query\.weight$/;
const WORDS = 'cls.predictions';

export const BERT: Family = {
  name: 'BERT',
  matches: (layout) => prefixOf(layout, BLOCK) !== undefined,

  specOf(layout, options) {
    const prefix = prefixOf(layout, BLOCK) ?? '';
    const embeddings = `${prefix}embeddings`;
    const isOld = layout.tensors.some(({ name }) => name === `${embeddings}.LayerNorm.gamma`);
    const draft = new SpecDraft(layout, isOld ? { ...TORCH, scale: '.gamma', shift: '.beta' } : TORCH);
    const size = draft.tensor(`${embeddings}.word_embeddings.weight`).shape.at(-1) ?? 0;
    const isRead = [`${WORDS}.bias`, 'classifier.weight', 'qa_outputs.weight'].some((name) =>
      draft.has(name),
    );
    const stream = isRead ? draft.units({ name: 'stream', size }) : FIXED;
    for (const table of ['word', 'position', 'token_type'])
      embedding(draft, `${embeddings}.${table}_embeddings.weight`, stream);
    norm(draft, `${embeddings}.LayerNorm`, stream);
    const blocks = countOf(layout, (index) => `${prefix}encoder.layer.${index}.attention.self.query.weight`);
    for (let index = 0; index < blocks; index++) {
      const at = `${prefix}encoder.layer.${index}`;
      const shape = headsOf(`${at}.attention.self.query.weight`, size, options);
      const { queries, keys, values, mixed } = attentionUnits(draft, `${at}.attention`, shape);
      dense(draft, `${at}.attention.self.query`, { from: stream, to: queries });
      dense(draft, `${at}.attention.self.key`, { from: stream, to: keys });
      dense(draft, `${at}.attention.self.value`, { from: stream, to: values });
      dense(draft, `${at}.attention.output.dense`, { from: mixed, to: stream });
      norm(draft, `${at}.attention.output.LayerNorm`, stream);
      const hidden = dense(draft, `${at}.intermediate.dense`, { from: stream });
      dense(draft, `${at}.output.dense`, { from: hidden, to: stream });
      norm(draft, `${at}.output.LayerNorm`, stream);
    }
    heads(draft, prefix, stream);
    const ids = [`${embeddings}.position_ids`, `${embeddings}.token_type_ids`];
    draft.leave(...ids.filter((name) => draft.has(name)));
    return draft.spec();
  },
};

function heads(draft: SpecDraft, prefix: string, stream: Units): void {
  const has = (layer: string): boolean => draft.has(`${layer}.weight`);
  const pooler = `${prefix}pooler.dense`;
  const sentences = 'cls.seq_relationship';
  if (has(pooler)) {
    // Classes are of whole texts, read after the pooler, or of single words, read before it, and nobody tells which:
    // where the pooler's units move like the stream, both hold.
    const order = has('classifier') ? { to: stream } : has(sentences) ? {} : { to: FIXED };
    const pooled = dense(draft, pooler, { from: stream, ...order });
    if (has(sentences)) dense(draft, sentences, { from: pooled, to: FIXED });
  }
  for (const layer of ['classifier', 'qa_outputs'])
    if (has(layer)) dense(draft, layer, { from: stream, to: FIXED });
  if (draft.has(`${WORDS}.bias`)) {
    // The output layer is the table of words again, so the units before it are in the order of the stream.
    dense(draft, `${WORDS}.transform.dense`, { from: stream, to: stream });
    norm(draft, `${WORDS}.transform.LayerNorm`, stream);
    if (has(`${WORDS}.decoder`)) embedding(draft, `${WORDS}.decoder.weight`, stream);
    placeBias(draft, `${WORDS}.decoder`, FIXED);
    placeBias(draft, WORDS, FIXED);
  }
}
