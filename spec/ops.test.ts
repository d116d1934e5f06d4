/** The gradient of every primitive against central differences, and values at points that matter. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import type { BinaryFunction, UnaryFunction, ValueId } from '../src/compiler/ir/graph.ts';
import { floats, tensor } from '../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { axis, checkGradients, hostOf, makeWeight, scalarLoss } from './support/gradient-check.ts';

const [one, two, three, five, seven] = [
  axis('one', 1),
  axis('two', 2),
  axis('three', 3),
  axis('five', 5),
  axis('seven', 7),
];

const weight = (b: Builder, name: string, ...axes: Parameters<typeof makeWeight>[1][number][]): ValueId =>
  b.weight(makeWeight(name, axes));

/** exp(x), a positive number away from 0. */
const positive = (b: Builder, x: ValueId): ValueId => m.unary(b, 'exp', x);

const UNARY: readonly UnaryFunction[] = ['neg', 'exp', 'sin', 'cos', 'tanh', 'erf', 'abs', 'floor', 'acos'];
const ON_POSITIVE: readonly UnaryFunction[] = ['log', 'sqrt', 'rsqrt'];

for (const fn of UNARY) {
  test(`gradient of ${fn}`, () => {
    checkGradients((b) => scalarLoss(b, m.unary(b, fn, weight(b, 'x', three, five))));
  });
}

for (const fn of ON_POSITIVE) {
  test(`gradient of ${fn}`, () => {
    checkGradients((b) => scalarLoss(b, m.unary(b, fn, positive(b, weight(b, 'x', five, one)))));
  });
}

for (const fn of ['add', 'sub', 'mul', 'div', 'max', 'min', 'mod', 'pow'] satisfies BinaryFunction[]) {
  test(`gradient of ${fn}, with either side broadcast and with axes in another order`, () => {
    const arithmetic = (b: Builder, x: ValueId, y: ValueId): ValueId => scalarLoss(b, m.binary(b, fn, x, y));
    const make = (b: Builder, name: string, ...axes: (typeof one)[]): ValueId => positive(b, weight(b, name, ...axes));
    checkGradients((b) => arithmetic(b, make(b, 'x', three, five), make(b, 'y', five, three)));
    checkGradients((b) => arithmetic(b, make(b, 'x', three, five), make(b, 'y', three)));
    checkGradients((b) => arithmetic(b, make(b, 'x'), make(b, 'y', one, five)));
  });
}

test('gradient of where goes to the side that is taken', () => {
  checkGradients((b) => {
    const [x, y] = [weight(b, 'x', three, five), weight(b, 'y', five)];
    return scalarLoss(b, m.where(b, m.binary(b, 'gt', x, m.scalar(b, 0.1)), m.mul(b, x, x), y));
  });
});

test('gradients of movement', () => {
  checkGradients((b) => scalarLoss(b, m.expand(b, weight(b, 'x', three), [two, one])));
  checkGradients((b) =>
    scalarLoss(b, b.op('rename', { from: three.id, to: axis('trio', 3) }, [weight(b, 'x', two, three)])),
  );
  checkGradients((b) => {
    const six = axis('six', 6);
    const split = b.op('split', { from: six.id, into: [two, three] }, [weight(b, 'x', five, six)]);
    return scalarLoss(b, b.op('merge', { from: [three.id, five.id], into: axis('all', 15) }, [split]));
  });
  checkGradients((b) => scalarLoss(b, m.permute(b, weight(b, 'x', two, three, five), [five, two, three])));
  checkGradients((b) =>
    scalarLoss(
      b,
      b.op('slice', { from: five.id, start: 2, into: axis('some', 2) }, [weight(b, 'x', two, five, three)]),
    ),
  );
  checkGradients((b) =>
    scalarLoss(b, b.op('pad', { from: three.id, before: 1, into: seven }, [weight(b, 'x', two, three, five)])),
  );
  checkGradients((b) => scalarLoss(b, b.op('pick', { axis: five.id, index: 3 }, [weight(b, 'x', two, five, three)])));
  checkGradients((b) => {
    const [x, y] = [weight(b, 'x', five), weight(b, 'y', five)];
    return scalarLoss(b, b.op('stack', { axis: three }, [x, m.mul(b, x, y), y]));
  });
});

test('gradients of reductions', () => {
  checkGradients((b) => scalarLoss(b, m.sum(b, weight(b, 'x', three, five, two), [five.id])));
  checkGradients((b) => scalarLoss(b, m.sum(b, weight(b, 'x', three, five, two), [two.id, three.id])));
  checkGradients((b) => scalarLoss(b, b.op('max', { axes: [five.id] }, [weight(b, 'x', three, five, two)])));
  checkGradients((b) => scalarLoss(b, b.op('max', { axes: [two.id, three.id] }, [weight(b, 'x', three, five, two)])));
});

test('gradients of contractions: batched, outer, over several axes, over none, of several terms', () => {
  const shapes = [
    { x: [two, three, five], y: [five, seven], over: [five] },
    { x: [two, three, five], y: [seven, five, two], over: [five] },
    { x: [two, three, five], y: [five, three], over: [three, five] },
    { x: [three, five], y: [seven, one], over: [] },
    { x: [two, five], y: [five, two], over: [five] },
    { x: [five], y: [five], over: [five] },
  ];
  for (const { x, y, over } of shapes) {
    checkGradients((b) => {
      const operands = [weight(b, 'x', ...x), weight(b, 'y', ...y)] as const;
      return scalarLoss(
        b,
        m.contract(
          b,
          ...operands,
          over.map((a) => a.id),
        ),
      );
    });
  }
  checkGradients((b) => {
    const operands = [
      weight(b, 'x', two, five),
      weight(b, 'y', five, three),
      weight(b, 'u', three, seven),
      weight(b, 'v', seven, two),
    ];
    return scalarLoss(b, b.op('contract', { terms: [[five.id], [seven.id]] }, operands));
  });
});

test('gradients of gather and scatter, ids repeated, clamped and aligned', () => {
  const ids = { ids: [4, 0, 4, 2, 9, -1] };
  const table = (b: Builder): ValueId => b.input({ name: 'ids', type: tensor('int', [two, three]) });
  checkGradients((b) => scalarLoss(b, b.op('gather', { axis: five.id }, [weight(b, 'x', five, seven), table(b)])), {
    inputs: ids,
  });
  checkGradients((b) => scalarLoss(b, b.op('gather', { axis: five.id }, [weight(b, 'x', two, five), table(b)])), {
    inputs: ids,
  });
  checkGradients(
    (b) => {
      const attrs = { axis: five, axes: [seven, five] };
      return scalarLoss(b, b.op('scatter_add', attrs, [weight(b, 'x', two, three, seven), table(b)]));
    },
    { inputs: ids },
  );
});

test('max and argmax take the first of equals; norms, abs and pow have gradient 0 at 0', () => {
  const b = makeBuilder();
  const x = weight(b, 'x', five);
  const z = weight(b, 'z', three);
  const norm = m.unary(b, 'sqrt', m.sum(b, m.mul(b, z, z), [three.id]));
  const root = m.sum(b, m.binary(b, 'pow', z, m.scalar(b, 0.5)), [three.id]);
  const size = m.sum(b, m.unary(b, 'abs', z), [three.id]);
  const parts = [b.op('max', { axes: [five.id] }, [x]), norm, root, size];
  const loss = parts.reduce((total, part) => m.add(b, total, part));
  const first = b.op('argmax', { axis: five.id }, [x]);
  const graph = autodiff.run(
    b.finish([
      { name: 'loss', value: loss },
      { name: 'first', value: first },
    ]),
  );
  const out = interpret(graph, hostOf(graph, { values: { x: [1, 3, 3, 0, 3], z: [0, 0, 0] } }));
  assert.equal([...(out.get('grad.x') ?? [])], [0, 1, 0, 0, 0]);
  assert.equal([...(out.get('grad.z') ?? [])], [0, 0, 0]);
  assert.equal([...(out.get('first') ?? [])], [1]);
});

test('stop_gradient stops it, and a weight without a path has gradient 0', () => {
  const b = makeBuilder();
  const [x, y] = [weight(b, 'x', three), weight(b, 'y', two)];
  const stopped = b.op('stop_gradient', {}, [m.mul(b, x, x)]);
  const loss = m.sum(b, m.mul(b, stopped, x), [three.id]);
  const graph = autodiff.run(
    b.finish([
      { name: 'loss', value: loss },
      { name: 'y', value: y },
    ]),
  );
  verifyGraph(graph);
  const out = interpret(graph, hostOf(graph, { values: { x: [1, 2, 3], y: [1, 1] } }));
  assert.equal([...(out.get('grad.x') ?? [])], [1, 4, 9]);
  assert.equal([...(out.get('grad.y') ?? [])], [0, 0]);
});

test('merge puts the new axis at the place of the last, row-major as written', () => {
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([two, three]) });
  const merged = b.op('merge', { from: [three.id, two.id], into: axis('six', 6) }, [x]);
  const graph = b.finish([{ name: 'merged', value: merged }]);
  const out = interpret(graph, hostOf(graph, { inputs: { x: [1, 2, 3, 4, 5, 6] } }));
  assert.equal([...(out.get('merged') ?? [])], [1, 4, 2, 5, 3, 6]);
});

test('gradient of a recurrence, in both directions, whichever operand lacks axes', () => {
  const shapes = [
    { a: [two, five, three], b: [two, five, three] },
    { a: [five, two], b: [two, five, three] },
    { a: [], b: [five] },
    { a: [three], b: [two, three, five] },
    { a: [two, five, three], b: [three] },
    { a: [one, three], b: [three, one] },
  ];
  for (const { a, b: added } of shapes) {
    const over = a.includes(one) ? one.id : five.id;
    for (const reverse of [false, true]) {
      checkGradients((b) => {
        const operands = [weight(b, 'a', ...a), weight(b, 'b', ...added)];
        return scalarLoss(b, b.op('recur', { over, reverse }, operands));
      });
    }
  }
});

test('a recurrence begins with what is added', () => {
  const b = makeBuilder();
  const [a, x] = [weight(b, 'a', five), weight(b, 'x', five)];
  const ends = [false, true].map((reverse) => b.op('recur', { over: five.id, reverse }, [a, x]));
  const graph = b.finish(ends.map((value, i) => ({ name: `h${i}`, value })));
  const out = interpret(graph, hostOf(graph, { values: { a: [7, 2, 0, 1, 3], x: [1, 2, 3, 4, 5] } }));
  assert.equal([...(out.get('h0') ?? [])], [1, 4, 3, 7, 26]);
  assert.equal([...(out.get('h1') ?? [])], [57, 8, 3, 9, 5]);
});

const [time, keys, heads, groups, head, channel] = [
  axis('time', 5),
  axis('key', 5),
  axis('heads', 2),
  axis('groups', 3),
  axis('head', 4),
  axis('channel', 2),
];

function attention(b: Builder, q: ValueId, k: ValueId, v: ValueId, window?: ValueId): ValueId {
  const axes = [...b.typeOf(q).axes.filter((a) => a.id !== head.id), keys];
  const places = [{ type: tensor('int', axes) }, { type: tensor('int', axes) }];
  const captures = window === undefined ? [] : [window];
  const captured = captures.map((id) => ({ type: b.typeOf(id) }));
  const mask = b.block([...places, ...captured], ([i = q, j = q, w]) => {
    const causal = m.binary(b, 'le', j, i);
    if (w === undefined) return [causal];
    return [m.binary(b, 'and', causal, m.binary(b, 'lt', m.binary(b, 'sub', i, j), w))];
  });
  const score = b.block([{ type: floats(axes) }, ...places, ...captured], ([s = q]) => {
    const capped = m.unary(b, 'tanh', m.mul(b, s, m.scalar(b, 0.5)));
    return [m.mul(b, capped, m.scalar(b, 2))];
  });
  const attrs = { over: time.id, key: keys, on: head.id, scale: 0.6, mask, score };
  return b.opAll('attend', attrs, [q, k, v, ...captures])[0] ?? q;
}

test('gradient of attention: grouped queries, values of another width, a cap, a window for each head', () => {
  checkGradients(
    (b) => {
      const q = weight(b, 'q', two, time, heads, groups, head);
      const k = weight(b, 'k', two, time, heads, head);
      const v = weight(b, 'v', two, time, heads, channel);
      const window = b.input({ name: 'window', type: tensor('int', [heads]) });
      return scalarLoss(b, attention(b, q, k, v, window));
    },
    { inputs: { window: [1, 3] } },
  );
  checkGradients((b) => {
    const [q, k, v] = [weight(b, 'q', time, head), weight(b, 'k', time, head), weight(b, 'v', time, head)];
    return scalarLoss(b, attention(b, q, k, v));
  });
});

test.run();
