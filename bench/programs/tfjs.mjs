// TensorFlow.js on WebGPU: `node tfjs.mjs START SIZE`. It has no jit; each operation is a launch.
import { createRequire } from 'node:module';
import { create, globals } from 'webgpu';
import { readStart, serve, startArguments } from '../../dist/bench/programs/serve.js';
import { watchGpu } from '../../dist/bench/programs/watch-gpu.js';

Object.assign(globalThis, globals);
const counts = watchGpu();
Object.defineProperty(globalThis, 'navigator', {
  value: { gpu: create([]), userAgent: 'node' },
  configurable: true,
});
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs');
require('@tensorflow/tfjs-backend-webgpu');
if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js has no webgpu here');
await tf.ready();

const LR = 1e-3;
const DECAY = 0.1;
const { path, size } = startArguments();
const { vocab, width, depth, heads, hidden, time, batch } = size;
const head = width / heads;
const rows = batch * time;
const start = readStart(path);
const variable = (name, shape) => tf.variable(tf.tensor(start.get(name).values, shape));
const table = variable('embedding.table', [vocab, width]);
const final = variable('final.rms_norm.gain', [width]);
const out = variable('logits.linear.w', [width, vocab]);
const blocks = Array.from({ length: depth }, (_, i) => {
  const layer = `layer.${i + 1}`;
  return {
    norm1: variable(`${layer}.attn.rms_norm.gain`, [width]),
    norm2: variable(`${layer}.ffn.rms_norm.gain`, [width]),
    q: variable(`${layer}.attn.wq`, [width, width]),
    k: variable(`${layer}.attn.wk`, [width, width]),
    v: variable(`${layer}.attn.wv`, [width, width]),
    o: variable(`${layer}.attn.wo`, [width, width]),
    gate: variable(`${layer}.ffn.w_gate`, [width, hidden]),
    up: variable(`${layer}.ffn.w_up`, [width, hidden]),
    down: variable(`${layer}.ffn.w_down`, [hidden, width]),
  };
});
const matrices = [table, out, ...blocks.flatMap((b) => [b.q, b.k, b.v, b.o, b.gate, b.up, b.down])];

const angle = tf.outerProduct(tf.range(0, time), tf.exp(tf.mul(tf.range(0, head, 2), -Math.log(10_000) / head)));
const [cos, sin] = [tf.keep(angle.cos()), tf.keep(angle.sin())];
const mask = tf.keep(
  tf.tensor2d(
    Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0)),
    [time, time],
  ),
);
const norm = (x, gain) => x.mul(x.square().mean(-1, true).add(1e-5).rsqrt()).mul(gain);
const rope = (x) => {
  const [a, b] = tf.split(x, 2, -1);
  return tf.concat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], -1);
};
const split = (x) => x.reshape([batch, time, heads, head]).transpose([0, 2, 1, 3]);

function lossOf(tokens, targets) {
  let x = tf.gather(table, tokens);
  for (const b of blocks) {
    const h = norm(x, b.norm1);
    const [q, k, v] = [rope(split(h.matMul(b.q))), rope(split(h.matMul(b.k))), split(h.matMul(b.v))];
    const scores = tf
      .matMul(q, k, false, true)
      .mul(1 / Math.sqrt(head))
      .add(mask);
    const seen = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]).reshape([rows, width]);
    x = x.add(seen.matMul(b.o));
    const g = norm(x, b.norm2);
    const gate = g.matMul(b.gate);
    x = x.add(gate.mul(gate.sigmoid()).mul(g.matMul(b.up)).matMul(b.down));
  }
  const logits = norm(x, final).matMul(out);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(targets, vocab)), -1)).mean();
}

const optimizer = tf.train.adam(LR, 0.9, 0.999, 1e-8);
const ids = (name) => tf.tensor1d(start.get(name).values, 'int32');
await serve(async () => {
  const [tokens, targets] = [ids('tokens'), ids('targets')];
  // The gradients are those of the weights before the decay, as in AdamW.
  const { value, grads } = optimizer.computeGradients(() => lossOf(tokens, targets));
  tf.tidy(() => {
    for (const w of matrices) w.assign(w.mul(1 - LR * DECAY));
  });
  optimizer.applyGradients(grads);
  tf.dispose(grads);
  const [loss] = await value.data();
  await final.data();
  tf.dispose([value, tokens, targets]);
  return loss;
}, counts);
