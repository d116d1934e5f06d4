/** Sums that a loop carries: where an iteration adds to them in place, and where others still see what was there. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileTarget } from '../src/backends/targets.ts';
import type { ValueId } from '../src/compiler/ir/graph.ts';
import { floats } from '../src/compiler/ir/tensor-type.ts';
import { type Builder, type LoopBuilder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { assertAgrees, runOnDevice, runReference } from './support/device-check.ts';
import { openTestDevices } from './support/devices.ts';
import { axis } from './support/gradient-check.ts';
import { limitsOf } from './support/run-fused.ts';
import { TINY_LLAMA, TINY_VOCAB } from './support/tiny-llama.ts';

const [turn, row, other, column, inner] = [
  axis('turn', 3),
  axis('row', 4),
  axis('other', 4),
  axis('column', 5),
  axis('inner', 6),
];

interface Sum {
  readonly initial?: (b: Builder) => ValueId;
  readonly next?: (b: Builder, sum: ValueId, part: ValueId) => ValueId;
  /** More that each iteration gives. */
  readonly stacked?: (b: Builder, before: ValueId, sum: ValueId) => readonly ValueId[];
  /** More that is done in an iteration or behind the loop. */
  readonly after?: (b: Builder, initial: ValueId) => readonly ValueId[];
}

/** How many of the sums of a loop are added up in place: a product of each iteration is added to the one carried. */
function inPlace({
  initial = (b) => m.conform(b, m.scalar(b, 0), [row, column]),
  next = m.add,
  stacked = () => [],
  after = () => [],
}: Sum): number {
  const b = makeBuilder();
  const start = initial(b);
  const loop: LoopBuilder = b.loop({ axis: turn, carried: [{ initial: start }] });
  const slice = (name: string, ...axes: (typeof row)[]): ValueId =>
    loop.slice(loop.outer(() => b.input({ name, type: floats([turn, ...axes]) })));
  const part = m.contract(b, slice('x', row, inner), slice('y', inner, column), [inner.id]);
  const before = present(loop.carried[0], 'a sum');
  const sum = next(b, before, part);
  const results = [...loop.end([sum], stacked(b, before, sum)), ...after(b, start)];
  const graph = b.finish(results.map((value, i) => ({ name: `out${i}`, value })));
  const pass = fusePass({ fuse: true, limits: limitsOf('gpu') });
  const fused = pass.run(graph);
  pass.verify(fused);
  return fused.inPlace.size;
}

test('a sum that only the next iteration sees is added up in place', () => {
  assert.is(inPlace({}), 1);
  assert.is(inPlace({ next: (b, sum, part) => m.add(b, part, sum) }), 1);
  assert.is(inPlace({ initial: (b) => m.unary(b, 'neg', b.input({ name: 'a', type: floats([row, column]) })) }), 1);
});

test('not where the initial value is not the own of the loop', () => {
  assert.is(inPlace({ initial: (b) => b.input({ name: 'a', type: floats([row, column]) }) }), 0);
  const made = (b: Builder): ValueId => m.unary(b, 'neg', b.input({ name: 'a', type: floats([row, column]) }));
  assert.is(inPlace({ initial: made, after: (b, initial) => [m.unary(b, 'exp', initial)] }), 0);
  // Of zeros each can have its own.
  assert.is(inPlace({ after: (b, initial) => [m.unary(b, 'exp', initial)] }), 1);
  let origin: ValueId | undefined;
  const view = (b: Builder): ValueId => {
    origin = m.unary(b, 'neg', b.input({ name: 'a', type: floats([other, column]) }));
    return b.op('rename', { from: other.id, to: row }, [origin]);
  };
  assert.is(inPlace({ initial: view, after: (b) => [m.unary(b, 'exp', present(origin, 'what is seen'))] }), 0);
});

test('not where something else sees a sum before it is complete', () => {
  assert.is(inPlace({ stacked: (_, before) => [before] }), 0);
  assert.is(inPlace({ stacked: (_, __, sum) => [sum] }), 0);
  assert.is(inPlace({ stacked: (b, before) => [m.unary(b, 'exp', before)] }), 0);
  assert.is(inPlace({ stacked: (b, _, sum) => [m.sum(b, sum, [row.id])] }), 0);
});

test('not where something else than an addition is done to it', () => {
  assert.is(inPlace({ next: (b, sum, part) => m.mul(b, sum, part) }), 0);
  assert.is(inPlace({ next: (b, sum, part) => m.add(b, m.add(b, sum, part), sum) }), 0);
});

/** All layers share the feed-forward network, whose gradients the backward loop adds up. */
const SHARED = TINY_LLAMA.replace('  for layer', '  ffn = SwiGLU(hidden)\n  for layer').replace(
  'ffn = SwiGLU(hidden))',
  'ffn = ffn)',
);

for (const { name, device } of await openTestDevices()) {
  test(`gradients of weights that layers share on ${name}`, async () => {
    const compiled = compileText(SHARED, { limits: device.limits, target: compileTarget(device.target) });
    assert.is(compiled.fused.micro?.inPlace.size, 3);
    const expected = runReference(present(compiled.graphs.micro, 'a graph'), TINY_VOCAB);
    assertAgrees(await runOnDevice(device, compiled, TINY_VOCAB), expected, 'shared weights');
  });

  test.after(() => device.close());
}

test.run();
