// Tiny transformers under the names that checkpoints give their tensors, as slow obvious functions of these tensors:
// logits of all positions, or of a picture's classes.
import {
  addRows,
  attention,
  convolution,
  gelu,
  geluTanh,
  layerNorm,
  linear,
  type Matrix,
  mapRows,
  rmsNorm,
  silu,
  type Vector,
} from './layers.ts';
import { picture, type Shapes, type Tensor, type Tensors, type TinyNetwork } from './tiny-model.ts';

const TOKENS = [3, 0, 7, 7, 10];
const BLOCKS = [0, 1];

const row = ({ shape, data }: Tensor, index: number): Vector =>
  data.slice(index * (shape.at(-1) ?? 0), (index + 1) * (shape.at(-1) ?? 0));
const affine = (layer: string, [first, second]: readonly [number, number], bias: number): Shapes => ({
  [`${layer}.weight`]: [first, second],
  [`${layer}.bias`]: [bias],
});
const scaled = (layer: string, size: number): Shapes => ({
  [`${layer}.weight`]: [size],
  [`${layer}.bias`]: [size],
});
/** The layers of one block after the other. */
const blocks = (of: (index: number) => Shapes): Shapes => Object.assign({}, ...BLOCKS.map(of));

const denseRows = (t: Tensors, layer: string, x: Matrix, isOutputFirst = true): number[][] =>
  x.map((each) => linear(each, { kernel: t(`${layer}.weight`), bias: t(`${layer}.bias`), isOutputFirst }));
const normRows = (t: Tensors, layer: string, x: Matrix, epsilon: number): number[][] =>
  x.map((each) => layerNorm(each, { scale: t(`${layer}.weight`), shift: t(`${layer}.bias`), epsilon }));
/** Logits by a table that is also the embedding. */
const tied = (x: Matrix, kernel: Tensor): number[] =>
  x.flatMap((each) => linear(each, { kernel, isOutputFirst: true }));
const columns = (x: Matrix, start: number, end: number): number[][] =>
  x.map((each) => each.slice(start, end));

export const GPT2: TinyNetwork = {
  name: 'gpt2',
  shapes: {
    'wte.weight': [11, 8],
    'wpe.weight': [6, 8],
    ...blocks((index) => ({
      ...scaled(`h.${index}.ln_1`, 8),
      ...affine(`h.${index}.attn.c_attn`, [8, 24], 24),
      ...affine(`h.${index}.attn.c_proj`, [8, 8], 8),
      ...scaled(`h.${index}.ln_2`, 8),
      ...affine(`h.${index}.mlp.c_fc`, [8, 12], 12),
      ...affine(`h.${index}.mlp.c_proj`, [12, 8], 8),
    })),
    ...scaled('ln_f', 8),
  },
  forward: (t) => {
    let x: Matrix = TOKENS.map((token, at) =>
      row(t('wte.weight'), token).map((v, i) => v + row(t('wpe.weight'), at)[i]),
    );
    for (const at of BLOCKS.map((index) => `h.${index}`)) {
      const all = denseRows(t, `${at}.attn.c_attn`, normRows(t, `${at}.ln_1`, x, 1e-5), false);
      const mixed = attention({
        queries: columns(all, 0, 8),
        keys: columns(all, 8, 16),
        values: columns(all, 16, 24),
        heads: 2,
        isCausal: true,
      });
      x = addRows(x, denseRows(t, `${at}.attn.c_proj`, mixed, false));
      const hidden = denseRows(t, `${at}.mlp.c_fc`, normRows(t, `${at}.ln_2`, x, 1e-5), false);
      x = addRows(x, denseRows(t, `${at}.mlp.c_proj`, mapRows(hidden, geluTanh), false));
    }
    return tied(normRows(t, 'ln_f', x, 1e-5), t('wte.weight'));
  },
};

/** Four query heads on two heads of keys; an output layer of its own. */
export const LLAMA: TinyNetwork = {
  name: 'llama',
  shapes: {
    'model.embed_tokens.weight': [11, 6],
    ...blocks((index) => ({
      [`model.layers.${index}.input_layernorm.weight`]: [6],
      [`model.layers.${index}.self_attn.q_proj.weight`]: [16, 6],
      [`model.layers.${index}.self_attn.k_proj.weight`]: [8, 6],
      [`model.layers.${index}.self_attn.v_proj.weight`]: [8, 6],
      [`model.layers.${index}.self_attn.o_proj.weight`]: [6, 16],
      [`model.layers.${index}.post_attention_layernorm.weight`]: [6],
      [`model.layers.${index}.mlp.gate_proj.weight`]: [10, 6],
      [`model.layers.${index}.mlp.up_proj.weight`]: [10, 6],
      [`model.layers.${index}.mlp.down_proj.weight`]: [6, 10],
    })),
    'model.norm.weight': [6],
    'lm_head.weight': [11, 6],
  },
  forward: (t) => {
    const norm = (layer: string, x: Matrix): number[][] =>
      x.map((each) => rmsNorm(each, { scale: t(`${layer}.weight`), epsilon: 1e-6 }));
    const project = (layer: string, x: Matrix): number[][] =>
      x.map((each) => linear(each, { kernel: t(`${layer}.weight`), isOutputFirst: true }));
    let x: Matrix = TOKENS.map((token) => row(t('model.embed_tokens.weight'), token));
    for (const at of BLOCKS.map((index) => `model.layers.${index}`)) {
      const before = norm(`${at}.input_layernorm`, x);
      const mixed = attention({
        queries: project(`${at}.self_attn.q_proj`, before),
        keys: project(`${at}.self_attn.k_proj`, before),
        values: project(`${at}.self_attn.v_proj`, before),
        heads: 4,
        keyHeads: 2,
        isCausal: true,
        rotaryBase: 10_000,
      });
      x = addRows(x, project(`${at}.self_attn.o_proj`, mixed));
      const middle = norm(`${at}.post_attention_layernorm`, x);
      const up = project(`${at}.mlp.up_proj`, middle);
      const hidden = mapRows(project(`${at}.mlp.gate_proj`, middle), silu).map((each, position) =>
        each.map((value, i) => value * up[position][i]),
      );
      x = addRows(x, project(`${at}.mlp.down_proj`, hidden));
    }
    return tied(norm('model.norm', x), t('lm_head.weight'));
  },
};

/** With the heads of pretraining: masked words, whose output layer is tied, and the next sentence. */
export const BERT: TinyNetwork = {
  name: 'bert',
  shapes: {
    'bert.embeddings.word_embeddings.weight': [11, 8],
    'bert.embeddings.position_embeddings.weight': [6, 8],
    'bert.embeddings.token_type_embeddings.weight': [2, 8],
    ...scaled('bert.embeddings.LayerNorm', 8),
    ...blocks((index) => ({
      ...affine(`bert.encoder.layer.${index}.attention.self.query`, [8, 8], 8),
      ...affine(`bert.encoder.layer.${index}.attention.self.key`, [8, 8], 8),
      ...affine(`bert.encoder.layer.${index}.attention.self.value`, [8, 8], 8),
      ...affine(`bert.encoder.layer.${index}.attention.output.dense`, [8, 8], 8),
      ...scaled(`bert.encoder.layer.${index}.attention.output.LayerNorm`, 8),
      ...affine(`bert.encoder.layer.${index}.intermediate.dense`, [12, 8], 12),
      ...affine(`bert.encoder.layer.${index}.output.dense`, [8, 12], 8),
      ...scaled(`bert.encoder.layer.${index}.output.LayerNorm`, 8),
    })),
    ...affine('bert.pooler.dense', [8, 8], 8),
    'cls.predictions.bias': [11],
    ...affine('cls.predictions.transform.dense', [8, 8], 8),
    ...scaled('cls.predictions.transform.LayerNorm', 8),
    ...affine('cls.seq_relationship', [2, 8], 2),
  },
  forward: (t) => {
    const words = t('bert.embeddings.word_embeddings.weight');
    const tables = (token: number, at: number): number[] =>
      row(words, token).map(
        (value, i) =>
          value +
          row(t('bert.embeddings.position_embeddings.weight'), at)[i] +
          row(t('bert.embeddings.token_type_embeddings.weight'), at > 2 ? 1 : 0)[i],
      );
    let x: Matrix = normRows(t, 'bert.embeddings.LayerNorm', TOKENS.map(tables), 1e-12);
    for (const at of BLOCKS.map((index) => `bert.encoder.layer.${index}`)) {
      const mixed = attention({
        queries: denseRows(t, `${at}.attention.self.query`, x),
        keys: denseRows(t, `${at}.attention.self.key`, x),
        values: denseRows(t, `${at}.attention.self.value`, x),
        heads: 2,
      });
      const attended = addRows(x, denseRows(t, `${at}.attention.output.dense`, mixed));
      x = normRows(t, `${at}.attention.output.LayerNorm`, attended, 1e-12);
      const hidden = mapRows(denseRows(t, `${at}.intermediate.dense`, x), gelu);
      x = normRows(
        t,
        `${at}.output.LayerNorm`,
        addRows(x, denseRows(t, `${at}.output.dense`, hidden)),
        1e-12,
      );
    }
    const pooled = mapRows(denseRows(t, 'bert.pooler.dense', [x[0]]), Math.tanh);
    const transformed = mapRows(denseRows(t, 'cls.predictions.transform.dense', x), gelu);
    const logits = normRows(t, 'cls.predictions.transform.LayerNorm', transformed, 1e-12).map((each) =>
      linear(each, { kernel: words, bias: t('cls.predictions.bias'), isOutputFirst: true }),
    );
    return [...logits.flat(), ...denseRows(t, 'cls.seq_relationship', pooled).flat()];
  },
};

/** A picture of 4 × 4 in patches of 2 × 2, and a class token before them. */
function patches(
  t: Tensors,
  names: { readonly projection: string; readonly token: string; readonly positions: string },
): number[][] {
  const map = convolution(picture(3, 4), {
    kernel: t(`${names.projection}.weight`),
    bias: t(`${names.projection}.bias`),
    isOutputFirst: true,
    stride: 2,
  });
  const places = [0, 1].flatMap((r) => [0, 1].map((column) => map.map((channel) => channel[r][column])));
  return [row(t(names.token), 0), ...places].map((each, at) =>
    each.map((value, i) => value + row(t(names.positions), at)[i]),
  );
}

export const VIT: TinyNetwork = {
  name: 'vit',
  shapes: {
    'vit.embeddings.cls_token': [1, 1, 8],
    'vit.embeddings.position_embeddings': [1, 5, 8],
    'vit.embeddings.patch_embeddings.projection.weight': [8, 3, 2, 2],
    'vit.embeddings.patch_embeddings.projection.bias': [8],
    ...blocks((index) => ({
      ...affine(`vit.encoder.layer.${index}.attention.attention.query`, [8, 8], 8),
      ...affine(`vit.encoder.layer.${index}.attention.attention.key`, [8, 8], 8),
      ...affine(`vit.encoder.layer.${index}.attention.attention.value`, [8, 8], 8),
      ...affine(`vit.encoder.layer.${index}.attention.output.dense`, [8, 8], 8),
      ...affine(`vit.encoder.layer.${index}.intermediate.dense`, [12, 8], 12),
      ...affine(`vit.encoder.layer.${index}.output.dense`, [8, 12], 8),
      ...scaled(`vit.encoder.layer.${index}.layernorm_before`, 8),
      ...scaled(`vit.encoder.layer.${index}.layernorm_after`, 8),
    })),
    ...scaled('vit.layernorm', 8),
    ...affine('classifier', [3, 8], 3),
  },
  forward: (t) => {
    const at = 'vit.embeddings';
    let x: Matrix = patches(t, {
      projection: `${at}.patch_embeddings.projection`,
      token: `${at}.cls_token`,
      positions: `${at}.position_embeddings`,
    });
    for (const block of BLOCKS.map((index) => `vit.encoder.layer.${index}`)) {
      const before = normRows(t, `${block}.layernorm_before`, x, 1e-12);
      const mixed = attention({
        queries: denseRows(t, `${block}.attention.attention.query`, before),
        keys: denseRows(t, `${block}.attention.attention.key`, before),
        values: denseRows(t, `${block}.attention.attention.value`, before),
        heads: 2,
      });
      x = addRows(x, denseRows(t, `${block}.attention.output.dense`, mixed));
      const middle = normRows(t, `${block}.layernorm_after`, x, 1e-12);
      const hidden = mapRows(denseRows(t, `${block}.intermediate.dense`, middle), gelu);
      x = addRows(x, denseRows(t, `${block}.output.dense`, hidden));
    }
    return denseRows(t, 'classifier', [normRows(t, 'vit.layernorm', x, 1e-12)[0]]).flat();
  },
};

/** The same network as timm has it, with one kernel for queries, keys and values and a scale on each branch. */
export const TIMM_VIT: TinyNetwork = {
  name: 'timm-vit',
  shapes: {
    cls_token: [1, 1, 8],
    pos_embed: [1, 5, 8],
    'patch_embed.proj.weight': [8, 3, 2, 2],
    'patch_embed.proj.bias': [8],
    ...blocks((index) => ({
      ...scaled(`blocks.${index}.norm1`, 8),
      ...affine(`blocks.${index}.attn.qkv`, [24, 8], 24),
      ...affine(`blocks.${index}.attn.proj`, [8, 8], 8),
      [`blocks.${index}.ls1.gamma`]: [8],
      ...scaled(`blocks.${index}.norm2`, 8),
      ...affine(`blocks.${index}.mlp.fc1`, [12, 8], 12),
      ...affine(`blocks.${index}.mlp.fc2`, [8, 12], 8),
      [`blocks.${index}.ls2.gamma`]: [8],
    })),
    ...scaled('norm', 8),
    ...affine('head', [3, 8], 3),
  },
  forward: (t) => {
    const branch = (name: string, x: Matrix): number[][] =>
      x.map((each) => each.map((value, i) => value * t(name).data[i]));
    let x: Matrix = patches(t, {
      projection: 'patch_embed.proj',
      token: 'cls_token',
      positions: 'pos_embed',
    });
    for (const at of BLOCKS.map((index) => `blocks.${index}`)) {
      const all = denseRows(t, `${at}.attn.qkv`, normRows(t, `${at}.norm1`, x, 1e-6));
      const mixed = attention({
        queries: columns(all, 0, 8),
        keys: columns(all, 8, 16),
        values: columns(all, 16, 24),
        heads: 2,
      });
      x = addRows(x, branch(`${at}.ls1.gamma`, denseRows(t, `${at}.attn.proj`, mixed)));
      const hidden = mapRows(denseRows(t, `${at}.mlp.fc1`, normRows(t, `${at}.norm2`, x, 1e-6)), gelu);
      x = addRows(x, branch(`${at}.ls2.gamma`, denseRows(t, `${at}.mlp.fc2`, hidden)));
    }
    return denseRows(t, 'head', [normRows(t, 'norm', x, 1e-6)[0]]).flat();
  },
};
