/** Loops that take four neighbours at a time: what they become, what they compute, and which stay as they are. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Expr, Kernel, KernelBuffer, Statement } from '../src/compiler/ir/kernel.ts';
import { add, binary, builtin, cast, f32, i32, load, local, mul, select, u32 } from '../src/compiler/ir/kernel-expr.ts';
import { usedInFours } from '../src/compiler/ir/kernel-walk.ts';
import { printKernel } from '../src/compiler/ir/print-kernel.ts';
import { verifyKernel } from '../src/compiler/ir/verify-kernel.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { widen } from '../src/compiler/widen/widen.ts';
import { assertClose } from './support/assert-close.ts';
import { noise } from './support/gradient-check.ts';
import { runKernel } from './support/run-kernel.ts';

const ROWS = 8;
const WIDTH = 12;
const i = local('i', 'u32');
const row = local('row', 'u32');
const here = add(mul(row, u32(WIDTH)), i);

const BUFFERS: readonly KernelBuffer[] = [
  ...(['x', 'y'] as const).map((name) => ({ name, type: 'f32' as const, access: 'read' as const })),
  { name: 'ids', type: 'i32' as const, access: 'read' as const },
  ...(['a', 'b'] as const).map((name) => ({ name, type: 'f32' as const, access: 'read_write' as const })),
  { name: 'half', type: 'f16' as const, access: 'read_write' as const },
].map((buffer) => ({ ...buffer, holds: buffer.name, elements: ROWS * WIDTH, shape: '' }));

/** One row per invocation: `before`, a loop over its elements, and `after`. */
function rowKernel(inside: readonly Statement[], { before = [], after = [] }: Around = {}, count = WIDTH): Kernel {
  return {
    name: 'rows',
    doc: [],
    buffers: BUFFERS,
    uniforms: [],
    shared: [],
    workgroup: ROWS,
    groups: 1,
    functions: [],
    body: [
      { kind: 'let', name: 'row', value: builtin('local') },
      ...before,
      { kind: 'for', name: 'i', from: u32(0), to: u32(count), step: u32(1), body: inside },
      ...after,
    ],
    flops: 0,
    bytes: 0,
    features: [],
  };
}

interface Around {
  readonly before?: readonly Statement[];
  readonly after?: readonly Statement[];
}

const at = (buffer: string, index: Expr = here): Expr => load(buffer, buffer === 'ids' ? 'i32' : 'f32', index);
const store = (buffer: string, value: Expr, index: Expr = here): Statement => ({ kind: 'store', buffer, index, value });

function memoryAfter(kernel: Kernel): Readonly<Record<string, Float64Array>> {
  verifyKernel(kernel);
  const memory: Record<string, Float64Array> = {};
  for (const { name, elements, type } of kernel.buffers) {
    const numbers = noise(name, elements).map(Math.fround);
    memory[name] = type === 'i32' ? numbers.map((v) => Math.floor(6 * v + 6)) : numbers;
  }
  runKernel(kernel, memory);
  return memory;
}

/** The widened kernel, which leaves in memory what the other does. */
function widened(kernel: Kernel): Kernel {
  const wide = widen(kernel);
  const [found, wanted] = [memoryAfter(wide), memoryAfter(kernel)];
  for (const [name, numbers] of Object.entries(wanted))
    assertClose(present(found[name], name), numbers, 1e-6, `${name} of\n${printKernel(wide)}`);
  return wide;
}

const bodyOf = (kernel: Kernel): string => printKernel(kernel).split('holds half\n')[1] ?? '';

test('memory moves in fours, and a sum has four parts', () => {
  const sum: Statement = {
    kind: 'assign',
    name: 'sum',
    value: add(local('sum', 'f32'), mul(local('v', 'f32'), at('y'))),
  };
  const wide = widened(
    rowKernel(
      [{ kind: 'let', name: 'v', value: binary('max', at('x'), f32(0)) }, sum, store('half', local('v', 'f32'))],
      {
        before: [{ kind: 'var', name: 'sum', type: 'f32', value: f32(1) }],
        after: [store('a', local('sum', 'f32'), row)],
      },
    ),
  );
  assert.is(
    bodyOf(wide),
    `  let row = @local
  var sum: f32 = 1.0
  var sum_four: vec4 = vec4(0.0)
  for i in 0 .. 3 .. 1
    let v = max(x.fours[((row * 3) + i)], vec4(0.0))
    sum_four = (sum_four + (v * y.fours[((row * 3) + i)]))
    half.fours[((row * 3) + i)] = v
  sum = (sum + ((sum_four.0 + sum_four.1) + (sum_four.2 + sum_four.3)))
  a[row] = sum
`,
  );
});

test('what has no form for vectors is written for each of the four', () => {
  const isChosen = binary('eq', at('ids', row), cast('i32', i));
  const body = [
    { kind: 'let', name: 'chosen', value: isChosen } as const,
    store('a', select(local('chosen', 'bool'), mul(at('x'), f32(2)), f32(0))),
  ];
  const wide = widened(rowKernel(body));
  assert.equal([...usedInFours(wide)].sort(), ['a', 'x']);
  assert.not.match(printKernel(wide), /let chosen/);
});

test('an index that is the same for four neighbours is asked once', () => {
  const pair = add(mul(row, u32(3)), binary('div', i, u32(4)));
  const wide = widened(rowKernel([store('a', mul(at('x'), at('y', pair)))]));
  assert.equal([...usedInFours(wide)].sort(), ['a', 'x']);
  const split = add(mul(row, u32(4)), binary('div', i, u32(3)));
  assert.equal(bodyOf(widened(rowKernel([store('a', mul(at('x'), at('y', split)))]))).includes('fours'), false);
});

test('a gather of whole rows is a four, one that may begin anywhere is none', () => {
  const chosen = cast('u32', binary('max', binary('min', at('ids', row), i32(5)), i32(0)));
  const whole = widened(rowKernel([store('a', at('x', add(mul(chosen, u32(WIDTH)), i)))]));
  assert.equal([...usedInFours(whole)].sort(), ['a', 'x']);
  const askew = widened(rowKernel([store('a', at('x', add(mul(chosen, u32(3)), i)))]));
  assert.equal([...usedInFours(askew)], []);
});

test('loops stay as they are where four neighbours are not what they take', () => {
  const cases: Readonly<Record<string, Kernel>> = {
    'a column': rowKernel([store('a', at('x', add(mul(i, u32(ROWS)), row)))], {}, 8),
    'an odd count': rowKernel([store('a', at('x'))], {}, 11),
    'a row of odd length': rowKernel(
      [store('a', at('x', add(mul(row, u32(11)), i)), add(mul(row, u32(11)), i))],
      {},
      8,
    ),
    'an element that an earlier one stored': rowKernel([store('a', at('a', add(here, u32(1))))], {}, 8),
    'a sum that is read on the way': rowKernel(
      [{ kind: 'assign', name: 'sum', value: add(local('sum', 'f32'), at('x')) }, store('a', local('sum', 'f32'))],
      { before: [{ kind: 'var', name: 'sum', type: 'f32', value: f32(0) }] },
    ),
    'lanes that part': rowKernel([
      { kind: 'if', condition: binary('lt', at('x'), f32(0)), then: [store('a', at('x'))], else: [] },
    ]),
    'a buffer that is used one by one elsewhere': rowKernel([store('a', at('x'))], {
      after: [store('a', f32(1), row)],
    }),
  };
  for (const [name, kernel] of Object.entries(cases)) {
    const wide = widened(kernel);
    assert.is(printKernel(wide), printKernel(kernel), name);
  }
});

test('a buffer that is used one by one keeps no other from fours', () => {
  const other: Statement = { kind: 'for', name: 'k', from: u32(0), to: u32(12), step: u32(1), body: [] };
  const k = local('k', 'u32');
  const place = add(mul(row, u32(WIDTH)), k);
  const wide = widened(
    rowKernel([store('a', at('x'))], {
      before: [{ ...other, body: [store('b', at('y', place), place)] }],
      after: [store('a', f32(1), row)],
    }),
  );
  assert.equal([...usedInFours(wide)].sort(), ['b', 'y']);
});

test.run();
