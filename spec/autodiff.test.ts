/** Loops backwards: what they carry, stack, capture and compute again; and whole blocks. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph, OpOf, ValueId } from '../src/compiler/ir/graph.ts';
import { type Builder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { axis, checkGradients, makeWeight, scalarLoss } from './support/gradient-check.ts';

const [layer, inner, width, hidden, batch] = [
  axis('layer', 3),
  axis('inner', 2),
  axis('width', 5),
  axis('hidden', 7),
  axis('batch', 3),
];

function loopsOf(graph: Graph): readonly OpOf<'loop'>[] {
  return graph.block.ops.filter((op): op is OpOf<'loop'> => op.kind === 'loop');
}

const first = (ids: readonly ValueId[], i = 0): ValueId => {
  const id = ids[i];
  if (id === undefined) throw new Error(`no value ${i}`);
  return id;
};

/** x + tanh(x @ w) @ u, for weights of each layer and a factor from a table. */
function residualStack(b: Builder, x: ValueId, reverse = false): ValueId {
  const loop = b.loop({ axis: layer, reverse, carried: [{ initial: x, name: 'x' }] });
  const w = loop.slice(b.weight(makeWeight('w', [width, hidden], layer)));
  const u = loop.slice(b.weight(makeWeight('u', [hidden, width], layer)));
  const scale = loop.slice(loop.outer(() => m.table(b, layer, [1, 0.7, 0.5])));
  const carried = first(loop.carried);
  const h = m.unary(b, 'tanh', m.contract(b, carried, w, [width.id]));
  const next = m.add(b, carried, m.mul(b, m.contract(b, h, u, [hidden.id]), scale));
  return first(loop.end([next], []));
}

test('a loop with a carried value, stacked weights and a table, either way', () => {
  for (const reverse of [false, true]) {
    checkGradients((b) => scalarLoss(b, residualStack(b, b.weight(makeWeight('x', [batch, width])), reverse)));
  }
});

test('the partition saves what contractions read and what cannot be had again, no more', () => {
  const graph = checkGradients((b) => scalarLoss(b, residualStack(b, b.weight(makeWeight('x', [batch, width])))));
  const forward = loopsOf(graph)[0];
  // x and h are read by the contractions of the backward; the other product is needed for nothing.
  assert.is(forward?.results.length, 3);
  assert.is(loopsOf(graph).length, 2);
  assert.is(loopsOf(graph)[1]?.attrs.reverse, true);
});

test('stacked results carry gradients into their iteration', () => {
  checkGradients((b) => {
    const x = b.weight(makeWeight('x', [batch, width]));
    const loop = b.loop({ axis: layer, carried: [{ initial: x }] });
    const gain = loop.slice(b.weight(makeWeight('gain', [width], layer)));
    const next = m.unary(b, 'sin', m.mul(b, first(loop.carried), gain));
    const results = loop.end([next], [m.mul(b, next, next), m.sum(b, next, [width.id])]);
    const parts = results.map((id, i) => scalarLoss(b, id, `part ${i}`));
    return parts.reduce((total, part) => m.add(b, total, part));
  });
});

test('a weight that every iteration shares gets one gradient, from inside and outside', () => {
  checkGradients((b) => {
    const w = b.weight(makeWeight('w', [width, hidden]));
    const loop = b.loop({ axis: layer, carried: [{ initial: b.weight(makeWeight('x', [batch, width])) }] });
    const h = m.unary(b, 'tanh', m.contract(b, first(loop.carried), w, [width.id]));
    const next = m.contract(b, h, w, [hidden.id]);
    const last = first(loop.end([next], []));
    return m.add(b, scalarLoss(b, m.contract(b, last, w, [width.id])), scalarLoss(b, w));
  });
});

test('a value that the loop captures and a carried value that it does not change', () => {
  checkGradients((b) => {
    const outside = m.unary(b, 'exp', b.weight(makeWeight('x', [width])));
    const [a, c] = [b.weight(makeWeight('a', [width])), b.weight(makeWeight('c', [width]))];
    const loop = b.loop({ axis: layer, carried: [{ initial: a }, { initial: c }] });
    const [p, q] = [first(loop.carried), first(loop.carried, 1)];
    const next = m.mul(b, m.unary(b, 'sin', m.mul(b, p, outside)), q);
    const results = loop.end([next, q], [outside]);
    const parts = results.map((id, i) => scalarLoss(b, id, `part ${i}`));
    return parts.reduce((total, part) => m.add(b, total, part));
  });
});

test('carried values that change places', () => {
  checkGradients((b) => {
    const [a, c] = [b.weight(makeWeight('a', [width])), b.weight(makeWeight('c', [width]))];
    const loop = b.loop({ axis: layer, carried: [{ initial: a }, { initial: c }] });
    const [p, q] = [first(loop.carried), first(loop.carried, 1)];
    const results = loop.end([m.unary(b, 'sin', q), m.mul(b, p, q)], []);
    return m.add(b, scalarLoss(b, first(results)), scalarLoss(b, first(results, 1), 'other'));
  });
});

test('a loop in a loop, with tables and weights of both', () => {
  checkGradients((b) => {
    const w = b.weight(makeWeight('w', [inner, width], layer));
    const outer = b.loop({ axis: layer, carried: [{ initial: b.weight(makeWeight('x', [batch, width])) }] });
    const table = outer.outer(() => m.table(b, layer, [0.5, 1, 2]));
    const factor = outer.slice(table);
    const slices = outer.slice(w);
    const scaled = m.mul(b, first(outer.carried), factor);
    const loop = b.loop({ axis: inner, carried: [{ initial: scaled }] });
    const small = loop.slice(loop.outer(() => m.table(b, inner, [1, -1])));
    const gain = loop.slice(slices);
    const step = m.unary(b, 'sin', m.mul(b, m.add(b, first(loop.carried), scaled), gain));
    const after = first(loop.end([m.mul(b, step, small)], []));
    return scalarLoss(b, first(outer.end([m.add(b, after, first(outer.carried))], [])));
  });
});

test('random numbers are drawn again, not stored, and are the same', () => {
  const graph = checkGradients((b) => {
    const x = b.weight(makeWeight('x', [batch, width]));
    const loop = b.loop({ axis: layer, carried: [{ initial: x }] });
    const draw = b.leaf('random', { path: 'layer.dropout' }, b.typeOf(x));
    const kept = m.binary(b, 'ge', draw, m.scalar(b, 0.3));
    const dropped = m.where(b, kept, m.unary(b, 'sin', first(loop.carried)), m.scalar(b, 0));
    return scalarLoss(b, first(loop.end([m.add(b, first(loop.carried), dropped)], [])));
  });
  assert.is(loopsOf(graph)[0]?.results.length, 2, 'only x is saved');
});

test('half frozen stacked weights get a whole gradient', () => {
  const graph = checkGradients((b) => {
    const half = makeWeight('half', [width], layer);
    const members = half.members.map((member, i) => ({ ...member, freeze: i === 0 }));
    const loop = b.loop({ axis: layer, carried: [{ initial: b.weight(makeWeight('x', [width])) }] });
    const gain = loop.slice(b.weight({ ...half, members }));
    return scalarLoss(b, first(loop.end([m.mul(b, first(loop.carried), gain)], [])));
  });
  assert.equal(
    graph.outputs.map((o) => o.name),
    ['loss', 'grad.x', 'grad.half'],
  );
});

test('a weight that is wholly frozen gets no gradient, and none is computed for it', () => {
  const b = makeBuilder();
  const frozen = makeWeight('table', [width]);
  const members = frozen.members.map((member) => ({ ...member, freeze: true }));
  const product = m.mul(b, b.weight({ ...frozen, members }), b.weight(makeWeight('x', [width])));
  const graph = autodiff.run(b.finish([{ name: 'loss', value: m.sum(b, product, [width.id]) }]));
  assert.equal(
    graph.outputs.map((o) => o.name),
    ['loss', 'grad.x'],
  );
  const muls = graph.block.ops.filter((op) => op.kind === 'binary' && op.attrs.fn === 'mul');
  assert.is(muls.length, 2, 'the product and one gradient');
});

test.run();
