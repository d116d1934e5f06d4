/** Kernels as WGSL text: what a reader sees, and that nothing a user writes changes the program. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emit } from '../src/backends/shared/emit.ts';
import { WGSL } from '../src/backends/wgsl/dialect.ts';
import type { ValueId } from '../src/compiler/ir/graph.ts';
import type { Expr, Kernel } from '../src/compiler/ir/kernel.ts';
import { add, binary, builtin, f32, load, local, mul, u32, unary, uniform } from '../src/compiler/ir/kernel-expr.ts';

const i = local('i', 'u32');
const x = local('x', 'f32');

/** y[i] = value(x[i]). */
function pointwise(value: Expr, names = { kernel: 'pointwise', input: 'input', output: 'output' }): Kernel {
  return {
    name: names.kernel,
    doc: ['output = f(input)', 'model.tfm:12'],
    buffers: [
      { name: names.input, holds: 0 as ValueId, type: 'f32', elements: 100, access: 'read', shape: '[width 100]' },
      {
        name: names.output,
        holds: 1 as ValueId,
        type: 'f32',
        elements: 100,
        access: 'read_write',
        shape: '[width 100]',
      },
    ],
    uniforms: [
      { name: 'scale', type: 'f32', source: { kind: 'table', value: 7 as ValueId } },
      { name: 'seed', type: 'u32', source: { kind: 'runtime', name: 'seed' } },
    ],
    shared: [],
    workgroup: 64,
    groups: 2,
    functions: [],
    body: [
      { kind: 'let', name: 'i', value: add(mul(builtin('group'), u32(64)), builtin('local')) },
      {
        kind: 'if',
        condition: binary('ge', i, u32(100)),
        then: [{ kind: 'return' }],
        else: [],
      },
      { kind: 'let', name: 'x', value: load(names.input, 'f32', i) },
      { kind: 'store', buffer: names.output, index: i, value },
    ],
    flops: 300,
    bytes: 800,
    features: [],
  };
}

test('a kernel reads well', () => {
  const { text } = emit(pointwise(mul(unary('tanh', add(x, f32(1))), uniform('scale', 'f32'))), WGSL);
  assert.match(text, '  output[i] = safe_tanh(x + 1.0) * launch.scale;');
});

test.run();
