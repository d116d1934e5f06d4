/** Kernels that have everything in them that a target must spell. */
import type { ValueId } from '../../src/compiler/ir/graph.ts';
import type { Expr, Kernel, Statement } from '../../src/compiler/ir/kernel.ts';
import {
  add,
  and,
  binary,
  builtin,
  cast,
  f32,
  load,
  local,
  lt,
  mul,
  select,
  sub,
  u32,
  unary,
  uniform,
} from '../../src/compiler/ir/kernel-expr.ts';
import { eachElement, element, store } from './tiny-plan.ts';

const shared = (array: string, index: Expr): Expr => ({ kind: 'load_shared', type: 'f32', array, index });
export const define = (name: string, value: Expr): Statement => ({ kind: 'let', name, value });
export const count = (name: string, to: Expr, body: readonly Statement[], step = 1): Statement => ({
  kind: 'for',
  name,
  from: u32(0),
  to,
  step: u32(step),
  body,
});

/** The norm of rows, with a barrier tree, a local array, a helper with a result, vectors and all kinds of uniforms. */
export function tour(): Kernel {
  const lane = builtin('local');
  const sum = local('sum', 'f32');
  const row = local('row', 'u32');
  const [i, j] = [local('i', 'u32'), local('j', 'u32')];
  const at = (index: Expr): Expr => add(mul(row, u32(96)), index);
  const vector = (parts: readonly Expr[]): Expr => ({ kind: 'vector', type: 'vec4', parts });
  const scaled = (index: 0 | 1 | 2 | 3): Expr => ({
    kind: 'component',
    type: 'f32',
    vector: local('four', 'vec4'),
    index,
  });
  return {
    name: 'layer_norm_rows',
    doc: ['normed[row, c] = x[row, c] / root(mean(x^2)) * gain[c] / sqrt(layer), over c', 'models/deep.tfm:12-14'],
    buffers: [
      { name: 'x', holds: 1 as ValueId, type: 'f32', elements: 960, access: 'read', shape: '[batch 10, width 96]' },
      { name: 'gain', holds: 2 as ValueId, type: 'f32', elements: 96, access: 'read', shape: '[width 96]' },
      {
        name: 'normed',
        holds: 3 as ValueId,
        type: 'f32',
        elements: 480,
        access: 'read_write',
        shape: '[batch 10, width 96]',
        window: { start: 480 },
      },
      { name: 'kept', holds: 4 as ValueId, type: 'u32', elements: 10, access: 'read_write', shape: '[batch 10]' },
    ],
    uniforms: [
      { name: 'depth_scale', type: 'f32', source: { kind: 'table', value: 9 as ValueId } },
      { name: 'layer', type: 'u32', source: { kind: 'iteration' } },
      { name: 'learning_rate', type: 'f32', source: { kind: 'runtime', name: 'lr' } },
    ],
    shared: [{ name: 'sums', type: 'f32', elements: 32 }],
    workgroup: 32,
    groups: 10,
    functions: [
      {
        name: 'root',
        doc: 'The root of a mean of squares, away from zero.',
        params: [{ name: 'mean', type: 'f32' }],
        body: [define('safe', add(local('mean', 'f32'), f32(1e-5)))],
        result: unary('sqrt', local('safe', 'f32')),
      },
    ],
    body: [
      define('row', builtin('group')),
      { kind: 'comment', text: 'each lane sums every 32nd square' },
      { kind: 'var', name: 'sum', type: 'f32', value: f32(0) },
      {
        kind: 'for',
        name: 'i',
        from: lane,
        to: u32(96),
        step: u32(32),
        body: [
          define('v', load('x', 'f32', at(i))),
          { kind: 'assign', name: 'sum', value: add(sum, mul(local('v', 'f32'), local('v', 'f32'))) },
        ],
      },
      { kind: 'store_shared', array: 'sums', index: lane, value: sum },
      { kind: 'barrier' },
      { kind: 'assign', name: 'sum', value: f32(0) },
      count('j', u32(32), [{ kind: 'assign', name: 'sum', value: add(sum, shared('sums', j)) }]),
      define('scale', {
        kind: 'call',
        type: 'f32',
        fn: 'root',
        args: [binary('div', sum, f32(96))],
      }),
      { kind: 'array', name: 'tile', type: 'f32', elements: 3, values: [] },
      count('k', u32(3), [
        define('c', add(lane, mul(local('k', 'u32'), u32(32)))),
        {
          kind: 'assign_element',
          array: 'tile',
          index: local('k', 'u32'),
          value: mul(
            mul(
              binary('div', load('x', 'f32', at(local('c', 'u32'))), local('scale', 'f32')),
              uniform('depth_scale', 'f32'),
            ),
            load('gain', 'f32', local('c', 'u32')),
          ),
        },
      ]),
      define(
        'four',
        mul(
          vector(
            [0, 1, 2].map((k): Expr => ({ kind: 'element', type: 'f32', array: 'tile', index: u32(k) })).concat(f32(1)),
          ),
          f32(2),
        ),
      ),
      {
        kind: 'if',
        condition: and(
          binary('ge', row, u32(5)),
          binary('or', lt(lane, u32(16)), binary('eq', uniform('layer', 'u32'), u32(0))),
        ),
        then: [
          {
            kind: 'store',
            buffer: 'normed',
            index: sub(at(lane), u32(480)),
            value: select(binary('gt', scaled(0), f32(0)), scaled(0), unary('neg', uniform('learning_rate', 'f32'))),
          },
        ],
        else: [
          {
            kind: 'if',
            condition: binary('eq', lane, u32(0)),
            then: [{ kind: 'store', buffer: 'kept', index: row, value: unary('is_nonfinite', scaled(1)) }],
            else: [{ kind: 'return' }],
          },
        ],
      },
    ],
    flops: 12_345_678,
    bytes: 4096,
    features: [],
  };
}

/** Every function that a target may lack. */
export function helpersKernel(): Kernel {
  const x = load('x', 'f32', element);
  const wide: Expr = { kind: 'vector', type: 'vec4', parts: [x] };
  const streams = [
    { name: 'x', type: 'f32' as const, access: 'read' as const },
    { name: 'y', type: 'f32' as const, access: 'read_write' as const },
  ];
  const ops = ['erf', 'tanh', 'sin', 'cos', 'log', 'acos'] as const;
  const sum = [...ops.map((op) => unary(op, x)), binary('pow', x, x), binary('mod', x, x), unary('exp', f32(2))].reduce(
    add,
  );
  const draw: Expr = { kind: 'random', type: 'f32', key: 17, counters: [u32(1), u32(2), u32(3), u32(4), element] };
  const vector: Expr = { kind: 'component', type: 'f32', vector: unary('tanh', wide), index: 3 };
  const whole = cast('f32', binary('mod', cast('i32', x), cast('i32', x)));
  return eachElement('helpers', 9, streams, [store('y', [draw, vector, whole].reduce(add, sum))]);
}
