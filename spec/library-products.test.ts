/**
 * Which products go to a library of matrix products, in which form, and what that changes of the program around them. What is
 * passed to the library itself is in `cublaslt.test.ts`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { multiply } from '../src/backends/cuda/cpu/multiply.ts';
import { findProgram } from '../src/backends/cuda/find-program.ts';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import { interpret } from '../src/backends/reference/interpret.ts';
import { compileTarget } from '../src/backends/targets.ts';
import type { Compiled, CompileRequest } from '../src/compiler/compile-request.ts';
import type { Axis, Block, Graph, ValueId } from '../src/compiler/ir/graph.ts';
import { WORKSPACE_BYTES } from '../src/compiler/ir/matmul.ts';
import type { MatmulEntry } from '../src/compiler/ir/plan.ts';
import { callsIn, launchesIn } from '../src/compiler/ir/plan-calls.ts';
import { stepWork } from '../src/compiler/ir/plan-totals.ts';
import { type FusedGraph, type ProductRegion, regionsIn } from '../src/compiler/ir/region.ts';
import { elementsOf, floats } from '../src/compiler/ir/tensor-type.ts';
import { allOps, allValues } from '../src/compiler/ir/walk-graph.ts';
import { lowerContext } from '../src/compiler/lower/context.ts';
import { matmulsOf } from '../src/compiler/lower/matmuls.ts';
import { type LoopBuilder, makeBuilder } from '../src/compiler/ops/builder.ts';
import { add, conform, contract, scalar } from '../src/compiler/ops/make.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { isWorthLibrary } from '../src/compiler/passes/library/library-rule.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { matchesGolden } from './support/golden.ts';
import { axis } from './support/llama-graph.ts';
import { runMain } from './support/run-cli.ts';
import { randomInputs } from './support/run-fused.ts';
import { temporaryFolder } from './support/temporary.ts';

const MODE = { use: 'all', precision: 'f32' } as const;

function fuse(graph: Graph): FusedGraph {
  const pass = fusePass({ fuse: true, limits: CUDA_LIMITS, library: MODE });
  const fused = pass.run(graph);
  pass.verify(fused);
  return fused;
}

function libraryRegions(fused: FusedGraph): readonly ProductRegion[] {
  return regionsIn(fused.steps).filter((r): r is ProductRegion => r.kind === 'product' && r.library);
}

/** A graph with one contraction, of operands that lie with their axes in some order. */
function contraction(left: readonly Axis[], right: readonly Axis[], summed: readonly Axis[]): Graph {
  const b = makeBuilder();
  const [x, y] = [b.input({ name: 'x', type: floats(left) }), b.input({ name: 'y', type: floats(right) })];
  const product = b.op('contract', { terms: [summed.map(({ id }) => id)] }, [x, y]);
  return b.finish([{ name: 'product', value: product }]);
}

/** What the library makes of the products of a graph without other work, in f32. */
function multiplied(graph: Graph, inputs: ReadonlyMap<string, Float64Array>): Float32Array | undefined {
  const fused = fuse(graph);
  const [region, ...others] = regionsIn(fused.steps);
  assert.equal(others, []);
  if (region?.kind !== 'product' || !region.library) return undefined;
  const context = lowerContext(fused, CUDA_LIMITS);
  const memory = new Map<ValueId, Float32Array>();
  for (const op of graph.block.ops)
    if (op.kind === 'input')
      memory.set(
        present(op.results[0], 'a result').id,
        Float32Array.from(present(inputs.get(op.attrs.name), 'an input')),
      );
  const result = present(region.roots[0], 'a root');
  const values = new Float32Array(elementsOf(context.value(result).type.axes)).fill(Number.NaN);
  memory.set(result, values);
  for (const matmul of matmulsOf(context, region))
    multiply(matmul.shape, (name) => {
      const cells = present(memory.get(context.memoryOf(matmul[name])), 'memory');
      return new Uint8Array(cells.buffer as ArrayBuffer);
    });
  return values;
}

/** Axes of each kind, and orders in which the operands have them. */
const contractions = fc
  .record({
    batch: fc.array(fc.constantFrom(1, 2), { maxLength: 2 }),
    rows: fc.array(fc.constantFrom(1, 4, 8), { minLength: 1, maxLength: 2 }),
    columns: fc.array(fc.constantFrom(4, 8), { minLength: 1, maxLength: 2 }),
    depth: fc.array(fc.constantFrom(1, 4, 8), { minLength: 1, maxLength: 2 }),
  })
  .map((sizes) => {
    const of = (kind: keyof typeof sizes) => sizes[kind].map((size, k) => axis(`${kind}${k}`, size));
    return { batch: of('batch'), rows: of('rows'), columns: of('columns'), depth: of('depth') };
  })
  .chain(({ batch, rows, columns, depth }) => {
    const shuffled = (axes: readonly Axis[]) => fc.shuffledSubarray([...axes], { minLength: axes.length });
    return fc.record({
      left: shuffled([...batch, ...rows, ...depth]),
      right: shuffled([...batch, ...columns, ...depth]),
      summed: fc.constant(depth),
    });
  });

test('a contraction of operands in any order of axes goes to the library only in a form that gives the right numbers', () => {
  let given = 0;
  fc.assert(
    fc.property(contractions, ({ left, right, summed }) => {
      const graph = contraction(left, right, summed);
      const inputs = randomInputs(graph, 1);
      const found = multiplied(graph, inputs);
      if (!found) return;
      given += 1;
      const host = { inputs, weights: new Map(), runtime: { step: 0, lr: 0 }, seed: 0, micro: 0 };
      const expected = present(interpret(graph, host).get('product'), 'a result');
      assert.is(found.length, expected.length);
      found.forEach((value, i) => {
        assert.ok(Math.abs(value - (expected[i] ?? Number.NaN)) < 1e-4, `${i}: ${value} instead of ${expected[i]}`);
      });
    }),
    { numRuns: 500, seed: 5 },
  );
  assert.ok(given > 100, `${given} of 500 are products of matrices`);
});

const [m, n, k, other] = [axis('m', 8), axis('n', 12), axis('k', 16), axis('other', 4)];

test('operands may lie either way round, and batches line by line', () => {
  const isGiven = (left: readonly Axis[], right: readonly Axis[], summed = [k]): boolean =>
    libraryRegions(fuse(contraction(left, right, summed))).length === 1;
  for (const left of [
    [m, k],
    [k, m],
  ])
    for (const right of [
      [n, k],
      [k, n],
    ])
      assert.ok(isGiven(left, right));
  assert.ok(isGiven([other, m, k], [other, n, k]));
  // Heads lie within the lines of tokens.
  assert.ok(isGiven([m, other, k], [n, other, k]));
  // Two axes are one to both operands, or they are not.
  assert.ok(isGiven([m, other, k], [other, k, n], [other, k]));
  assert.not.ok(isGiven([m, other, k], [k, other, n], [other, k]));
  // Rows lie on both sides of what is summed.
  assert.not.ok(isGiven([m, k, other], [k, n]));
  // No line begins at a multiple of 16 bytes.
  assert.not.ok(isGiven([axis('odd', 6), axis('long', 17)], [axis('long', 17), n], [axis('long', 17)]));
});

test('a library adds to a sum that a loop carries, where nothing else needs the product or the sum', () => {
  type More = (b: LoopBuilder, part: ValueId, sum: ValueId) => readonly ValueId[];
  /** The products that are added up, of a loop that adds one in each iteration; `more`: what else an iteration gives. */
  const added = (left: readonly Axis[], right: readonly Axis[], more: More = () => []): number => {
    const b = makeBuilder();
    const turn = axis('turn', 3);
    const loop = b.loop({ axis: turn, carried: [{ initial: conform(b, scalar(b, 0), [m, n]) }] });
    const [x, y] = [left, right].map((axes, i) =>
      loop.slice(loop.outer(() => b.input({ name: `in${i}`, type: floats([turn, ...axes]) }))),
    );
    const part = contract(b, present(x, 'left'), present(y, 'right'), [k.id]);
    const sum = add(b, present(loop.carried[0], 'a sum'), part);
    const results = loop.end([sum], more(loop, part, sum));
    const regions = libraryRegions(fuse(b.finish(results.map((value, i) => ({ name: `out${i}`, value })))));
    assert.is(regions.length, 1);
    return regions.filter(({ members }) => members.length === 2).length;
  };
  assert.is(added([m, k], [k, n]), 1);
  assert.is(added([k, m], [n, k]), 1);
  assert.is(
    added([m, k], [k, n], (_, part) => [part]),
    0,
  );
  assert.is(
    added([m, k], [k, n], (_, __, sum) => [sum]),
    0,
  );
});

test('a library is worth long sums of large products, of two bytes later than of four', () => {
  const sizes = { batch: 1, rows: 4096, columns: 4096, depth: 512 };
  const at = (change: Partial<typeof sizes>, precision: 'f32' | 'bf16') =>
    isWorthLibrary([{ ...sizes, ...change }], precision, 'large');
  assert.ok(at({}, 'bf16') && at({}, 'f32') && at({ depth: 128 }, 'f32'));
  assert.not.ok(at({ depth: 511 }, 'bf16') || at({ depth: 127 }, 'f32'));
  // Together they are too few operations, except in a batch.
  const small = { rows: 512, columns: 512, depth: 1024 };
  assert.not.ok(at(small, 'bf16'));
  assert.ok(at({ ...small, batch: 4 }, 'bf16'));
  assert.not.ok(isWorthLibrary([sizes, { ...sizes, depth: 8 }], 'bf16', 'large'), 'each term is worth it');
  assert.ok(isWorthLibrary([{ batch: 1, rows: 1, columns: 1, depth: 1 }], 'bf16', 'all'));
});

const LLAMA = readFileSync('bench/llama.tfm', 'utf8');
const SIZE_130M = [
  'width=768',
  'hidden=2048',
  'heads=12',
  'depth=12',
  'vocab=32_000',
  'train.batch=16',
  'train.time=512',
];

function compiled(text: string, request: Partial<CompileRequest>): Compiled {
  return compileText(text, { limits: CUDA_LIMITS, target: compileTarget('cuda'), ...request });
}

test('of a model of 130 million weights all products go to the library, in both precisions; of a small one none', () => {
  for (const precision of ['f32', 'bf16']) {
    const set = [...SIZE_130M, `train.precision=${precision}`];
    const { plan, fused } = compiled(LLAMA, { set, library: 'large' });
    const micro = present(fused.micro, 'the program');
    const products = regionsIn(micro.steps).filter((r) => r.kind === 'product');
    assert.ok(
      products.every((r) => r.library),
      `${precision}: ${products.filter((r) => !r.library).map((r) => r.name)}`,
    );
    const { matmuls, flops, libraryFlops } = stepWork(plan);
    // Seven weights of a layer and that of the head: once forward, and twice back; gate and up give one gradient, and so do q, k and v.
    const pieces = micro.steps.flatMap((s) => (s.kind === 'loop' && s.op.attrs.axis.name === 'piece' ? [s.op] : []));
    assert.is(pieces.length, 1, 'the logits are in pieces');
    assert.is(matmuls, 3 * (7 * 12 + (pieces[0]?.attrs.axis.size ?? 0)));
    assert.ok(libraryFlops > 0.8 * flops && libraryFlops < flops);
    const types = new Set(plan.matmuls.flatMap(({ left, right }) => [left.type, right.type]));
    assert.equal([...types], [precision]);
  }
  const set = ['train.batch=2', 'train.precision=bf16'];
  const [lib, plain] = [compiled(LLAMA, { set, library: 'large' }), compiled(LLAMA, { set })];
  assert.equal(lib.plan.matmuls, []);
  assert.equal(lib.plan.kernels, plain.plan.kernels);
  assert.equal({ ...lib.plan, library: undefined }, { ...plain.plan, library: undefined });
});

function isFloat(block: Block, id: ValueId | undefined): boolean {
  return [...allValues(block)].some((value) => value.id === id && value.type.kind === 'float');
}

/** The product that makes a value of a name. */
function named(plan: Compiled['plan'], name: string): MatmulEntry {
  return present(
    plan.matmuls.find((entry) => entry.name === name),
    `product ${name} of ${plan.matmuls.map((entry) => entry.name).join(', ')}`,
  );
}

test('in two bytes each weight is copied once a step, for both directions and all micro-batches', () => {
  const set = ['train.precision=bf16', 'train.micro=2'];
  const { plan, fused } = compiled(LLAMA, { set, library: 'all' });
  const { graph, steps } = present(fused.copies, 'the program');
  const values = new Map([...allValues(graph.block)].map((value) => [value.id, value]));
  const copied = regionsIn(steps).flatMap(({ roots }) => roots.map((id) => present(values.get(id), 'a value').type));
  assert.is(copied.length, 7 + 1);
  assert.ok(copied.every(({ storage }) => storage === 'bf16'));
  assert.is(plan.accumulation, 4);
  assert.is(launchesIn(present(plan.programs.begin, 'begin')).length, 7 + 1);
  assert.not.ok(Object.keys(plan.programs).includes('copies'));
  // In the program of a micro-batch only the gradient is copied that the backward loop carries.
  const micro = present(fused.micro, 'the program').graph.block;
  const casts = [...allOps(micro)].filter(
    (op) => op.kind === 'cast' && op.attrs.to === 'float' && isFloat(micro, op.operands[0]),
  );
  assert.is(casts.length, 2, 'on its way into the feed-forward block, and between that and attention');
  // Gradients of weights are f32, and so are sums of several products, whose terms are rounded as they are stored.
  assert.is(named(plan, 'grad_layer_ffn_w_down').result.type, 'f32');
  const terms = plan.matmuls.filter(({ accumulate }) => accumulate);
  assert.is(terms.length, 2 + 1);
  assert.ok(terms.every(({ result }) => result.type === 'f32'));
  assert.is(named(plan, 'layer_attn').result.type, 'bf16');
});

test('where storing draws how to round, the library stores in four bytes', () => {
  const set = ['train.precision=bf16', 'train.rounding=stochastic'];
  const { plan } = compiled(LLAMA, { set, library: 'all' });
  const micro = new Set(
    callsIn(present(plan.programs.micro, 'micro')).flatMap((c) => (c.kind === 'matmul' ? [c.matmul] : [])),
  );
  for (const [number, { name, result }] of plan.matmuls.entries())
    if (micro.has(number)) assert.is(result.type, 'f32', name);
});

test('the plan of an example, and its regions beside those of the mode that generates all', () => {
  const text = readFileSync('examples/llama.tfm', 'utf8');
  const request = { set: ['train.precision=bf16'], sizes: { batch: 2 }, dump: ['precision'] };
  const { plan, dumps, fused } = compiled(text, { ...request, library: 'all' });
  const plain = compiled(text, request);
  const namesOf = (of: Compiled) => regionsIn(present(of.fused.micro, 'micro').steps).map(({ name }) => name);
  const layout = ({ type, leading, transposed, batchStride }: MatmulEntry['left']): string =>
    `${type} ${leading}${transposed ? ' transposed' : ''}${batchStride === 0 ? '' : ` +${batchStride}`}`;
  const rows = plan.matmuls.map(
    ({ name, batch, rows: r, columns, depth, left, right, result, accumulate }) =>
      `| ${name} | ${batch} | ${r} | ${columns} | ${depth} | ${layout(left)} | ${layout(right)} | ${layout(result)} | ${accumulate ? 'yes' : ''} |`,
  );
  assert.ok(fused.micro);
  const sections = [
    '# llama.tfm in bf16, its products of matrices by a library',
    'Layouts are types, elements from one line to the next, and from one batch to the next.',
    [
      '| product | batch | rows | columns | depth | left | right | result | added |',
      '|---|---|---|---|---|---|---|---|---|',
      ...rows,
    ].join('\n'),
    `## Regions of \`micro\`\n\n\`\`\`\n${dumps.get('micro precision')?.trimEnd()}\n\`\`\``,
    `## In the mode that generates all\n\n${namesOf(plain)
      .map((name) => `- ${name}`)
      .join('\n')}`,
  ];
  matchesGolden('library/llama.md', `${sections.join('\n\n')}\n`);
});

const TRAINED = `use std.{Embedding, Linear}
model Tiny(vocab: axis = 256, width: axis = 8)(tokens: int[batch, time], targets: int[batch, time]) {
  logits = Linear(vocab)(tanh(Linear(width)(Embedding(vocab, width)(tokens))))
  loss = mean(cross_entropy(logits, targets, over = vocab))
}
train Tiny() { data = text("*.txt", tokenizer = bytes); batch = 2; time = 4; steps = 2; lr = 1e-2 }
`;

test('where there is no library the options say so, and a compiled folder is what it is', async () => {
  const folder = temporaryFolder({ 'tiny.tfm': TRAINED });
  const spec = join(folder, 'tiny.tfm');
  for (const command of ['train', 'bench', 'compile']) {
    const { exit, err } = await runMain(command, spec, '--lib');
    assert.is(exit, 2, err);
    assert.match(err, /--lib takes products of matrices to cuBLASLt, which only CUDA has/);
  }
  const made = join(folder, 'made');
  const { exit, out } = await runMain('compile', spec, '--target', 'cuda', '--lib-all', '--out', made, '--json');
  assert.is(exit, 0);
  const { matmuls, step, memory } = JSON.parse(out);
  const plan = JSON.parse(readFileSync(join(made, 'plan.json'), 'utf8'));
  assert.is(step.matmuls, 6);
  assert.is(matmuls.length, plan.matmuls.length);
  assert.is(plan.library, 'all');
  assert.is(memory.library_bytes, WORKSPACE_BYTES);
  const params = JSON.parse((await runMain('params', made, '--json')).out).totals;
  assert.is(params.memory.library, WORKSPACE_BYTES);
  assert.is(params.planned_bytes, plan.memory.plannedBytes);
  assert.ok(params.planned_bytes > WORKSPACE_BYTES);
  assert.match((await runMain('params', made)).out, /^ *workspace of cuBLASLt +32(\.0+)? MiB$/m);
  assert.match(readFileSync(join(made, 'trainer.ts'), 'utf8'), /export const matmuls = \{[^}]*micro: 6/);
  const again = await runMain('train', made, '--device', 'cuda-cpu', '--lib-all');
  assert.match(again.err, /--lib-all changes what is compiled/);
  const { out: said } = await runMain('compile', spec, '--target', 'cuda', '--lib-all');
  assert.match(said, /^ +32(\.0+)? MiB of both for cuBLASLt to work in$/m);
  assert.match(said, new RegExp(`^products +6 a step by cuBLASLt, of ${plan.matmuls.length} kinds$`, 'm'));
  assert.match(
    (await runMain('compile', spec, '--target', 'cuda', '--lib-all', '--explain')).out,
    'product of matrices by a library',
  );
});

if (findProgram('g++') !== undefined) {
  test('a run goes on in the mode in which it began, and in no other', async () => {
    const folder = temporaryFolder({ 'tiny.tfm': TRAINED, 'a.txt': 'to be or not to be. '.repeat(20) });
    const run = (...more: readonly string[]) =>
      runMain('train', join(folder, 'tiny.tfm'), '--device', 'cuda-cpu', '--out', join(folder, 'run'), ...more);
    const begun = await run('--lib-all');
    assert.is(begun.exit, 0, begun.err);
    assert.match(begun.err, /\d+ products of matrices by cuBLASLt/);
    assert.is(JSON.parse(readFileSync(join(folder, 'run', 'config.json'), 'utf8')).library, 'all');
    const on = await run('--resume', '--set', 'train.steps=3');
    assert.is(on.exit, 0, on.err);
    assert.match(on.err, /\d+ products of matrices by cuBLASLt/);
    assert.not.match(on.err, /kernels differ/);
    assert.is(JSON.parse(readFileSync(join(folder, 'run', 'config.json'), 'utf8')).library, 'all');
    const otherwise = await run('--resume', '--lib');
    assert.is(otherwise.exit, 1, otherwise.err);
    assert.match(otherwise.err, /began with other settings: library/);
  });

  test('copies of weights follow the weights, however a step is cut into micro-batches', async () => {
    const folder = temporaryFolder({ 'tiny.tfm': TRAINED, 'a.txt': 'to be or not to be. '.repeat(20) });
    const set = ['precision=bf16', 'lr=0.1', 'steps=6'].flatMap((setting) => ['--set', `train.${setting}`]);
    const losses = async (run: string, ...more: readonly string[]): Promise<readonly number[]> => {
      const out = join(folder, run);
      const options = ['--device', 'cuda-cpu', '--out', out, ...set, '--set', 'train.log_every=1', ...more];
      const { exit, err } = await runMain('train', join(folder, 'tiny.tfm'), ...options);
      assert.is(exit, 0, err);
      const lines = readFileSync(join(out, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
      return lines
        .map((line) => JSON.parse(line))
        .filter(({ kind }) => kind === 'step')
        .map(({ loss }) => loss);
    };
    const plain = await losses('plain');
    assert.is(plain.length, 6);
    assert.ok((plain.at(-1) ?? 9) < 0.8 * (plain[0] ?? 0), `it learns: ${plain}`);
    for (const micro of ['1', '2']) {
      const found = await losses(`library-${micro}`, '--lib-all', '--set', `train.micro=${micro}`);
      found.forEach((loss, k) => {
        const expected = plain[k] ?? Number.NaN;
        assert.ok(Math.abs(loss - expected) < 0.02 * expected, `step ${k + 1}: ${loss} instead of ${expected}`);
      });
    }
  });

  test('tfm bench tells of products of a library apart', async () => {
    const folder = temporaryFolder({ 'tiny.tfm': TRAINED });
    const options = ['--device', 'cuda-cpu', '--lib-all', '--rounds', '1'];
    const { exit, out, err } = await runMain('bench', join(folder, 'tiny.tfm'), ...options, '--json');
    assert.is(exit, 0, err);
    const { kernels, matmuls } = JSON.parse(out);
    assert.is(matmuls.length, 6);
    assert.ok(matmuls.every(({ ms, flops }: { ms: number; flops: number }) => ms > 0 && flops > 0));
    const namesOf = (list: readonly { kernel: string }[]) => list.map(({ kernel }) => kernel);
    assert.not.ok(namesOf(kernels).some((name) => namesOf(matmuls).includes(name)));
    assert.match((await runMain('bench', join(folder, 'tiny.tfm'), ...options)).out, /^product of cuBLASLt +launches/m);
  });
}

test.run();
