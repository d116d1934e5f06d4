// jax-js, on WebGPU or on WebAssembly: `node jax.mjs START SIZE webgpu|wasm`. The step is one jitted function.

import { readStart, serve, startArguments } from '../../dist/bench/programs/serve.js';
import { openJax } from './open-jax.mjs';

const { jax, counts } = await openJax(process.argv[4]);
const { blockUntilReady, jit, nn, numpy: np, tree, valueAndGrad } = jax;

const { path, size } = startArguments();
const { vocab, width, depth, heads, hidden, time, batch } = size;
const head = width / heads;
const rows = batch * time;
const start = readStart(path);
const tensor = (name, shape) => np.array(start.get(name).values).reshape(shape);
let weights = {
  table: tensor('embedding.table', [vocab, width]),
  final: tensor('final.rms_norm.gain', [width]),
  out: tensor('logits.linear.w', [width, vocab]),
  blocks: Array.from({ length: depth }, (_, i) => {
    const layer = `layer.${i + 1}`;
    return {
      norm1: tensor(`${layer}.attn.rms_norm.gain`, [width]),
      norm2: tensor(`${layer}.ffn.rms_norm.gain`, [width]),
      q: tensor(`${layer}.attn.wq`, [width, width]),
      k: tensor(`${layer}.attn.wk`, [width, width]),
      v: tensor(`${layer}.attn.wv`, [width, width]),
      o: tensor(`${layer}.attn.wo`, [width, width]),
      gate: tensor(`${layer}.ffn.w_gate`, [width, hidden]),
      up: tensor(`${layer}.ffn.w_up`, [width, hidden]),
      down: tensor(`${layer}.ffn.w_down`, [hidden, width]),
    };
  }),
};
const zeros = () => tree.map((w) => np.zeros(w.shape), weights);
let [moment1, moment2] = [zeros(), zeros()];

const angles = (of) =>
  np
    .array(
      Float32Array.from({ length: (time * head) / 2 }, (_, i) =>
        of(Math.floor(i / (head / 2)) * 10_000 ** ((-2 * (i % (head / 2))) / head)),
      ),
    )
    .reshape([time, head / 2]);
const [cos, sin] = [angles(Math.cos), angles(Math.sin)];
const mask = np
  .array(Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0)))
  .reshape([time, time]);

const product = (a, b) => np.matmul(a, b.ref);
const split = (x) => x.reshape([batch, time, heads, head]).transpose([0, 2, 1, 3]);
const rope = (x, c, s) => {
  const [a, b] = np.split(x, 2, -1);
  return np.concatenate([a.ref.mul(c.ref).sub(b.ref.mul(s.ref)), b.mul(c.ref).add(a.mul(s.ref))], -1);
};
const norm = (x, gain) => {
  const scale = np.reciprocal(np.sqrt(np.square(x.ref).mean(-1, { keepdims: true }).add(1e-5)));
  return x.mul(scale).mul(gain.ref);
};

function lossOf(w, tokens, targets, c, s, m) {
  let x = np.take(w.table.ref, tokens, 0);
  for (const b of w.blocks) {
    const h = norm(x.ref, b.norm1);
    const q = rope(split(product(h.ref, b.q)), c, s);
    const k = rope(split(product(h.ref, b.k)), c, s);
    const v = split(product(h, b.v));
    const scores = np
      .matmul(q, k.transpose([0, 1, 3, 2]))
      .mul(1 / Math.sqrt(head))
      .add(m.ref);
    const seen = np.matmul(nn.softmax(scores, -1), v).transpose([0, 2, 1, 3]).reshape([rows, width]);
    x = x.add(product(seen, b.o));
    const g = norm(x.ref, b.norm2);
    x = x.add(product(nn.silu(product(g.ref, b.gate)).mul(product(g, b.up)), b.down));
  }
  const logits = product(norm(x, w.final), w.out);
  return nn.logSoftmax(logits, -1).mul(nn.oneHot(targets, vocab)).sum(-1).mean().mul(-1);
}

const train = jit((w, m1, m2, tokens, targets, c, s, m, bias1, bias2) => {
  const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(w), tokens, targets, c, s, m);
  const next1 = tree.map((a, g) => a.mul(0.9).add(g.ref.mul(0.1)), m1, gradients);
  const next2 = tree.map((a, g) => a.mul(0.999).add(np.square(g).mul(0.001)), m2, gradients);
  const next = tree.map(
    (p, a, b) => {
      const decayed = p.shape.length > 1 ? p.mul(1 - 1e-4) : p;
      return decayed.sub(
        a.ref
          .mul(bias1.ref)
          .div(np.sqrt(b.ref.mul(bias2.ref)).add(1e-8))
          .mul(1e-3),
      );
    },
    w,
    next1,
    next2,
  );
  return [loss, next, next1, next2];
});

const ids = (name) => np.array(start.get(name).values, { dtype: np.int32 });
let step = 0;
await serve(async () => {
  step += 1;
  const bias = [np.array(1 / (1 - 0.9 ** step)), np.array(1 / (1 - 0.999 ** step))];
  let loss;
  [loss, weights, moment1, moment2] = train(
    weights,
    moment1,
    moment2,
    ids('tokens'),
    ids('targets'),
    cos.ref,
    sin.ref,
    mask.ref,
    ...bias,
  );
  await blockUntilReady([weights, moment1, moment2]);
  return (await loss.data())[0];
}, counts);
