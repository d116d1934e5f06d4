import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AxisId, Weight, WeightId, WeightMember } from '../src/compiler/ir/graph.ts';
import { foldGroups, windowsOf } from '../src/compiler/plan/flat-launch.ts';
import { joinWeights } from '../src/compiler/plan/join-weights.ts';
import { type LiveBlock, packArena } from '../src/compiler/plan/pack-arena.ts';
import { layOutWeights } from '../src/compiler/plan/weight-layout.ts';
import { GENERATED } from '../src/compiler/support/source.ts';
import { PORTABLE_LIMITS } from './support/compile-text.ts';

const blocks = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 40 }), start: fc.nat(50), length: fc.nat(20) })
    .map(({ bytes, start, length }): LiveBlock => ({ bytes: bytes * 256, start, end: start + length })),
  { maxLength: 60 },
);

test('blocks that live at one time never overlap, and no segment is larger than its limit', () => {
  fc.assert(
    fc.property(blocks, fc.integer({ min: 40, max: 200 }), (list, limit) => {
      const { places, segmentBytes } = packArena(list, limit * 256);
      for (const bytes of segmentBytes) assert.ok(bytes <= limit * 256);
      list.forEach((a, i) => {
        list.slice(0, i).forEach((b, j) => {
          const [p, q] = [places[i], places[j]];
          assert.ok(p && q);
          const together = a.start <= b.end && b.start <= a.end && p.segment === q.segment;
          if (together) assert.ok(p.offset + a.bytes <= q.offset || q.offset + b.bytes <= p.offset);
        });
      });
    }),
  );
});

test('the live sum is a lower bound that nested lifetimes reach', () => {
  const nested = Array.from({ length: 20 }, (_, i): LiveBlock => ({ bytes: 256 * (i + 1), start: i, end: 40 - i }));
  const { segmentBytes, liveBytes } = packArena(nested, 1 << 30);
  assert.is(liveBytes, (256 * 20 * 21) / 2);
  assert.equal(segmentBytes, [liveBytes]);
});

function weight(id: string, size: number, members: readonly Partial<WeightMember>[]): Weight {
  const axis = (name: string, n: number) => ({ id: name as AxisId, name, size: n });
  return {
    id: id as WeightId,
    axes: [axis('width', size)],
    stacked: members.length > 1 ? axis('layer', members.length) : undefined,
    members: members.map((m, k) => ({
      name: `${id}.${k + 1}`,
      init: { kind: 'constant', value: 0 },
      lr: 1,
      eps: 1,
      decay: 0,
      clip: undefined,
      freeze: false,
      ...m,
    })),
    span: GENERATED,
  };
}

test('weights with equal factors form one run; frozen ones have no gradient', () => {
  const layout = layOutWeights(
    [
      weight('a', 10, [{ decay: 1 }, { decay: 1 }]),
      weight('frozen', 70, [{ freeze: true }]),
      weight('gain', 3, [{}, {}]),
      weight('b', 100, [{ decay: 1 }]),
    ],
    PORTABLE_LIMITS,
  );
  assert.equal(
    layout.runs.map((r) => [r.start, r.count, r.decay]),
    [
      [0, 64 + 64 + 128, 1],
      [256, 128, 0],
    ],
  );
  assert.equal(layout.parts, [{ bytes: (384 + 128) * 4, trainedBytes: 384 * 4 }]);
  assert.is(layout.byName.get('frozen.1')?.offset, 384 * 4);
});

test('a frozen member inside a stacked weight is left out of every run', () => {
  const { runs } = layOutWeights([weight('a', 64, [{}, { freeze: true }, {}])], PORTABLE_LIMITS);
  assert.equal(
    runs.map((r) => [r.start, r.count]),
    [
      [0, 64],
      [128, 64],
    ],
  );
});

test('weights that do not fit one buffer fill several', () => {
  const layout = layOutWeights([weight('a', 64, [{}]), weight('b', 64, [{}])], {
    ...PORTABLE_LIMITS,
    bufferBytes: 300,
  });
  assert.equal(
    layout.places.map((p) => [p.part, p.offset]),
    [
      [0, 0],
      [1, 0],
    ],
  );
});

test('weights of several graphs lie once, at one distance where any graph stacks them', () => {
  const [one, two, three] = ['a.1', 'a.2', 'a.3'].map((name) => weight(name, 10, [{ name }]));
  const stacked = weight('a', 10, [{}, {}, {}]);
  assert.ok(one && two && three);
  const joined = joinWeights([
    [one, two, three],
    [stacked, weight('b', 4, [{}])],
  ]);
  assert.equal(
    joined.map((w) => w.members.map((m) => m.name)),
    [['a.1', 'a.2', 'a.3'], ['b.1']],
  );
});

test('long runs are cut into windows, and many groups fold in two dimensions', () => {
  const small = { ...PORTABLE_LIMITS, bindingBytes: 600, groupsPerDimension: 10 };
  assert.equal(windowsOf(64, 200, small), [
    { start: 64, count: 128 },
    { start: 192, count: 72 },
  ]);
  assert.equal(foldGroups(10, small), [10, 1, 1]);
  const [x, y] = foldGroups(95, small);
  assert.ok(x <= 10 && y <= 10 && x * y >= 95);
});

test.run();
