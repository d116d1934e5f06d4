import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import type { Axis, Graph, Op, ValueId } from '../src/compiler/ir/graph.ts';
import type { FusedGraph, Region, RegionStep } from '../src/compiler/ir/region.ts';
import { floats } from '../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { explainFused } from '../src/compiler/passes/fuse/explain.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { hoist } from '../src/compiler/passes/hoist.ts';
import { mergeContracts } from '../src/compiler/passes/merge-contracts.ts';
import { simplify } from '../src/compiler/passes/simplify/simplify.ts';
import { defuse } from './support/defuse.ts';
import { hostOf, noise } from './support/gradient-check.ts';
import { axis, type LlamaOptions, llamaGraph, maxNorm, mish, weight } from './support/llama-graph.ts';
import { randomGraph } from './support/random-graph.ts';

const limits = { storageBindings: 8, bindingBytes: 2 ** 27, offsetAlignment: 256 };

function fuseWith(graph: Graph, storageBindings: number, fuse = true): FusedGraph {
  const pass = fusePass({ fuse, limits: { ...limits, storageBindings } });
  verifyGraph(graph);
  const fused = pass.run(graph);
  pass.verify(fused);
  return fused;
}

function regionsOf(steps: readonly RegionStep[]): readonly Region[] {
  return steps.flatMap((s) => (s.kind === 'region' ? [s.region] : regionsOf(s.body)));
}

/** Launches outside loops, then in each loop's body. */
function launches(fused: FusedGraph): readonly number[] {
  const count = (steps: readonly RegionStep[]): number => steps.filter((s) => s.kind === 'region').length;
  return [count(fused.steps), ...fused.steps.flatMap((s) => (s.kind === 'loop' ? [count(s.body)] : []))];
}

function bindings(fused: FusedGraph, region: Region): number {
  return new Set([...region.reads, ...region.roots].map((id) => fused.aliases.get(id) ?? id)).size;
}

function storedBy(fused: FusedGraph, name: string): readonly (string | undefined)[] {
  const region = regionsOf(fused.steps).find((r) => r.name === name);
  const named = new Map(allOps(fused.graph.block.ops).flatMap((op) => op.results.map((r) => [r.id, r.name] as const)));
  return region?.roots.map((id) => named.get(id)) ?? [];
}

function allOps(ops: readonly Op[]): readonly Op[] {
  return ops.flatMap((op) => [op, ...(op.kind === 'loop' ? allOps(op.attrs.body.ops) : [])]);
}

function compareOutputs(
  wanted: ReadonlyMap<string, Float64Array>,
  found: ReadonlyMap<string, Float64Array>,
  where: string,
): void {
  for (const [name, data] of wanted) {
    const largest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const error = data.reduce((most, x, i) => Math.max(most, Math.abs(x - (found.get(name)?.[i] ?? Number.NaN))), 0);
    assert.ok(error <= 1e-12 * largest, `${name}, ${where}: ${error} of ${largest}`);
  }
}

/** Forward and backward, by the passes that come before fusion. */
function training(options: LlamaOptions = {}): Graph {
  return [simplify, autodiff, simplify, mergeContracts, hoist].reduce((g, pass) => pass.run(g), llamaGraph(options));
}

test('a LLaMA needs 8 launches forward and 13 backward a layer, and 11 outside', () => {
  assert.equal(launches(fuseWith(training(), 8)), [11, 8, 13]);
});

test('groups of queries, the depth scale and other sizes change no count', () => {
  for (const options of [{ groups: 3 }, { scaled: true }, { batch: 1, depth: 5 }, { batch: 1, groups: 2 }]) {
    assert.equal(launches(fuseWith(training(options), 8)), [11, 8, 13], JSON.stringify(options));
  }
});

test('a norm and an activation that no library knows change no count', () => {
  assert.equal(launches(fuseWith(training({ norm: maxNorm }), 8)), [11, 8, 13]);
  assert.equal(launches(fuseWith(training({ activation: mish }), 8)), [11, 8, 13]);
  assert.equal(launches(fuseWith(autodiff.run(llamaGraph()), 8)), [11, 8, 13], 'without simplification');
});

test('no region needs more bindings than there are, and more bindings never mean more launches', () => {
  const sums = [8, 10, 16].map((limit) => {
    const fused = fuseWith(training({ groups: 2 }), limit);
    for (const r of regionsOf(fused.steps)) assert.ok(bindings(fused, r) <= limit, `${r.name} at ${limit}`);
    return regionsOf(fused.steps).length;
  });
  assert.ok((sums[0] ?? 0) >= (sums[1] ?? 0) && (sums[1] ?? 0) >= (sums[2] ?? 0), sums.join());
});

test('regions give what the graph gives, from what they read and in their order', () => {
  const tokens = Array.from({ length: 51 }, (_, i) => (i * 7) % 61);
  const targets = tokens.map((t, i) => (i % 5 === 0 ? -1 : (t + 1) % 61));
  for (const options of [
    { groups: 2, scaled: true },
    { norm: maxNorm, activation: mish },
  ]) {
    const graph = training(options);
    const host = hostOf(graph, { inputs: { tokens, targets } });
    const wanted = interpret(graph, host);
    for (const [limit, fuse] of [
      [8, true],
      [16, true],
      [8, false],
    ] as const) {
      const again = defuse(fuseWith(graph, limit, fuse));
      verifyGraph(again);
      compareOutputs(wanted, interpret(again, host), `fuse ${fuse} with ${limit} bindings`);
    }
  }
});

test('so they do for random graphs', () => {
  for (let seed = 0; seed < 150; seed++) {
    const graph = randomGraph(seed, 8 + (seed % 40));
    const inputs = { x: [...noise('x', 60)], y: [...noise('y', 12)] };
    const host = hostOf(graph, { inputs });
    const wanted = interpret(graph, host);
    for (const limit of [8, 5]) {
      const fused = fuseWith(graph, limit);
      for (const r of regionsOf(fused.steps)) assert.ok(bindings(fused, r) <= limit, `${r.name} of graph ${seed}`);
      compareOutputs(wanted, interpret(defuse(fused), host), `graph ${seed} with ${limit} bindings`);
    }
  }
});

test('epilogues store what later kernels need and nothing else', () => {
  const fused = fuseWith(training(), 8);
  const stores = regionsOf(fused.steps).map((r) => storedBy(fused, r.name).join(' '));
  assert.ok(stores.includes('layer.ffn.gate layer.ffn.up layer.ffn.h'));
  assert.ok(stores.includes('layer.x1'));
  assert.ok(stores.includes('grad.ffn.w_down grad.layer.ffn.up grad.layer.ffn.gate'));
});

test('without fusion every op that computes has its own kernel', () => {
  const fused = fuseWith(training(), 8, false);
  for (const region of regionsOf(fused.steps)) {
    const own = region.roots.length;
    const computing = allOps(fused.graph.block.ops).filter(
      (op) =>
        ['unary', 'binary', 'where', 'cast', 'sum', 'max', 'argmax', 'contract'].includes(op.kind) &&
        op.results.some((r) => region.members.includes(r.id)),
    );
    assert.ok(computing.length <= own, `${region.name} computes ${computing.map((op) => op.kind).join()}`);
  }
});

test('a norm of what a product makes keeps the product, not what follows from it', () => {
  const [time, width, inner] = [axis('time', 5), axis('width', 7), axis('inner', 6)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([time, inner]) });
  const w = b.weight(weight('w', [inner, width]));
  const y = m.contract(b, x, w, [inner.id], { name: 'y' });
  const total = m.sum(b, m.mul(b, y, y), [width.id]);
  const normed = m.mul(b, y, m.unary(b, 'rsqrt', total), { name: 'normed' });
  const fused = fuseWith(b.finish([{ name: 'normed', value: normed }]), 8);
  assert.equal(
    regionsOf(fused.steps).map((r) => r.name),
    ['y', 'normed'],
  );
});

test('regions that would wait for each other stay apart', () => {
  const [time, width] = [axis('time', 5), axis('width', 7)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([time, width]) });
  const rows = m.sum(b, x, [width.id], { name: 'rows' });
  const total = m.sum(b, rows, [time.id], { name: 'total' });
  const shares = m.binary(b, 'div', x, total, { name: 'shares' });
  const spread = m.sum(b, m.mul(b, shares, m.mul(b, x, rows)), [width.id], { name: 'spread' });
  const fused = fuseWith(b.finish([{ name: 'spread', value: spread }]), 8);
  assert.equal(
    regionsOf(fused.steps).map((r) => r.name),
    ['rows', 'total', 'spread'],
  );
  assert.match(
    regionsOf(fused.steps)[0]?.notes.join('\n') ?? '',
    /before spread: another kernel must run between them/,
  );
});

test('a dot product is a sum in its row, an outer product is computed where it is needed', () => {
  const [time, width] = [axis('time', 5), axis('width', 7)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([time, width]) });
  const w = b.weight(weight('w', [width]));
  const gate = m.contract(b, x, w, [width.id]);
  const y = m.add(b, x, m.contract(b, gate, w, []), { name: 'y' });
  const fused = fuseWith(b.finish([{ name: 'y', value: y }]), 8);
  assert.equal(
    regionsOf(fused.steps).map((r) => [r.kind, r.name]),
    [['rows', 'y']],
  );
});

/** A layer as a library writes it: the input axis renamed to a row of the weight, forward and backward. */
function linear(b: Builder, x: ValueId, from: Axis, row: Axis, w: ValueId): ValueId {
  return m.contract(b, b.op('rename', { from: from.id, to: row }, [x]), w, [row.id]);
}

test('renaming the axes of a layer, square or not, does not keep an activation out of its epilogue', () => {
  const [time, width, row, inner] = [axis('time', 5), axis('width', 7), axis('row', 7), axis('inner', 7)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([time, width]) });
  const w1 = b.weight(weight('w1', [row, width]));
  const w2 = b.weight(weight('w2', [inner, width]));
  const h = linear(b, x, width, row, w1);
  const y = linear(b, m.unary(b, 'tanh', h, { name: 'act' }), width, inner, w2);
  const dInner = m.contract(b, y, w2, [width.id]);
  const dAct = b.op('rename', { from: inner.id, to: width }, [dInner]);
  const dh = m.mul(b, dAct, m.unary(b, 'cos', h), { name: 'grad.h' });
  const fused = fuseWith(b.finish([{ name: 'dh', value: dh }]), 8);
  assert.equal(
    regionsOf(fused.steps).map((r) => [r.kind, storedBy(fused, r.name).length]),
    [
      ['product', 2],
      ['product', 1],
      ['product', 1],
    ],
  );
});

test('what one kernel cannot bind is cut into several', () => {
  const [time, width, past, inner] = [axis('time', 5), axis('width', 7), axis('past', 12), axis('inner', 6)];
  const b = makeBuilder();
  const xs = Array.from({ length: 12 }, (_, i) => b.input({ name: `x${i}`, type: floats([time, width]) }));
  const ws = Array.from({ length: 12 }, (_, i) => b.weight(weight(`w${i}`, [width, inner])));
  const stacked = b.op('stack', { axis: past }, xs, { name: 'stacked' });
  const total = xs.reduce((sum, x) => m.mul(b, m.unary(b, 'exp', sum), x));
  const terms = xs.map(() => [width.id]);
  const product = b.op(
    'contract',
    { terms },
    xs.flatMap((x, i) => [x, ws[i] ?? x]),
  );
  const outputs = [stacked, total, product].map((value, i) => ({ name: `out${i}`, value }));
  for (const fuse of [true, false]) {
    const fused = fuseWith(b.finish(outputs), 8, fuse);
    for (const r of regionsOf(fused.steps)) assert.ok(bindings(fused, r) <= 8, `${r.name}: ${bindings(fused, r)}`);
  }
});

test('a sum of very much to one number begins in the rows that are there', () => {
  const [time, width] = [axis('time', 4096), axis('width', 512)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([time, width]) });
  const scale = m.sum(b, m.mul(b, x, x), [width.id], { name: 'scale' });
  const y = m.mul(b, x, scale, { name: 'y' });
  const total = m.sum(b, y, [time.id, width.id], { name: 'total' });
  const fused = fuseWith(b.finish([y, total].map((value, i) => ({ name: `out${i}`, value }))), 8);
  assert.equal(
    regionsOf(fused.steps).map((r) => [r.name, r.kind === 'rows' && r.shared.map((a) => a.name).join()]),
    [
      ['y', 'time'],
      ['total', ''],
    ],
  );
});

test('what two kernels would compute from much is stored by the one for the other', () => {
  const [time, width] = [axis('time', 5), axis('width', 7)];
  const b = makeBuilder();
  const [x, y, z] = ['x', 'y', 'z'].map((name) => b.input({ name, type: floats([time, width]) }));
  assert.ok(x !== undefined && y !== undefined && z !== undefined);
  const all = m.add(b, m.add(b, x, y), z, { name: 'all' });
  const rows = m.sum(b, all, [width.id], { name: 'rows' });
  const columns = m.sum(b, all, [time.id], { name: 'columns' });
  const outputs = [rows, columns].map((value, i) => ({ name: `out${i}`, value }));
  const fused = fuseWith(b.finish(outputs), 8);
  assert.equal(
    regionsOf(fused.steps).map((r) => [storedBy(fused, r.name), r.reads.length]),
    [
      [['all', 'rows'], 3],
      [['columns'], 1],
    ],
  );
});

test('a value that is larger than a binding takes several', () => {
  const pass = fusePass({ fuse: true, limits: { storageBindings: 8, bindingBytes: 4096, offsetAlignment: 256 } });
  const fused = pass.run(training());
  pass.verify(fused);
  const bytes = (axes: readonly Axis[]) => axes.reduce((n, a) => n * a.size, 4);
  const windows = (id: ValueId) => Math.ceil(bytes(fused.layouts.get(id) ?? []) / 4096);
  const weight = regionsOf(fused.steps).filter((r) => r.kind === 'product' && r.parts.length > 1);
  for (const r of weight) {
    const ids = new Set([...r.reads, ...r.roots].map((id) => fused.aliases.get(id) ?? id));
    assert.ok([...ids].reduce((n, id) => n + windows(id), 0) <= 8, r.name);
  }
  assert.ok(launches(fused).join() !== '11,8,13');
});

test('the text of a fused graph is stable', () => {
  const [time, width, row] = [axis('time', 5), axis('width', 7), axis('row', 7)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([time, width]) });
  const w = b.weight(weight('w', [row, width]));
  const renamed = b.op('rename', { from: width.id, to: row }, [x]);
  const y = m.add(b, x, m.contract(b, renamed, w, [row.id]), { name: 'y' });
  const pass = fusePass({ fuse: true, limits });
  assert.equal(
    pass.print(pass.run(b.finish([{ name: 'y', value: y }]))),
    `product y
  part batch [] rows [time] columns [width]: %3
  reads %0 x, %1 w, %2
  computes %3 contract, %4 add
  stores %4 y [time, width]
alias %2 [time, row] of %0 x
`,
  );
});

test('a transposed gradient is stored as it must lie, by the product that makes it', () => {
  const [time, width, inner] = [axis('time', 5), axis('width', 7), axis('inner', 6)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([time, width]) });
  const y = b.input({ name: 'y', type: floats([time, inner]) });
  const g = m.permute(b, m.contract(b, x, y, [time.id]), [inner, width], { name: 'g' });
  const fused = fuseWith(b.finish([{ name: 'g', value: g }]), 8);
  assert.equal(
    regionsOf(fused.steps).map((r) => [r.kind, storedBy(fused, r.name)]),
    [['product', ['g']]],
  );
});

test('what is stored for products alone lies so that no product has both operands along its sum', () => {
  const [time, width, vocab] = [axis('time', 5), axis('width', 7), axis('vocab', 6)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([time, width]) });
  const w = b.input({ name: 'w', type: floats([width, vocab]) });
  const z = b.input({ name: 'z', type: floats([time, vocab]) });
  const g = m.unary(b, 'exp', z, { name: 'g' });
  const ofWeight = m.contract(b, x, g, [time.id], { name: 'grad.w' });
  const ofInput = m.contract(b, g, w, [vocab.id], { name: 'grad.x' });
  const outputs = [
    { name: 'grad.w', value: ofWeight },
    { name: 'grad.x', value: ofInput },
  ];
  const orderOn = (deviceClass: 'cpu' | 'gpu', more: readonly { readonly name: string; readonly value: ValueId }[]) => {
    const fused = fusePass({ fuse: true, limits: { ...limits, deviceClass } }).run(b.finish([...outputs, ...more]));
    return fused.layouts.get(g)?.map(({ name }) => name);
  };
  assert.equal(orderOn('cpu', []), ['vocab', 'time']);
  assert.equal(orderOn('gpu', []), ['time', 'vocab'], 'in workgroup memory all orders are alike');
  assert.equal(orderOn('cpu', [{ name: 'g', value: g }]), ['time', 'vocab'], 'others see it');
});

test('the report says what is fused and why neighbours are apart', () => {
  const text = explainFused(fuseWith(training(), 8));
  assert.match(text, /for each layer of 2: 8 kernels\n/);
  assert.match(text, /for each layer of 2, last to first: 13 kernels\n/);
  assert.match(
    text,
    /layer_x1: tiles of \[batch, time\] by \[width\]\n {4}computes contract, add\n {4}loads x, attn.wo,/,
  );
  assert.match(text, /not one with what runs before layer_ffn_normed: a sum over whole rows does not fit/);
});

test('a region that reads what is not made is found', () => {
  const pass = fusePass({ fuse: true, limits });
  const fused = pass.run(training());
  assert.throws(() => pass.verify({ ...fused, steps: [...fused.steps].reverse() }), /before it is read/);
  assert.throws(() => pass.verify({ ...fused, steps: fused.steps.slice(0, -1) }), /not made/);
});

test.run();
