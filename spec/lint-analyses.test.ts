/** What lints are made of: scale degrees, residual streams, reductions over the batch. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Axis, AxisId, Block, Graph, Op, ValueId } from '../src/compiler/ir/graph.ts';
import { printGraph } from '../src/compiler/ir/print-graph.ts';
import { floats } from '../src/compiler/ir/tensor-type.ts';
import { batchUses } from '../src/compiler/lints/batch-reductions.ts';
import { type Constants, constantValues } from '../src/compiler/lints/constant-values.ts';
import { depthOf, normalisedSums, streamsOf } from '../src/compiler/lints/residual-stream.ts';
import { runningSums } from '../src/compiler/lints/running-sums.ts';
import { lostScales } from '../src/compiler/lints/scale-before-norm.ts';
import { degreesFrom } from '../src/compiler/lints/scale-degree.ts';
import { type Builder, makeBuilder } from '../src/compiler/ops/builder.ts';
import * as m from '../src/compiler/ops/make.ts';
import { randomGraph } from './support/random-graph.ts';
import { type Dice, makeDice } from './support/random-program.ts';

const axis = (name: string, size: number): Axis => ({ id: name as AxisId, name, size });
const [layer, batch, width] = [axis('layer', 3), axis('batch', 4), axis('width', 5)];

/** The degree, in x, of what is made of x and of another input. */
function degree(make: (b: Builder, x: ValueId, other: ValueId) => ValueId): number | 'mixed' | undefined {
  const b = makeBuilder();
  const type = floats([batch, width]);
  const [x, other] = [b.input({ name: 'x', type }), b.input({ name: 'other', type })];
  const { block } = b.finish([{ name: 'y', value: make(b, x, other) }]);
  const [result = x] = block.results;
  return degreesFrom(block, x, constantValues(block)).get(result);
}

const binary = (b: Builder, fn: 'add' | 'gt' | 'pow' | 'max' | 'sub', x: ValueId, y: ValueId): ValueId =>
  b.op('binary', { fn }, [x, y]);
const rms = (b: Builder, x: ValueId, eps: number): ValueId => {
  const square = m.sum(b, m.mul(b, x, x), [width.id]);
  return m.mul(b, x, b.op('unary', { fn: 'rsqrt' }, [binary(b, 'add', square, m.scalar(b, eps))]));
};

test('a scale degree adds up in products, halves in roots, and is 0 behind a norm', () => {
  assert.is(
    degree((b, x) => m.mul(b, x, x)),
    2,
  );
  assert.is(
    degree((b, x) => b.op('unary', { fn: 'sqrt' }, [x])),
    0.5,
  );
  assert.is(
    degree((b, x) => binary(b, 'pow', x, m.scalar(b, 3))),
    3,
  );
  assert.is(
    degree((b, x) => rms(b, x, 1e-6)),
    0,
  );
  assert.is(
    degree((b, x, other) => m.mul(b, rms(b, x, 1e-6), other)),
    0,
  );
  assert.is(
    degree((_, x, other) => (x === other ? x : other)),
    undefined,
  );
});

test('what is not homogeneous has no degree', () => {
  assert.is(
    degree((b, x) => rms(b, x, 1)),
    'mixed',
  );
  assert.is(
    degree((b, x, other) => binary(b, 'add', x, other)),
    'mixed',
  );
  assert.is(
    degree((b, x) => binary(b, 'add', x, m.mul(b, x, x))),
    'mixed',
  );
  assert.is(
    degree((b, x) => b.op('unary', { fn: 'exp' }, [x])),
    'mixed',
  );
  assert.is(
    degree((b, x) => b.op('unary', { fn: 'exp' }, [rms(b, x, 1e-6)])),
    0,
  );
});

/** By its definition: the number is in nothing that a product or a loop reads, in no result, and mixes with nothing. */
function isLostByDefinition(block: Block, value: ValueId, constants: Constants): boolean {
  const made = block.ops.findIndex((op) => op.results.some((r) => r.id === value));
  const after = block.ops.slice(made + 1);
  const degrees = degreesFrom({ ops: after }, value, constants);
  const carries = (id: ValueId): boolean => (degrees.get(id) ?? 0) !== 0;
  const reading = after.filter((op) => op.operands.some(carries));
  if ([...degrees.values()].includes('mixed') || block.results.some(carries)) return false;
  return reading.length > 0 && reading.every((op) => op.kind !== 'contract' && op.kind !== 'loop');
}

/** What norms, roots, sums and factors make of `x` and of each other, now and then of anything before. */
function grow(b: Builder, dice: Dice, x: ValueId, count: number): readonly ValueId[] {
  const values = [x];
  for (let i = 0; i < count; i += 1) {
    const recent = values.slice(-4);
    const [one, other] = [dice.pick(recent), dice.pick(dice.below(3) === 0 ? values : recent)];
    const makes: readonly (() => ValueId)[] = [
      () => m.mul(b, one, m.scalar(b, 2)),
      () => m.mul(b, one, m.scalar(b, 2)),
      () => rms(b, one, 1e-6),
      () => m.add(b, one, other),
      () => m.mul(b, one, other),
      () => b.op('unary', { fn: 'abs' }, [one]),
      () => b.op('unary', { fn: dice.below(4) === 0 ? 'tanh' : 'neg' }, [one]),
      () => m.expand(b, m.sum(b, one, [width.id]), [width]),
    ];
    values.push(dice.pick(makes)());
  }
  return values;
}

function scaledGraph(seed: number): Graph {
  const dice = makeDice(seed);
  const b = makeBuilder();
  const values = grow(b, dice, b.input({ name: 'x', type: floats([batch, width]) }), 25);
  return b.finish([{ name: 'y', value: rms(b, dice.pick(values), 1e-6) }]);
}

test('which scales are lost is told by walks that remember as by the definition', () => {
  const counts = { lost: 0, kept: 0 };
  const graphs = [...Array(200).keys()].flatMap((seed) => [scaledGraph(seed), randomGraph(seed, 30)]);
  for (const { block } of graphs) {
    const constants = constantValues(block);
    const isLost = lostScales(block, constants);
    const values = block.ops.flatMap((op) => op.results.map((r) => r.id));
    // Also the other way round: what is remembered must not depend on the order of questions.
    for (const id of [...values, ...values.reverse()]) {
      const expected = isLostByDefinition(block, id, constants);
      assert.is(isLost(id), expected, printGraph({ inputs: [], weights: [], outputs: [], block }));
      counts[expected ? 'lost' : 'kept'] += 1;
    }
  }
  assert.ok(counts.lost > 500 && counts.kept > 500, JSON.stringify(counts));
});

test('a long block is walked once, not once for each scale in it', () => {
  const b = makeBuilder();
  let x = b.input({ name: 'x', type: floats([batch, width]) });
  const scales: ValueId[] = [];
  for (let i = 0; i < 3000; i += 1) {
    x = m.add(b, m.mul(b, x, m.scalar(b, 0.5)), m.mul(b, b.op('unary', { fn: 'abs' }, [x]), m.scalar(b, 2)));
    scales.push(x);
  }
  const { block } = b.finish([{ name: 'y', value: rms(b, x, 1e-6) }]);
  let read = 0;
  const ops = block.ops.map(
    (op) =>
      new Proxy(op, {
        get: (target, key: keyof Op) => {
          if (key === 'operands') read += 1;
          return target[key];
        },
      }),
  );
  const isLost = lostScales({ ...block, ops }, constantValues(block));
  assert.ok(scales.every(isLost));
  assert.ok(read < 20 * ops.length, `${read} looks at ${ops.length} ops`);
});

test('a guard against 0 counts as nothing for a sum of squares, and not for other values', () => {
  const guarded = (b: Builder, value: ValueId): ValueId =>
    m.where(b, binary(b, 'gt', value, m.scalar(b, 0)), value, m.scalar(b, 1));
  assert.is(
    degree((b, x) => guarded(b, m.sum(b, m.mul(b, x, x), [width.id]))),
    2,
  );
  assert.is(
    degree((b, x) => guarded(b, x)),
    'mixed',
  );
  assert.is(
    degree((b, x, other) => guarded(b, m.sum(b, m.mul(b, x, other), [width.id]))),
    'mixed',
  );
});

/** A loop of three layers: what an iteration makes of the stream, with a factor for each layer. */
function looped(make: (b: Builder, x: ValueId, factor: ValueId) => ValueId): Graph {
  const b = makeBuilder();
  const x = b.input({ name: 'x', type: floats([batch, width]) });
  const loop = b.loop({ axis: layer, carried: [{ initial: x, name: 'x' }] });
  const factor = loop.slice(loop.outer(() => m.table(b, layer, [1, 0.5, 0.25])));
  const [last = x] = loop.end([make(b, loop.carried[0] ?? x, factor)], []);
  return b.finish([{ name: 'last', value: last }]);
}

test('a running sum is a stream, with the factors on its way', () => {
  const branch = (b: Builder, x: ValueId): ValueId => b.op('unary', { fn: 'tanh' }, [rms(b, x, 1e-6)]);
  const graph = looped((b, x, factor) => m.mul(b, binary(b, 'add', x, branch(b, x)), factor));
  const [stream] = streamsOf(graph);
  assert.equal(
    stream?.path?.map((step) => step.kind),
    ['sum', 'scale'],
  );
  const scale = stream?.path?.[1];
  assert.equal(scale?.kind === 'scale' && scale.factors, [1, 0.5, 0.25]);
  assert.is(depthOf(graph), 3);
});

test('sums that a norm takes in are found as by the definition', () => {
  let found = 0;
  for (let seed = 0; seed < 300; seed += 1) {
    const dice = makeDice(seed);
    const [stream] = streamsOf(looped((b, x) => rms(b, dice.pick(grow(b, dice, x, 8).slice(-3)), 1e-6)));
    if (!stream || stream.path) continue;
    const { body, next, constants } = stream;
    const running = runningSums(stream);
    const expected = body.ops.filter((op) => {
      const id = op.results[0]?.id ?? next;
      const isSum = op.kind === 'binary' && op.attrs.fn === 'add' && running.has(id);
      return isSum && degreesFrom(body, id, constants).get(next) === 0;
    });
    assert.equal(
      normalisedSums(stream).map(({ op }) => op),
      expected,
    );
    found += expected.length;
  }
  assert.ok(found > 50, `${found} sums`);
});

test('a sum behind which a norm stands is normalised, and no running sum', () => {
  const graph = looped((b, x) => rms(b, binary(b, 'add', x, b.op('unary', { fn: 'tanh' }, [x])), 1e-6));
  const [stream] = streamsOf(graph);
  assert.is(stream?.path, undefined);
  assert.is(stream && normalisedSums(stream).length, 1);
  const [open] = streamsOf(looped((b, x) => binary(b, 'add', x, rms(b, x, 1e-6))));
  assert.is(open && normalisedSums(open).length, 0);
});

test('a reduction over the batch is followed to what mixes sequences or bends it', () => {
  const kinds = (make: (b: Builder, x: ValueId) => ValueId): readonly string[] => {
    const b = makeBuilder();
    const x = b.input({ name: 'x', type: floats([batch, width]) });
    return batchUses(b.finish([{ name: 'y', value: make(b, x) }])).map((use) => use.kind);
  };
  const total = (b: Builder, x: ValueId): ValueId => m.sum(b, x, [batch.id]);
  assert.equal(
    kinds((b, x) => m.mul(b, total(b, x), m.scalar(b, 2))),
    [],
  );
  assert.equal(
    kinds((b, x) => m.mul(b, total(b, x), total(b, x))),
    ['bent', 'bent'],
  );
  assert.equal(
    kinds((b, x) => binary(b, 'sub', x, total(b, x))),
    ['mixed'],
  );
  assert.equal(
    kinds((b, x) => m.sum(b, x, [width.id])),
    [],
  );
});

test.run();
