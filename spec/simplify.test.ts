/** The passes between differentiation and fusion: what they make of small graphs, and of a whole model. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph, OpOf, ValueId } from '../src/compiler/ir/graph.ts';
import { printGraph } from '../src/compiler/ir/print-graph.ts';
import { floats } from '../src/compiler/ir/tensor-type.ts';
import { allOps } from '../src/compiler/ir/walk-graph.ts';
import { type Builder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { hoist } from '../src/compiler/passes/hoist.ts';
import { mergeContracts } from '../src/compiler/passes/merge-contracts.ts';
import { simplify } from '../src/compiler/passes/simplify/simplify.ts';
import { axis } from './support/gradient-check.ts';
import { buildLlama } from './support/llama.ts';

const [three, five, layer] = [axis('three', 3), axis('five', 5), axis('layer', 4)];

/** The ops that are left of what `build` makes of the inputs x [three, five] and y [five], without the inputs. */
function simplified(build: (b: Builder, x: ValueId, y: ValueId) => ValueId): string {
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([three, five]) });
  const y = b.input({ name: 'y', type: floats([five]) });
  const graph = simplify.run(b.finish([{ name: 'out', value: build(b, x, y) }]));
  verifyGraph(graph);
  return printGraph(graph)
    .split('\n')
    .filter((line) => line.includes(' = ') && !line.includes('= input') && !line.startsWith('output'))
    .map((line) => line.trim().replace(/^.* = /, ''))
    .join('; ');
}

test('neutral operands, double negations and powers', () => {
  assert.is(
    simplified((b, x) => m.add(b, m.mul(b, x, m.scalar(b, 1)), m.scalar(b, 0))),
    '',
  );
  assert.is(
    simplified((b, x) => m.unary(b, 'neg', m.unary(b, 'neg', x))),
    '',
  );
  assert.is(
    simplified((b, x) => m.binary(b, 'pow', x, m.scalar(b, 2))),
    'binary mul (%0, %0)',
  );
  assert.is(
    simplified((b, x, y) => m.add(b, x, m.mul(b, m.unary(b, 'neg', x), y))),
    'binary mul (%0, %1); binary sub (%0, %2)',
  );
});

test('0 in front of a smaller tensor is not neutral, and neither is a product with 0', () => {
  assert.is(
    simplified((b, _, y) => m.add(b, m.expand(b, m.scalar(b, 0), [three, five]), y)),
    'constant 0 (); expand [three 3, five 5] (%1); binary add (%0, %2)',
  );
  assert.is(
    simplified((b, x) => m.mul(b, x, m.scalar(b, 0))),
    'constant 0 (); binary mul (%0, %1)',
  );
});

test('constants fold, join, and are kept once', () => {
  assert.is(
    simplified((b, x) => m.mul(b, m.mul(b, x, m.scalar(b, 3)), m.unary(b, 'neg', m.scalar(b, 2)))),
    'constant -6 (); binary mul (%0, %1)',
  );
  assert.is(
    simplified((b, x) =>
      m.add(b, m.unary(b, 'exp', m.mul(b, x, m.scalar(b, 3))), m.unary(b, 'exp', m.mul(b, m.scalar(b, 3), x))),
    ),
    'constant 3 (); binary mul (%0, %1); unary exp (%2); binary add (%3, %3)',
  );
});

test('movement that undoes itself, and sums over what was expanded', () => {
  const [six, two] = [axis('six', 15), axis('two', 2)];
  assert.is(
    simplified((b, x) => {
      const merged = b.op('merge', { from: [three.id, five.id], into: six }, [x]);
      return b.op('split', { from: six.id, into: [three, five] }, [merged]);
    }),
    '',
  );
  assert.is(
    simplified((b, x) => m.permute(b, m.permute(b, x, [five, three]), [three, five])),
    '',
  );
  assert.is(
    simplified((b, _, y) => m.sum(b, m.expand(b, y, [three, two]), [two.id, five.id])),
    'sum five (%0); constant 2 (); binary mul (%1, %2); expand [three 3] (%3)',
  );
  assert.is(
    simplified((b, x) => {
      const padded = b.op('pad', { from: five.id, before: 2, into: axis('nine', 9) }, [x]);
      return b.op('slice', { from: axis('nine', 9).id, start: 3, into: two }, [padded]);
    }),
    'slice five from 1 -> two 2 (%0)',
  );
});

test('a loop loses what is no state: unchanged, unused, doubled, alike in every iteration', () => {
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([five]) });
  const stacked = b.input({ name: 'stacked', type: floats([layer, five]) });
  const loop = b.loop({ axis: layer, carried: [{ initial: x }, { initial: x }, { initial: x }] });
  const [p = x, still = x, unused = x] = loop.carried;
  const slice = loop.slice(stacked);
  const alike = loop.slice(loop.outer(() => m.permute(b, m.expand(b, x, [layer]), [layer, five])));
  const next = m.add(b, m.mul(b, m.mul(b, p, still), slice), alike);
  const [last = x, , , all = x, twice = x, same = x] = loop.end(
    [next, still, m.mul(b, unused, p)],
    [next, next, still],
  );
  const graph = simplify.run(
    b.finish([
      { name: 'last', value: last },
      { name: 'all', value: m.add(b, m.add(b, all, twice), same) },
    ]),
  );
  verifyGraph(graph);
  const left = graph.block.ops.find((op): op is OpOf<'loop'> => op.kind === 'loop');
  assert.is(left?.attrs.carried, 1);
  assert.is(left?.operands.length, 2);
  assert.is(left?.results.length, 2);
});

test('hoisting takes rotary tables out of the loop and leaves draws in it', () => {
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([five]) });
  const loop = b.loop({ axis: layer, carried: [{ initial: x }] });
  const angle = b.op('cast', { to: 'float' }, [m.index(b, [five])]);
  const draw = b.leaf('random', { path: 'd' }, floats([five]));
  const next = m.add(b, m.mul(b, loop.carried[0] ?? x, m.unary(b, 'cos', angle)), draw);
  const graph = hoist.run(b.finish([{ name: 'out', value: loop.end([next], [])[0] ?? x }]));
  verifyGraph(graph);
  assert.equal(
    graph.block.ops.map((op) => op.kind),
    ['input', 'index', 'cast', 'unary', 'loop'],
  );
});

test('sums of contractions that nothing else uses become one', () => {
  const b = makeBuilder();
  const input = (name: string, ...axes: (typeof three)[]): ValueId => b.input({ name, type: floats(axes) });
  const [p, q, w, r] = [input('p', three, five), input('q', three, layer), input('w', five), input('r', layer)];
  const product = (x: ValueId, y: ValueId, over: typeof five): ValueId => m.contract(b, x, y, [over.id]);
  const shared = product(p, w, five);
  const sum = m.add(b, m.add(b, product(p, w, five), input('s', three)), product(q, r, layer));
  const graph = mergeContracts.run(
    b.finish([
      { name: 'out', value: m.add(b, sum, shared) },
      { name: 'shared', value: shared },
    ]),
  );
  verifyGraph(graph);
  const terms = graph.block.ops.flatMap((op) => (op.kind === 'contract' ? op.attrs.terms.length : []));
  assert.equal(terms, [1, 2]);
});

const PASSES = [simplify, hoist, autodiff, simplify, mergeContracts, hoist];

function jointOf(depth: number): Graph {
  const dims = { depth, batch: 2, time: 5, vocab: 11, heads: 2, head: 4, hidden: 6 };
  const scale = Array.from({ length: depth }, (_, i) => 1 / Math.sqrt(i + 1));
  return PASSES.reduce((graph, pass) => pass.run(graph), buildLlama(dims, { scale }));
}

test('the joint graph of 96 layers has the ops of that of 12', () => {
  const [small, large] = [jointOf(12), jointOf(96)].map((graph) => [...allOps(graph.block)]);
  assert.equal(
    large?.map((op) => op.kind),
    small?.map((op) => op.kind),
  );
});

test('an iteration saves what the backward reads, and no more', () => {
  const loop = jointOf(3).block.ops.find((op): op is OpOf<'loop'> => op.kind === 'loop');
  assert.equal(
    loop?.results.slice(1).map((r) =>
      r.type.axes
        .slice(1)
        .map((a) => a.name)
        .join(' '),
    ),
    [
      'batch time width', // x
      'batch time', // the factor of the norm
      'batch time width', // what wq, wk and wv read
      ...['q', 'k', 'v', 'o'].map(() => 'batch time heads head'),
      'batch time heads', // logsumexp
      'batch time width', // x after attention
      'batch time',
      'batch time width', // what w_gate and w_up read
      ...['gate', 'up', 'hidden'].map(() => 'batch time hidden'),
    ],
  );
});

test.run();
