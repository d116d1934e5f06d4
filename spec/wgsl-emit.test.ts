/** Kernels as WGSL text: what a reader sees, that it means what the IR means, and that no name or comment changes it. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../src/backends/device.ts';
import { emit } from '../src/backends/shared/emit.ts';
import { openWebGpu } from '../src/backends/wgsl/device.ts';
import { WGSL } from '../src/backends/wgsl/dialect.ts';
import type { BinaryOp, Expr, Kernel, Statement } from '../src/compiler/ir/kernel.ts';
import {
  add,
  and,
  binary,
  builtin,
  cast,
  div,
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
} from '../src/compiler/ir/kernel-expr.ts';
import { verifyKernel } from '../src/compiler/ir/verify-kernel.ts';
import { matchesGolden } from './support/golden.ts';
import { count, define, helpersKernel, tour } from './support/sample-kernels.ts';
import { eachElement, runOnce, store, tinyPlan } from './support/tiny-plan.ts';

const device = await openWebGpu();

/** Loads a kernel, which compiles its text. */
async function compiles(on: Device, kernel: Kernel): Promise<void> {
  verifyKernel(kernel);
  const { plan, texts } = tinyPlan([], (table) => {
    table.add(kernel, []);
    return {};
  });
  (await on.load(plan, texts)).release();
}

test('a kernel reads well', async () => {
  await compiles(device, tour());
  matchesGolden('wgsl/tour.wgsl', emit(tour(), WGSL).text);
});

test('every helper reads well', async () => {
  const kernel = helpersKernel();
  await compiles(device, kernel);
  matchesGolden('wgsl/helpers.wgsl', emit(kernel, WGSL).text);
});

const i = local('i', 'u32');
const a = load('x', 'f32', i);
const lines: readonly (readonly [Expr, string])[] = [
  [mul(add(a, f32(1)), f32(2)), '(x[i] + 1.0) * 2.0'],
  [add(mul(a, f32(2)), f32(1)), 'x[i] * 2.0 + 1.0'],
  [sub(a, sub(a, f32(1))), 'x[i] - (x[i] - 1.0)'],
  [sub(sub(a, f32(1)), a), 'x[i] - 1.0 - x[i]'],
  [add(a, add(a, a)), 'x[i] + (x[i] + x[i])'],
  [cast('f32', add(i, add(i, i))), 'f32(i + i + i)'],
  [cast('f32', mul(i, div(i, u32(3)))), 'f32(i * (i / 3))'],
  [cast('f32', binary('min', u32(3), u32(5))), 'f32(min(3u, 5u))'],
  [unary('neg', unary('neg', a)), '-(-x[i])'],
  [unary('neg', add(a, a)), '-(x[i] + x[i])'],
  [sub(a, f32(-1)), 'x[i] - -1.0'],
  [unary('neg', f32(1)), '-constant(1.0)'],
  [unary('exp', f32(2)), 'exp(constant(2.0))'],
  [
    select(binary('or', lt(i, u32(2)), and(lt(i, u32(3)), lt(u32(1), i))), a, f32(0)),
    'select(0.0, x[i], (i < 2) | ((i < 3) & (1 < i)))',
  ],
  [
    select(and(lt(i, u32(2)), and(lt(i, u32(3)), lt(i, u32(1)))), f32(1), f32(0)),
    'select(0.0, 1.0, (i < 2) & (i < 3) & (i < 1))',
  ],
  [select(unary('not', lt(i, u32(2))), f32(1), f32(0)), 'select(0.0, 1.0, !(i < 2))'],
  [select(binary('eq', lt(i, u32(2)), lt(i, u32(3))), f32(1), f32(0)), 'select(0.0, 1.0, (i < 2) == (i < 3))'],
  [f32(1e-8), '1e-8'],
  [f32(0.1), '0.1'],
  [f32(16777216), '16777216.0'],
];

test('an expression has the parentheses it needs and no more', async () => {
  const streams = [
    { name: 'x', type: 'f32' as const, access: 'read' as const },
    { name: 'y', type: 'f32' as const, access: 'read_write' as const },
  ];
  for (const [value, text] of lines) {
    const printed = emit(eachElement('line', 9, streams, [store('y', value)]), WGSL).text;
    assert.is(/y\[i\] = (.*);/.exec(printed)?.[1], text);
  }
  await compiles(
    device,
    eachElement(
      'line',
      9,
      streams,
      lines.map(([value]) => store('y', value)),
    ),
  );
});

/** u32 trees over i and literals, with conditions inside. */
const trees = fc.letrec<{ number: Expr; condition: Expr }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom<Expr>(i, u32(3), u32(7), u32(1000)),
    fc
      .tuple(fc.constantFrom<BinaryOp>('add', 'sub', 'mul', 'div', 'mod', 'min', 'max'), tie('number'), tie('number'))
      .map(([op, left, right]) =>
        binary(op, left, op === 'div' || op === 'mod' ? binary('max', right, u32(1)) : right),
      ),
    fc.tuple(tie('condition'), tie('number'), tie('number')).map(([c, x, y]) => select(c, x, y)),
  ),
  condition: fc.oneof(
    { maxDepth: 3 },
    fc
      .tuple(fc.constantFrom<BinaryOp>('lt', 'le', 'eq', 'ne', 'gt', 'ge'), tie('number'), tie('number'))
      .map(([op, l, r]) => binary(op, l, r)),
    fc
      .tuple(fc.constantFrom<BinaryOp>('and', 'or', 'eq'), tie('condition'), tie('condition'))
      .map(([op, l, r]) => ({ kind: 'binary', type: 'bool', op, left: l, right: r }) as const),
    tie('condition').map((c) => unary('not', c)),
  ),
}));

const meaning: { readonly [O in BinaryOp]: (a: number, b: number) => number } = {
  add: (p, q) => p + q,
  sub: (p, q) => p - q,
  mul: (p, q) => Math.imul(p, q),
  div: (p, q) => Math.floor(p / q),
  mod: (p, q) => p % q,
  pow: (p, q) => p ** q,
  max: Math.max,
  min: Math.min,
  eq: (p, q) => Number(p === q),
  ne: (p, q) => Number(p !== q),
  lt: (p, q) => Number(p < q),
  le: (p, q) => Number(p <= q),
  gt: (p, q) => Number(p > q),
  ge: (p, q) => Number(p >= q),
  and: (p, q) => p & q,
  or: (p, q) => p | q,
  // Of floats, see `narrow-storage.test.ts`.
  dither_f16: () => Number.NaN,
  dither_bf16: () => Number.NaN,
};

function evaluate(e: Expr, at: number): number {
  switch (e.kind) {
    case 'literal':
      return e.value;
    case 'local':
      return at;
    case 'unary':
      return 1 - evaluate(e.operand, at);
    case 'binary':
      return meaning[e.op](evaluate(e.left, at), evaluate(e.right, at)) >>> 0;
    case 'select':
      return evaluate(evaluate(e.condition, at) ? e.then : e.else, at);
    default:
      throw new Error(e.kind);
  }
}

test('random expressions mean in WGSL what they mean in the IR', async () => {
  const expressions = fc.sample(trees.number, { numRuns: 60, seed: 7 });
  const width = 5;
  const kernel = eachElement(
    'expressions',
    width * expressions.length,
    [{ name: 'out', type: 'u32', access: 'read_write' }],
    expressions.map(
      (value, k): Statement => ({ kind: 'store', buffer: 'out', index: add(mul(u32(width), u32(k)), i), value }),
    ),
  );
  const first: Kernel = {
    ...kernel,
    groups: 1,
    body: [
      define('i', builtin('local')),
      {
        kind: 'if',
        condition: lt(i, u32(width)),
        then: kernel.body.slice(1).flatMap((s) => (s.kind === 'if' ? s.then : [])),
        else: [],
      },
    ],
  };
  verifyKernel(first);
  const got = new Uint32Array(await runOnce(device, first, []));
  expressions.forEach((e, k) => {
    for (let at = 0; at < width; at++)
      assert.is(got[k * width + at], evaluate(e, at), `expression ${k} at ${at}: ${JSON.stringify(e)}`);
  });
});

/** A kernel in which everything that has a name has one of these. */
function named(name: (k: number) => string, doc: readonly string[] = []): Kernel {
  const streams = [0, 1].map((k) => ({
    name: name(k),
    type: 'f32' as const,
    access: k === 0 ? ('read' as const) : ('read_write' as const),
  }));
  const kernel = eachElement(name(2), 9, streams, []);
  const inner = local(name(5), 'f32');
  return {
    ...kernel,
    doc,
    buffers: kernel.buffers.map((b) => ({ ...b, shape: doc.join() })),
    uniforms: [{ name: name(3), type: 'f32', source: { kind: 'iteration' } }],
    shared: [{ name: name(4), type: 'f32', elements: 64 }],
    functions: [
      {
        name: name(6),
        doc: doc.join(),
        params: [{ name: name(7), type: 'f32' }],
        body: [],
        result: local(name(7), 'f32'),
      },
    ],
    body: [
      ...doc.map((text): Statement => ({ kind: 'comment', text })),
      define(name(5), mul(load(name(0), 'f32', builtin('local')), uniform(name(3), 'f32'))),
      { kind: 'store_shared', array: name(4), index: builtin('local'), value: inner },
      { kind: 'barrier' },
      count(name(8), u32(9), [
        {
          kind: 'store',
          buffer: name(1),
          index: local(name(8), 'u32'),
          value: { kind: 'call', type: 'f32', fn: name(6), args: [inner] },
        },
      ]),
    ],
  };
}

const plain = (k: number): string => `plain${k}`;

test('reserved words are respelled wherever they stand', async () => {
  const words = [...WGSL.reserved];
  for (let first = 0; first < words.length; first += 9)
    await compiles(
      device,
      named((k) => words[first + k] ?? `spare${k}`),
    );
  const many = eachElement('many', 9, [{ name: 'out', type: 'f32', access: 'read_write' }], []);
  const all: Kernel = { ...many, body: words.map((word) => define(word, f32(1))) };
  await compiles(device, all);
});

test('names and comments never change the program', async () => {
  const hostile = [
    '*/ } fn evil() {',
    '// \n return;',
    '\u2028return;',
    '__a',
    '_',
    '',
    '9lives',
    'größe',
    'x; y',
    'a\\',
    '\u202e',
    '💥',
    '-',
    'main',
    'a.b',
    'a_b',
    'launch',
    'host',
    'group',
    'lane',
    'x'.repeat(500),
  ];
  const hash = emit(named(plain), WGSL).hash;
  for (let first = 0; first < hostile.length; first++) {
    const names = (k: number): string => `${hostile[(first + k) % hostile.length]}${k % 2 === 0 ? '' : k}`;
    const kernel = named(names, [...hostile, `*/ ${'y'.repeat(300)} \\`]);
    const { text, hash: same } = emit(kernel, WGSL);
    assert.is(same, hash);
    assert.not.match(text, /^\s*return;/m);
    const { plan, texts } = tinyPlan([], (table) => {
      table.add(kernel, []);
      return {};
    });
    (await device.load(plan, texts)).release();
  }
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ unit: 'grapheme' }), { minLength: 9, maxLength: 9 }), (names) => {
      assert.is(
        emit(
          named((k) => names[k] ?? '', names),
          WGSL,
        ).hash,
        hash,
      );
    }),
    { numRuns: 300, seed: 3 },
  );
});

test('the hash tells programs apart', () => {
  const base = named(plain);
  const others: readonly Kernel[] = [
    { ...base, workgroup: 32 },
    { ...base, body: base.body.slice(0, -1) },
    { ...base, buffers: base.buffers.map((b) => ({ ...b, access: 'read_write' })) },
    { ...base, shared: [{ name: 'plain4', type: 'f32', elements: 65 }] },
  ];
  const hashes = [base, ...others].map((k) => emit(k, WGSL).hash);
  assert.is(new Set(hashes).size, hashes.length);
  assert.is(emit({ ...base, name: 'other', doc: ['other'], flops: 1 }, WGSL).hash, hashes[0]);
});

test.after(() => device.close());
test.run();
