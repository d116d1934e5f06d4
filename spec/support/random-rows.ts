/** Random graphs of pointwise ops, movement and reductions, as one rows region each. */
import type { Axis, AxisId, TensorType, ValueId } from '../../src/compiler/ir/graph.ts';
import type { FusedGraph, RowsRegion } from '../../src/compiler/ir/region.ts';
import { elementsOf, floats, isSubset, tensor, withAxes } from '../../src/compiler/ir/tensor-type.ts';
import { type Builder, makeBuilder } from '../../src/compiler/ops/builder.ts';
import { expand, scalar } from '../../src/compiler/ops/make.ts';
import { present } from '../../src/compiler/support/invariant.ts';

/** Numbers in [0, 1), the same for the same seed. Mulberry32, by Tommy Ettinger. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface RowsCase {
  readonly fused: FusedGraph;
  readonly region: RowsRegion;
  readonly inputs: ReadonlyMap<string, Float64Array>;
}

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 12, 17];
const MOST_ELEMENTS = 700;

interface Maker {
  readonly b: Builder;
  readonly random: () => number;
  readonly pool: ValueId[];
  readonly axis: (size: number) => Axis;
}

function choose<T>(random: () => number, items: readonly T[]): T {
  return present(items[Math.floor(random() * items.length)], 'a choice');
}

export function randomRows(seed: number): RowsCase {
  const random = randomNumbers(seed);
  const b = makeBuilder();
  let axes = 0;
  const axis = (size: number): Axis => ({ id: `a${axes}` as AxisId, name: `a${axes++}`, size });
  const inputs = new Map<string, Float64Array>();
  const input = (name: string, type: TensorType, draw: () => number): ValueId => {
    inputs.set(
      name,
      Float64Array.from({ length: elementsOf(type.axes) }, () => Math.fround(draw())),
    );
    return b.input({ name, type });
  };
  const all = Array.from({ length: 3 }, () => axis(choose(random, SIZES)));
  if (elementsOf(all) > MOST_ELEMENTS) all[0] = axis(3);
  const real = (): number => 4 * random() - 2;
  const pool: ValueId[] = [
    input('x', floats(all), real),
    input('y', floats(all.slice(1)), real),
    input('z', floats(all.slice(2)), real),
    input('ids', tensor('int', all.slice(0, 2)), () => Math.floor(random() * 30) - 3),
    input('mask', tensor('bool', all.slice(1)), () => Math.floor(random() * 2)),
  ];
  const given = pool.length;
  const maker: Maker = { b, random, pool, axis };
  for (let tries = 0; tries < 40 && pool.length < given + 14; tries++) choose(random, STEPS)(maker);
  const floatsMade = pool.slice(given).filter((id) => b.typeOf(id).kind === 'float');
  const last = floatsMade.at(-1) ?? b.op('unary', { fn: 'neg' }, [present(pool[0], 'x')]);
  const shared = b.typeOf(last).axes.filter(() => random() < 0.5);
  const others = floatsMade.filter((id) => id !== last && isSubset(shared, b.typeOf(id).axes) && random() < 0.3);
  const roots = [...new Set([...others.slice(0, 2), last])];
  const graph = b.finish(roots.map((value, i) => ({ name: `out${i}`, value })));
  const reads = graph.block.ops.filter((op) => op.kind === 'input').flatMap((op) => op.results.map((r) => r.id));
  const needed = new Set(roots);
  for (const op of graph.block.ops.toReversed()) {
    if (op.results.some((r) => needed.has(r.id))) for (const operand of op.operands) needed.add(operand);
  }
  const members = graph.block.ops.flatMap((op) => op.results.map((r) => r.id)).filter((id) => needed.has(id));
  const region: RowsRegion = {
    kind: 'rows',
    name: `case_${seed}`,
    shared,
    roots,
    reads,
    members: members.filter((id) => !reads.includes(id)),
    notes: [],
  };
  const stored = new Set([...reads, ...roots]);
  const fused: FusedGraph = {
    graph,
    steps: [],
    stored,
    aliases: new Map(),
    inPlace: new Map(),
    layouts: new Map(),
    precision: 'f32',
    rounding: 'nearest',
  };
  return { fused, region, inputs };
}

type Step = (maker: Maker) => void;

function take(
  { b, random, pool }: Maker,
  kind: TensorType['kind'],
  accept: (type: TensorType) => boolean,
): ValueId | undefined {
  const fitting = pool.filter((id) => b.typeOf(id).kind === kind && accept(b.typeOf(id)));
  return fitting.length === 0 ? undefined : choose(random, fitting);
}

const anything = (): boolean => true;
const hasAxes = (type: TensorType): boolean => type.axes.length > 0;

/** One number above 1, so that quotients and roots are tame. */
function tame(b: Builder, x: ValueId): ValueId {
  return b.op('binary', { fn: 'add' }, [b.op('unary', { fn: 'abs' }, [x]), scalar(b, 1.5)]);
}

const unaryStep: Step = (m) => {
  const x = take(m, 'float', anything);
  if (x === undefined) return;
  const fn = choose(m.random, ['neg', 'sin', 'cos', 'tanh', 'abs', 'exp', 'sqrt', 'rsqrt', 'log'] as const);
  const wild = fn === 'exp' ? m.b.op('unary', { fn: 'tanh' }, [x]) : x;
  const positive = fn === 'sqrt' || fn === 'rsqrt' || fn === 'log';
  m.pool.push(m.b.op('unary', { fn }, [positive ? tame(m.b, x) : wild]));
};

const binaryStep: Step = (m) => {
  const x = take(m, 'float', anything);
  if (x === undefined) return;
  const y = take(m, 'float', (type) => isSubset(type.axes, m.b.typeOf(x).axes));
  if (y === undefined) return;
  const fn = choose(m.random, ['add', 'sub', 'mul', 'div', 'max', 'min'] as const);
  const result = m.b.op('binary', { fn }, [x, fn === 'div' ? tame(m.b, y) : y]);
  // Products of products grow beyond what f32 can compare.
  m.pool.push(fn === 'mul' ? m.b.op('unary', { fn: 'tanh' }, [result]) : result);
};

const compareStep: Step = (m) => {
  const x = take(m, 'float', anything);
  if (x === undefined) return;
  const fn = choose(m.random, ['lt', 'ge', 'gt', 'le'] as const);
  m.pool.push(m.b.op('binary', { fn }, [x, scalar(m.b, 0.123)]));
};

const whereStep: Step = (m) => {
  const condition = take(m, 'bool', anything);
  const x = take(m, 'float', anything);
  if (condition === undefined || x === undefined) return;
  const y = take(m, 'float', (type) => isSubset(type.axes, m.b.typeOf(x).axes));
  if (y === undefined || !isSubset(m.b.typeOf(condition).axes, m.b.typeOf(x).axes)) return;
  m.pool.push(m.b.op('where', {}, [condition, x, y]));
};

const reduceStep: Step = (m) => {
  const x = take(m, 'float', hasAxes);
  if (x === undefined) return;
  const { axes } = m.b.typeOf(x);
  const chosen = axes.filter(() => m.random() < 0.5);
  const reduced = (chosen.length > 0 ? chosen : axes.slice(-1)).map((axis) => axis.id);
  const kind = choose(m.random, ['sum', 'sum', 'max', 'argmax'] as const);
  if (kind === 'argmax') {
    const place = m.b.op('argmax', { axis: present(reduced[0], 'axis') }, [x]);
    m.pool.push(m.b.op('cast', { to: 'float' }, [place]), place);
    return;
  }
  const result = m.b.op(kind, { axes: reduced }, [x]);
  const count = elementsOf(axes.filter((axis) => reduced.includes(axis.id)));
  m.pool.push(kind === 'sum' ? m.b.op('binary', { fn: 'mul' }, [result, scalar(m.b, 1 / count)]) : result);
};

const contractStep: Step = (m) => {
  const x = take(m, 'float', hasAxes);
  if (x === undefined) return;
  const { axes } = m.b.typeOf(x);
  const y = take(m, 'float', (type) => type.axes.some((axis) => axes.some((own) => own.id === axis.id)));
  if (y === undefined) return;
  const common = axes.filter((axis) => m.b.typeOf(y).axes.some((other) => other.id === axis.id));
  const over = common.slice(0, 1);
  const result = m.b.op('contract', { terms: [over.map((axis) => axis.id)] }, [x, y]);
  if (elementsOf(m.b.typeOf(result).axes) > MOST_ELEMENTS) return;
  m.pool.push(m.b.op('binary', { fn: 'mul' }, [result, scalar(m.b, 1 / elementsOf(over))]));
};

const moveStep: Step = (m) => {
  const x = take(m, choose(m.random, ['float', 'float', 'float', 'int', 'bool'] as const), hasAxes);
  if (x === undefined) return;
  const { axes } = m.b.typeOf(x);
  const from = choose(m.random, axes);
  const { b, axis, random } = m;
  const divisor = [2, 3, 4].find((n) => from.size % n === 0 && from.size > n);
  const moves: readonly (() => ValueId | undefined)[] = [
    () => b.op('rename', { from: from.id, to: axis(from.size) }, [x]),
    () =>
      divisor === undefined
        ? undefined
        : b.op('split', { from: from.id, into: [axis(from.size / divisor), axis(divisor)] }, [x]),
    () => {
      const [first, second] = axes;
      if (!first || !second) return undefined;
      const pair = random() < 0.5 ? [first, second] : [second, first];
      return b.op('merge', { from: pair.map((a) => a.id), into: axis(first.size * second.size) }, [x]);
    },
    () => {
      const size = 1 + Math.floor(random() * from.size);
      const start = Math.floor(random() * (from.size - size + 1));
      return b.op('slice', { from: from.id, start, into: axis(size) }, [x]);
    },
    () => {
      const before = Math.floor(random() * 3);
      return b.op('pad', { from: from.id, before, into: axis(from.size + before + Math.floor(random() * 3)) }, [x]);
    },
    () => b.op('pick', { axis: from.id, index: Math.floor(random() * from.size) }, [x]),
    () => b.op('permute', { axes: axes.toReversed().map((a) => a.id) }, [x]),
    () => {
      const type = b.typeOf(x);
      const alike = m.pool.filter((id) => {
        const other = b.typeOf(id);
        return other.kind === type.kind && other.axes.map((a) => a.id).join() === axes.map((a) => a.id).join();
      });
      return b.op('stack', { axis: axis(3) }, [x, choose(random, alike), x]);
    },
    () => expand(b, x, [axis(2)]),
    () => {
      const ids = take(m, 'int', (type) => !type.axes.some((a) => a.id === from.id));
      return ids === undefined ? undefined : b.op('gather', { axis: from.id }, [x, ids]);
    },
  ];
  const moved = choose(random, moves)();
  if (moved && elementsOf(b.typeOf(moved).axes) <= MOST_ELEMENTS) m.pool.push(moved);
};

const indexStep: Step = (m) => {
  const x = take(m, 'float', hasAxes);
  if (x === undefined) return;
  const type = m.b.typeOf(x);
  const place = m.b.leaf('index', {}, withAxes(tensor('int', []), type.axes));
  const share = m.b.op('cast', { to: 'float' }, [place]);
  m.pool.push(m.b.op('binary', { fn: 'mul' }, [share, scalar(m.b, 1 / elementsOf(type.axes))]), place);
};

const STEPS: readonly Step[] = [
  unaryStep,
  unaryStep,
  binaryStep,
  binaryStep,
  compareStep,
  whereStep,
  reduceStep,
  reduceStep,
  contractStep,
  moveStep,
  moveStep,
  moveStep,
  moveStep,
  indexStep,
];
