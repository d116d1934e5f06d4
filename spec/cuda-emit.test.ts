/** Kernels as CUDA C++: what a reader sees, that no name or comment changes it, and that nvcc takes it without a warning. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA } from '../src/backends/cuda/dialect.ts';
import { emit } from '../src/backends/shared/emit.ts';
import type { Expr, Kernel, Statement } from '../src/compiler/ir/kernel.ts';
import {
  add,
  and,
  binary,
  builtin,
  cast,
  f32,
  i32,
  load,
  local,
  lt,
  mul,
  select,
  u32,
  unary,
  uniform,
  vector,
} from '../src/compiler/ir/kernel-expr.ts';
import { verifyKernel } from '../src/compiler/ir/verify-kernel.ts';
import { matchesGolden } from './support/golden.ts';
import { compileTogether, usableNvcc } from './support/nvcc.ts';
import { count, define, helpersKernel, tour } from './support/sample-kernels.ts';
import { eachElement, store } from './support/tiny-plan.ts';

const nvcc = usableNvcc();

const i = local('i', 'u32');
const a = load('x', 'f32', i);
const n = load('n', 'i32', i);
const lines: readonly (readonly [Expr, string])[] = [
  [mul(add(a, f32(1)), f32(2)), '(x[i] + 1.0f) * 2.0f'],
  [cast('f32', add(i, u32(2 ** 31))), 'float(i + 2147483648u)'],
  [cast('f32', binary('min', u32(3), u32(5))), 'float(min(3u, 5u))'],
  [cast('f32', binary('max', n, i32(-(2 ** 31)))), 'float(max(n[i], (-2147483647 - 1)))'],
  [binary('max', a, f32(0)), 'fmaxf(x[i], 0.0f)'],
  [cast('f32', unary('abs', n)), 'float(abs(n[i]))'],
  [unary('abs', a), 'fabsf(x[i])'],
  [unary('neg', unary('neg', a)), '-(-x[i])'],
  [unary('exp', f32(2)), 'expf(constant(2.0f))'],
  [cast('f32', binary('mod', n, i32(3))), 'float(floor_mod_int(n[i], 3))'],
  [cast('f32', binary('mod', i, u32(3))), 'float(i % 3)'],
  [
    select(binary('or', lt(i, u32(2)), and(lt(i, u32(3)), lt(u32(1), i))), a, f32(0)),
    'i < 2 || (i < 3 && 1 < i) ? x[i] : 0.0f',
  ],
  [
    select(select(lt(i, u32(2)), lt(i, u32(1)), lt(u32(1), i)), select(lt(i, u32(4)), a, f32(1)), f32(0)),
    '(i < 2 ? i < 1 : 1 < i) ? (i < 4 ? x[i] : 1.0f) : 0.0f',
  ],
  [mul(select(lt(i, u32(2)), a, f32(0)), f32(3)), '(i < 2 ? x[i] : 0.0f) * 3.0f'],
];

const streams = [
  { name: 'x', type: 'f32' as const, access: 'read' as const },
  { name: 'n', type: 'i32' as const, access: 'read' as const },
  { name: 'y', type: 'f32' as const, access: 'read_write' as const },
];

/** Vectors with every operator, beside vectors and beside numbers on either side. */
function vectors(): Kernel {
  const four: Expr = vector([a, f32(1), a, f32(2)]);
  const operators = (['add', 'sub', 'mul', 'div'] as const).flatMap((op) => [
    binary(op, four, four),
    binary(op, four, a),
    binary(op, a, four),
  ]);
  const functions = [
    ...(['exp', 'log', 'sin', 'cos', 'tanh', 'erf', 'sqrt', 'rsqrt', 'abs', 'floor', 'acos', 'neg'] as const).map(
      (op) => unary(op, four),
    ),
    ...(['pow', 'mod', 'max', 'min'] as const).map((op) => binary(op, four, vector([a]))),
    select(lt(i, u32(2)), four, vector([f32(0)])),
  ];
  const part = (of: Expr): Expr => ({ kind: 'component', type: 'f32', vector: of, index: 1 });
  return eachElement('vectors', 9, streams, [
    { kind: 'var', name: 'sum', type: 'vec4', value: vector([f32(0)]) },
    ...[...operators, ...functions].map(
      (value): Statement => ({ kind: 'assign', name: 'sum', value: add(local('sum', 'vec4'), value) }),
    ),
    store('y', part(local('sum', 'vec4'))),
  ]);
}

/** A function that reads buffers and both kinds of uniforms through another one, a shuffle, and a local array. */
function captures(): Kernel {
  const lane = builtin('local');
  return {
    ...eachElement('captures', 32, streams, []),
    workgroup: 32,
    groups: 1,
    features: ['subgroups'],
    uniforms: [
      { name: 'scale', type: 'f32', source: { kind: 'iteration' } },
      { name: 'lr', type: 'f32', source: { kind: 'runtime', name: 'lr' } },
    ],
    functions: [
      {
        name: 'inner',
        doc: 'One element, scaled.',
        params: [{ name: 'at', type: 'u32' }],
        body: [],
        result: mul(mul(load('x', 'f32', local('at', 'u32')), uniform('scale', 'f32')), uniform('lr', 'f32')),
      },
      {
        name: 'outer',
        doc: '',
        params: [{ name: 'at', type: 'u32' }],
        body: [
          {
            kind: 'store',
            buffer: 'y',
            index: local('at', 'u32'),
            value: { kind: 'call', type: 'f32', fn: 'inner', args: [local('at', 'u32')] },
          },
        ],
        result: undefined,
      },
    ],
    body: [
      define('whole', load('n', 'i32', lane)),
      { kind: 'shuffle', name: 'passed', value: cast('f32', local('whole', 'i32')), lane: u32(3) },
      { kind: 'array', name: 'kept', type: 'vec4', elements: 3, values: [] },
      count('k', u32(3), [
        { kind: 'assign_element', array: 'kept', index: local('k', 'u32'), value: vector([local('passed', 'f32')]) },
      ]),
      { kind: 'call', fn: 'outer', args: [lane] },
      count('k', u32(3), [
        {
          kind: 'store',
          buffer: 'y',
          index: local('k', 'u32'),
          value: {
            kind: 'component',
            type: 'f32',
            vector: { kind: 'element', type: 'vec4', array: 'kept', index: local('k', 'u32') },
            index: 0,
          },
        },
      ]),
    ],
  };
}

test('kernels read well', () => {
  matchesGolden('cuda/tour.cu', emit(tour(), CUDA).text);
  matchesGolden('cuda/helpers.cu', emit(helpersKernel(), CUDA).text);
  matchesGolden('cuda/vectors.cu', emit(vectors(), CUDA).text);
  matchesGolden('cuda/captures.cu', emit(captures(), CUDA).text);
});

test('an expression has the parentheses it needs and no more', () => {
  for (const [value, text] of lines) {
    const printed = emit(eachElement('line', 9, streams, [store('y', value)]), CUDA).text;
    assert.is(/y\[i\] = (.*);/.exec(printed)?.[1], text);
  }
});

/** A kernel in which everything that has a name has one of these. */
function named(name: (k: number) => string): Kernel {
  const kernel = eachElement(name(0), 9, [{ name: name(1), type: 'f32', access: 'read_write' }], []);
  return {
    ...kernel,
    doc: [name(2), `*/ ${name(3)} \\`],
    uniforms: [{ name: name(4), type: 'f32', source: { kind: 'iteration' } }],
    shared: [{ name: name(5), type: 'f32', elements: 64 }],
    functions: [
      {
        name: name(6),
        doc: name(2),
        params: [{ name: name(7), type: 'f32' }],
        body: [],
        result: mul(local(name(7), 'f32'), uniform(name(4), 'f32')),
      },
    ],
    body: [
      { kind: 'comment', text: `${name(3)} \\` },
      { kind: 'store_shared', array: name(5), index: builtin('local'), value: f32(1) },
      { kind: 'barrier' },
      count(name(8), u32(9), [
        {
          kind: 'store',
          buffer: name(1),
          index: local(name(8), 'u32'),
          value: {
            kind: 'call',
            type: 'f32',
            fn: name(6),
            args: [{ kind: 'load_shared', type: 'f32', array: name(5), index: local(name(8), 'u32') }],
          },
        },
      ]),
    ],
  };
}

const words = [...CUDA.reserved, 'time', 'index', 'y0', 'signal', 'half', 'printf', 'main', 'launch', 'host', 'lane'];
const respelled = Array.from({ length: Math.ceil(words.length / 9) }, (_, first) =>
  named((k) => words[9 * first + k] ?? `spare${k}`),
);

test('names and comments never change the program', () => {
  const hash = emit(
    named((k) => `plain${k}`),
    CUDA,
  ).hash;
  for (const kernel of respelled) assert.is(emit(kernel, CUDA).hash, hash);
});

test('nvcc takes every kind of kernel without a warning, for old and new architectures', () => {
  if (nvcc === undefined) return;
  const kernels = [
    tour(),
    helpersKernel(),
    vectors(),
    captures(),
    eachElement(
      'lines',
      9,
      streams,
      lines.map(([value]) => store('y', value)),
    ),
    ...respelled,
  ];
  // The smallest i32 is no literal of the IR, and is spelled all the same.
  for (const kernel of kernels) if (kernel.name !== 'lines') verifyKernel(kernel);
  const texts = kernels.map((kernel) => emit(kernel, CUDA).text);
  const found = compileTogether(nvcc, texts, [80, 90]);
  if (typeof found === 'string') throw new Error(found);
  for (const [k, reports] of found.entries()) {
    assert.equal(reports.map((r) => r.architecture).sort(), ['sm_80', 'sm_90'], kernels[k]?.name);
    assert.ok(reports.every((r) => r.spilled === 0));
  }
});

test.run();
