import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interpret } from '../src/backends/reference/interpret.ts';
import type { AxisId, ElementKind, ValueId } from '../src/compiler/ir/graph.ts';
import type { Kernel, TargetLimits } from '../src/compiler/ir/kernel.ts';
import { usedInFours } from '../src/compiler/ir/kernel-walk.ts';
import { printKernel } from '../src/compiler/ir/print-kernel.ts';
import type { FusedGraph, RowsRegion } from '../src/compiler/ir/region.ts';
import { elementsOf, floats } from '../src/compiler/ir/tensor-type.ts';
import { verifyKernel } from '../src/compiler/ir/verify-kernel.ts';
import { type LowerContext, lowerContext } from '../src/compiler/lower/context.ts';
import { legalise } from '../src/compiler/lower/legalise.ts';
import { lowerRows } from '../src/compiler/lower/rows.ts';
import { makeBuilder } from '../src/compiler/ops/builder.ts';
import { add, mul, scalar, sum } from '../src/compiler/ops/make.ts';
import { autodiff } from '../src/compiler/passes/autodiff.ts';
import { fusePass } from '../src/compiler/passes/fuse/fuse.ts';
import { foldGroups } from '../src/compiler/plan/flat-launch.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { randomKey, randomUniform } from '../src/compiler/support/random.ts';
import { assertClose } from './support/assert-close.ts';
import { failsWith } from './support/failures.ts';
import { noise } from './support/gradient-check.ts';
import { axis, llamaGraph, maxNorm, mish } from './support/llama-graph.ts';
import { type RowsCase, randomNumbers, randomRows } from './support/random-rows.ts';
import { regionGraph, regionsOf, tablesOf } from './support/region-graph.ts';
import { type Memory, runKernel } from './support/run-kernel.ts';

const LIMITS: TargetLimits = {
  storageBindings: 8,
  bindingBytes: 2 ** 27,
  bufferBytes: 2 ** 28,
  offsetAlignment: 256,
  memoryBytes: Number.POSITIVE_INFINITY,
  groupsPerDimension: 65535,
  invocationsPerGroup: 256,
  sharedBytes: 16384,
  deviceClass: 'cpu',
  subgroupSize: 0,
  narrow: [],
  copyBytes: 0,
  matrixUnits: 0,
};
const DEVICES = ['cpu', 'gpu'] as const;
const F32 = 2e-5;

function host(inputs: ReadonlyMap<string, Float64Array>): Parameters<typeof interpret>[1] {
  return { inputs, weights: new Map(), runtime: { step: 0, lr: 0 }, seed: 1, micro: 0 };
}

/** What the kernel makes of the inputs of a case, by root. */
function rootsOf({ fused, region, inputs }: RowsCase, kernel: Kernel, groups = kernel.groups): readonly Float64Array[] {
  const inputOf = new Map<ValueId, Float64Array>();
  for (const op of fused.graph.block.ops) {
    const [result] = op.results;
    if (op.kind === 'input' && result) inputOf.set(result.id, present(inputs.get(op.attrs.name), op.attrs.name));
  }
  const memory: Record<string, Float64Array> = {};
  for (const buffer of kernel.buffers) {
    const given = typeof buffer.holds === 'number' ? inputOf.get(buffer.holds) : undefined;
    const start = buffer.window?.start ?? 0;
    memory[buffer.name] =
      given?.slice(start, start + buffer.elements) ?? new Float64Array(buffer.elements).fill(Number.NaN);
  }
  runKernel(kernel, memory, {}, groups);
  return region.roots.map((root) => wholeOf(kernel, root, memory));
}

function wholeOf(kernel: Kernel, value: ValueId, memory: Memory): Float64Array {
  const parts = kernel.buffers.filter((buffer) => buffer.holds === value);
  return Float64Array.from(parts.flatMap((part) => [...present(memory[part.name], part.name)]));
}

function assertAgrees(rows: RowsCase, kernel: Kernel, groups = kernel.groups): void {
  verifyKernel(kernel);
  const expected = interpret(rows.fused.graph, host(rows.inputs));
  rootsOf(rows, kernel, groups).forEach((root, i) => {
    assertClose(root, present(expected.get(`out${i}`), 'output'), F32, `${kernel.name}.out${i}`);
  });
}

for (const deviceClass of DEVICES) {
  test(`random rows agree with the reference on a ${deviceClass}`, () => {
    let inFours = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const rows = randomRows(seed);
      const context = lowerContext(rows.fused, { ...LIMITS, deviceClass });
      const kernel = lowerRows(context, rows.region);
      assertAgrees(rows, kernel);
      if (usedInFours(kernel).size > 0) inFours++;
    }
    assert.ok(inFours >= 20, `${inFours} kernels take fours`);
  });

  test(`windows of a tensor and a folded grid change nothing on a ${deviceClass}`, () => {
    const tight = { ...LIMITS, deviceClass, storageBindings: 1000, bindingBytes: 256, groupsPerDimension: 3 };
    for (let seed = 61; seed <= 80; seed++) {
      const rows = randomRows(seed);
      const kernel = legalise(lowerRows(lowerContext(rows.fused, tight), rows.region), tight);
      const [columns, lines] = foldGroups(kernel.groups, tight);
      assertAgrees(rows, kernel, columns * lines);
    }
  });
}

test('every rows region of a differentiated LLaMA agrees with the reference', () => {
  for (const options of [
    { groups: 2, scaled: true },
    { batch: 1, norm: maxNorm, activation: mish },
  ]) {
    const fused = fusePass({ fuse: true, limits: LIMITS }).run(autodiff.run(llamaGraph(options)));
    for (const region of regionsOf(fused.steps)) if (region.kind === 'rows') checkRegion(fused, region);
  }
});

/** Runs a region alone, on numbers that are positive, because sums of squares are among what regions read. */
function checkRegion(fused: FusedGraph, region: RowsRegion): void {
  const { graph, memory: seen } = regionGraph(fused, region, 1);
  const numbersOf = (holds: ValueId, kind: ElementKind, elements: number): Float64Array =>
    noise(`${holds}`, elements).map((x) => (kind === 'float' ? Math.fround(x + 1.1) : Math.floor(32 * x + 28)));
  const inputs = graph.inputs.map(({ name, type }) => {
    return [name, numbersOf(present(seen.get(name), name), type.kind, elementsOf(type.axes))] as const;
  });
  const expected = interpret(graph, host(new Map(inputs)));
  for (const deviceClass of DEVICES) {
    const context = lowerContext(fused, { ...LIMITS, deviceClass });
    const kernel = lowerRows(context, region);
    verifyKernel(kernel);
    const memory: Record<string, Float64Array> = {};
    for (const { name, holds, elements, access } of kernel.buffers) {
      assert.is(typeof holds, 'number');
      const value = context.value(holds as ValueId);
      const isRead = access === 'read';
      memory[name] = isRead
        ? numbersOf(value.id, value.type.kind, elements)
        : new Float64Array(elements).fill(Number.NaN);
    }
    const tables = tablesOf(fused.graph);
    const uniforms = kernel.uniforms.map(({ name, source }) => {
      return [name, source.kind === 'table' ? Math.fround(tables.get(source.value)?.[1] ?? Number.NaN) : 1] as const;
    });
    runKernel(kernel, memory, Object.fromEntries(uniforms));
    region.roots.forEach((root, i) => {
      const whole = wholeOf(kernel, context.memoryOf(root), memory);
      const wanted = asItLies(context, root, present(expected.get(`out${i}`), 'output'));
      assertClose(whole, wanted, F32, `${kernel.name} ${i} on a ${deviceClass}`);
    });
  }
}

/** The elements of a value, given in the order of its type, in the order in which it lies. */
function asItLies(context: LowerContext, id: ValueId, elements: Float64Array): Float64Array {
  const { axes } = context.value(id).type;
  const layout = context.layoutOf(id);
  return elements.map((_, place) => {
    const at = new Map<AxisId, number>();
    let rest = place;
    for (const { id: axisId, size } of layout.toReversed()) {
      at.set(axisId, rest % size);
      rest = Math.floor(rest / size);
    }
    const from = axes.reduce((index, { id: axisId, size }) => index * size + present(at.get(axisId), 'an index'), 0);
    return present(elements[from], 'an element');
  });
}

test('a draw in a loop depends on seed, step, micro-batch, iteration and element', () => {
  const [depth, width] = [axis('depth', 3), axis('width', 7)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([width]) });
  const loop = b.loop({ axis: depth, carried: [{ initial: x, name: 'x' }] });
  const draw = b.leaf('random', { path: 'layer.dropout' }, floats([width]));
  const product = b.op('binary', { fn: 'mul' }, [present(loop.carried[0], 'x'), draw], { name: 'dropped' });
  const [last] = loop.end([product], []);
  const graph = b.finish([{ name: 'out', value: present(last, 'result of the loop') }]);
  const fused = fusePass({ fuse: true, limits: LIMITS }).run(graph);
  const [region] = regionsOf(fused.steps);
  assert.is(region?.kind, 'rows');
  const kernel = lowerRows(lowerContext(fused, LIMITS), region as RowsRegion);
  const counters: Readonly<Record<string, number>> = { seed: 5, step: 6, micro: 2, iteration: 1 };
  const uniforms = kernel.uniforms.map(({ name, source }) => {
    return [name, counters[source.kind === 'runtime' ? source.name : source.kind] ?? Number.NaN] as const;
  });
  const memory = { x: new Float64Array(7).fill(1), dropped: new Float64Array(7) };
  runKernel(kernel, memory, Object.fromEntries(uniforms));
  const expected = memory.x.map((_, i) => randomUniform(randomKey('layer.dropout'), [5, 6, 2, 1, i]));
  assert.equal(memory.dropped, expected);
});

/** Sums of `elements` numbers in [0, 1), one for each of `rows`. */
function sums(rows: number, elements: number): RowsCase {
  const [row, inner] = [axis('row', rows), axis('inner', elements)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([row, inner]) });
  const total = sum(b, x, [inner.id], { name: 'total' });
  const graph = b.finish([{ name: 'out0', value: total }]);
  const base = { name: 'sums', notes: [], roots: [total], reads: [x], members: [total] };
  const region: RowsRegion = { ...base, kind: 'rows', shared: [row] };
  const fused: FusedGraph = {
    graph,
    steps: [],
    stored: new Set([x, total]),
    aliases: new Map(),
    inPlace: new Map(),
    layouts: new Map(),
    precision: 'f32',
    rounding: 'nearest',
  };
  const random = randomNumbers(1);
  const numbers = Float64Array.from({ length: elementsOf([row, inner]) }, () => Math.fround(random()));
  return { fused, region, inputs: new Map([['x', numbers]]) };
}

test('a sum of 100,000 numbers is good to 2e-6, in one invocation and in a workgroup', () => {
  for (const rows of [9, 1]) {
    const rowsCase = sums(rows, 100_000);
    const kernel = lowerRows(lowerContext(rowsCase.fused, LIMITS), rowsCase.region);
    assert.is(kernel.shared.length, rows === 1 ? 1 : 0);
    const [total] = rootsOf(rowsCase, kernel);
    const expected = interpret(rowsCase.fused.graph, host(rowsCase.inputs)).get('out0');
    assertClose(present(total, 'total'), present(expected, 'out0'), 2e-6, 'total');
  }
});

test('forty sums of one row share the workgroup memory that there is', () => {
  const [row, inner] = [axis('row', 4), axis('inner', 600)];
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([row, inner]) });
  const powers = Array.from({ length: 40 }, (_, i) => sum(b, mul(b, x, scalar(b, 1 + i / 40)), [inner.id]));
  const all = powers.reduce((a, c) => mul(b, add(b, a, c), scalar(b, 0.5)));
  const graph = b.finish([{ name: 'out0', value: all }]);
  const members = graph.block.ops.flatMap((op) => op.results.map((r) => r.id)).filter((id) => id !== x);
  const region: RowsRegion = {
    kind: 'rows',
    name: 'sums',
    notes: [],
    shared: [row],
    roots: [all],
    reads: [x],
    members,
  };
  const fused: FusedGraph = {
    graph,
    steps: [],
    stored: new Set([x, all]),
    aliases: new Map(),
    inPlace: new Map(),
    layouts: new Map(),
    precision: 'f32',
    rounding: 'nearest',
  };
  const limits = { ...LIMITS, deviceClass: 'gpu' } as const;
  const kernel = legalise(lowerRows(lowerContext(fused, limits), region), limits);
  assert.is(kernel.shared.length, 40);
  assertAgrees({ fused, region, inputs: new Map([['x', noise('x', 2400).map(Math.fround)]]) }, kernel);
});

test('a row kernel reads as it would be written by hand', () => {
  const { fused, region } = sums(100, 41);
  const kernel = lowerRows(lowerContext(fused, LIMITS), region);
  assert.is(
    printKernel(kernel),
    `# Computes total [row 100]
# from x.
# One row over row per invocation.
kernel sums: 2 x 64, 4100 flops, 16800 bytes
  read x: f32[4100] [row 100, inner 41] holds 0
  read_write total: f32[100] [row 100] holds 1
  let row = ((@group * 64) + @local)
  if (row >= 100)
    return
  var total_2: f32 = 0.0
  for inner in 0 .. 41 .. 1
    total_2 = (total_2 + x[((row * 41) + inner)])
  total[row] = total_2
`,
  );
});

test('a software driver cannot count short loops, and a GPU may', () => {
  const { fused, region } = sums(100, 23);
  const boundOn = (deviceClass: TargetLimits['deviceClass']): string | undefined =>
    /for inner in (.*)/.exec(printKernel(lowerRows(lowerContext(fused, { ...LIMITS, deviceClass }), region)))?.[1];
  assert.is(boundOn('cpu'), '0 .. (23 + zero) .. 1');
  assert.is(boundOn('gpu'), '0 .. 23 .. 1');
});

test('what a device cannot run is a failure that says what it lacks', () => {
  const { fused, region } = sums(4, 2000);
  const kernel = lowerRows(lowerContext(fused, { ...LIMITS, deviceClass: 'gpu' }), region);
  const cases = [
    ['too-many-bindings', { ...LIMITS, bindingBytes: 1024 }],
    ['workgroup-memory-exceeded', { ...LIMITS, sharedBytes: 512 }],
    ['workgroup-too-large', { ...LIMITS, invocationsPerGroup: 64 }],
  ] as const;
  for (const [code, limits] of cases) failsWith(code, 3, () => legalise(kernel, limits));
});

test.run();
