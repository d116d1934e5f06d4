// jax-js: value and gradients of one function, jitted: `node micro-jax.mjs START CASE webgpu|wasm`.
import { readStart, serve, startArguments } from '../../dist/bench/programs/serve.js';
import { openJax } from './open-jax.mjs';

const { jax, counts } = await openJax(process.argv[4]);
const { blockUntilReady, jit, nn, numpy: np, tree, valueAndGrad } = jax;
const { path, size: micro } = startArguments();
const start = readStart(path);
const weights = Object.fromEntries(
  Object.entries(micro.weights).map(([name, shape]) => [name, np.array(start.get(name).values).reshape(shape)]),
);
const meanSquare = (x) => np.square(x).mean();
const { count, below } = micro.targets;

const FUNCTIONS = {
  product: ({ a, b }) => meanSquare(np.matmul(a, b)),
  norm: ({ x, y, 'rms_norm.gain': gain }) => {
    const scale = np.reciprocal(np.sqrt(np.square(y.ref).mean(-1, { keepdims: true }).add(1e-5)));
    return meanSquare(x.add(y.mul(scale).mul(gain)));
  },
  'cross-entropy': ({ table }, targets) =>
    nn.logSoftmax(table, -1).mul(nn.oneHot(targets, below)).sum(-1).mean().mul(-1),
  attention: ({ q, k, v }, _, mask) => {
    const scores = np
      .matmul(q, k.transpose([0, 2, 1]))
      .mul(1 / Math.sqrt(micro.set.head))
      .add(mask);
    return meanSquare(np.matmul(nn.softmax(scores, -1), v));
  },
};

/** What the function takes beside the weights. */
function others() {
  if (micro.kind === 'cross-entropy') return [np.array(start.get('targets').values, { dtype: np.int32 })];
  if (micro.kind !== 'attention') return [];
  const values = Float32Array.from({ length: count * count }, (_, i) => (i % count > Math.floor(i / count) ? -1e9 : 0));
  return [np.array([0]), np.array(values).reshape([count, count])];
}

const run = jit(valueAndGrad(FUNCTIONS[micro.kind]));
const fixed = others();
await serve(async () => {
  const [loss, gradients] = run(tree.ref(weights), ...fixed.map((x) => x.ref));
  await blockUntilReady(gradients);
  tree.dispose(gradients);
  return (await loss.data())[0];
}, counts);
