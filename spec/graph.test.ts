import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Axis, AxisId, WeightId } from '../src/compiler/ir/graph.ts';
import { printGraph } from '../src/compiler/ir/print-graph.ts';
import { floats, tensor } from '../src/compiler/ir/tensor-type.ts';
import { makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { GENERATED } from '../src/compiler/support/source.ts';

const axis = (name: string, size: number): Axis => ({ id: name as AxisId, name, size });
const layer = axis('layer', 2);
const batch = axis('batch', 3);
const width = axis('width', 5);

function smallLoop() {
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([batch, width]) });
  const loop = b.loop({ axis: layer, carried: [{ initial: x, name: 'x' }] });
  const gain = b.weight({
    id: 'layer.gain' as WeightId,
    axes: [width],
    stacked: layer,
    members: [0, 1].map((i) => ({
      name: `layer.${i}.gain`,
      init: { kind: 'constant', value: 1 },
      lr: 1,
      eps: 1,
      decay: 0,
      clip: undefined,
      freeze: false,
    })),
    span: GENERATED,
  });
  const scale = loop.slice(loop.outer(() => m.table(b, layer, [1, 0.5])));
  const carried = loop.carried[0] ?? x;
  const next = m.mul(b, m.mul(b, carried, loop.slice(gain)), scale, { name: 'layer.x' });
  const [last = x, all = x] = loop.end([next], [m.sum(b, next, [width.id])]);
  return b.finish([
    { name: 'last', value: last },
    { name: 'all', value: all },
  ]);
}

test('a loop built while its stacked values are discovered verifies and prints', () => {
  const graph = smallLoop();
  verifyGraph(graph);
  assert.snapshot(
    printGraph(graph),
    `input x: float[batch 3, width 5]
weight layer.gain: [layer 2, width 5]
  layer.0.gain ~ constant value 1 lr 1 eps 1 decay 0 clip undefined freeze false
  layer.1.gain ~ constant value 1 lr 1 eps 1 decay 0 clip undefined freeze false
%0: float[batch 3, width 5] "x" = input x ()
%1: float[layer 2, width 5] "layer.gain" = weight layer.gain ()
%2: float[layer 2] = constant 1 0.5 ()
%9: float[batch 3, width 5], %10: float[layer 2, batch 3] = loop layer 2 carries 1 (%0, %2, %1)
  body:
    param %3: float[batch 3, width 5] "x"
    param %4: float[]
    param %5: float[width 5] "layer.gain"
    %6: float[batch 3, width 5] = binary mul (%3, %5)
    %7: float[batch 3, width 5] "layer.x" = binary mul (%6, %4)
    %8: float[batch 3] = sum width (%7)
    gives %7, %8
output last = %9
output all = %10
`,
  );
});

test('a value used out of its scope is found', () => {
  const graph = smallLoop();
  const loop = graph.block.ops.find((op) => op.kind === 'loop');
  const inner = loop?.kind === 'loop' ? loop.attrs.body.results[0] : undefined;
  assert.ok(inner !== undefined);
  const broken = {
    ...graph,
    outputs: [{ name: 'last', value: inner }],
    block: { ...graph.block, results: [inner] },
  };
  assert.throws(() => verifyGraph(broken), /not in scope/);
});

test('shape rules refuse what the elaborator should have', () => {
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([batch, width]) });
  const ids = b.input({ name: 'ids', type: tensor('int', [batch]) });
  assert.throws(() => m.add(b, x, ids), /float is wanted/);
  assert.throws(() => m.sum(b, x, [layer.id]), /lacks axis layer/);
  assert.throws(() => m.expand(b, x, [width]), /axis twice/);
  assert.throws(() => b.op('slice', { from: width.id, start: 4, into: axis('two', 2) }, [x]), /out of bounds/);
});

test.run();
