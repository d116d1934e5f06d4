/**
 * Attention on matrix units: its numbers are those of the rounded operands, but that weights and the gradients of scores are
 * rounded as well before they are multiplied.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA } from '../src/backends/cuda/dialect.ts';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import { emit } from '../src/backends/shared/emit.ts';
import type { NarrowType } from '../src/compiler/ir/kernel.ts';
import { lowerRegion } from '../src/compiler/lower/lower-region.ts';
import * as m from '../src/compiler/ops/make.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { type AttentionCase, attention, causal, everything, sliding } from './support/attention-graph.ts';
import { openCudaTestDevice } from './support/devices.ts';
import { matchesGolden } from './support/golden.ts';
import { withNarrowInputs } from './support/narrow-inputs.ts';
import { compileTogether, usableNvcc } from './support/nvcc.ts';
import { compareHere, prepareGraph } from './support/run-fused.ts';
import { runPrepared } from './support/run-prepared.ts';

/** Half a unit in the last place, twice: of a weight, and of the sum of those that it is compared with. */
const TOLERANCE: { readonly [T in NarrowType]: number } = { bf16: 2 ** -8, f16: 2 ** -11 };
/** Of what no rounded weight goes into. */
const EXACT = 2e-6;

function kernelsOf(options: AttentionCase, type: NarrowType, prepare?: typeof withNarrowInputs) {
  const prepared = prepareGraph(attention(options).graph, CUDA_LIMITS, lowerRegion, true, type, prepare);
  const { kernels } = prepared;
  for (const kernel of kernels)
    assert.ok(
      kernel.shared.some((a) => a.type === type),
      `${kernel.name} is in f32`,
    );
  return prepared;
}

test('attention reads well', () => {
  const { kernels } = kernelsOf({ time: 300, head: 64, mask: causal }, 'bf16');
  for (const kernel of kernels) matchesGolden(`cuda/attention-bf16-${kernel.name}.cu`, emit(kernel, CUDA).text);
});

test('heads of every size compile for all architectures, and no register is spilled', () => {
  const nvcc = usableNvcc();
  if (nvcc === undefined) return;
  const capped = [16, 48, 64, 96, 128, 192, 256].map((head) => ({ head, cap: 30 }));
  const copied = [64, 128, 256].map((head) => ({ head, prepare: withNarrowInputs }));
  const named = [...capped, ...copied].flatMap(({ prepare, ...options }: HeadCase) =>
    kernelsOf({ time: 300, mask: causal, ...options }, 'bf16', prepare).kernels.map((kernel) => ({
      name: `${kernel.name} of head ${options.head}${prepare ? ', copied' : ''}`,
      text: emit(kernel, CUDA).text,
    })),
  );
  const texts = named.map(({ text }) => text);
  const found = compileTogether(nvcc, texts, [80, 90]);
  if (typeof found === 'string') throw new Error(found);
  for (const [k, reports] of found.entries()) {
    assert.equal(reports.map((r) => r.architecture).sort(), ['sm_80', 'sm_90']);
    for (const r of reports) assert.is(r.spilled + r.frame, 0, named[k]?.name);
  }
});

interface HeadCase {
  readonly head: number;
  readonly cap?: number;
  readonly prepare?: typeof withNarrowInputs;
}

const device = await openCudaTestDevice();

async function check(options: AttentionCase, type: NarrowType): Promise<void> {
  for (const prepare of [undefined, withNarrowInputs])
    for (const { output, relative } of await runPrepared(device, kernelsOf(options, type, prepare))) {
      // Delta is made of o, which the reference has not rounded.
      const tolerance = output === 'lse' ? EXACT : TOLERANCE[type];
      assert.ok(relative < tolerance, `${output} is off by ${relative}${prepare ? ', of narrow inputs' : ''}`);
    }
}

test('rows that lie as they are multiplied are copied, two blocks by turns where workgroup memory has room', () => {
  const of = (head: number, prepare?: typeof withNarrowInputs): readonly [number, number] => {
    const [forward] = kernelsOf({ time: 300, head, mask: causal }, 'bf16', prepare).kernels;
    const { text } = emit(present(forward, 'a kernel'), CUDA);
    return [(text.match(/ copy_16\(&/g) ?? []).length, (text.match(/__syncthreads/g) ?? []).length];
  };
  assert.equal(of(64), [0, 2]);
  // Queries, keys and values; a barrier before a block and one behind it.
  assert.equal(of(64, withNarrowInputs), [3, 2]);
  // The first block of keys and values, and those that come after.
  assert.equal(of(32, withNarrowInputs), [5, 2]);
  assert.equal(of(31, withNarrowInputs), [0, 2]);
});

test('causal attention, forward and backward', async () => {
  await check({ time: 70, head: 64, mask: causal }, 'bf16');
  await check({ time: 70, head: 48, mask: causal }, 'f16');
});

test('one query, one element', () => check({ time: 1, head: 1, mask: causal }, 'f16'));

test('everything is seen, and values have a size of their own', () =>
  check({ time: 40, head: 3, value: 21, mask: everything, group: 1 }, 'f16'));

test('a window and a soft cap', () =>
  check({ time: 150, head: 16, mask: sliding(5), cap: 0.7, kv: 2, group: 1 }, 'f16'));

test('wide heads, whose results subgroups share', async () => {
  await check({ time: 20, head: 128, mask: causal, group: 1 }, 'f16');
  await check({ time: 20, head: 250, mask: causal, group: 1 }, 'f16');
});

test('keys and values are shared by unlike groups of queries', () =>
  check({ time: 21, head: 5, value: 20, kv: 2, group: 3, mask: causal, cap: 0.7, unlike: true }, 'f16'));

test('a mask that reads data', () =>
  check(
    {
      time: 37,
      head: 24,
      documents: true,
      mask: (b, i, j, document) =>
        m.binary(b, 'or', m.binary(b, 'eq', i, j), m.binary(b, 'lt', document ?? i, m.intScalar(b, 3))),
    },
    'f16',
  ));

test('the interpreter of Kernel IR finds no access out of bounds', () => {
  const { graph } = attention({ time: 19, head: 20, mask: causal, group: 1 });
  for (const prepare of [undefined, withNarrowInputs])
    for (const { output, relative } of compareHere(graph, CUDA_LIMITS, lowerRegion, true, 'f16', prepare))
      assert.ok(relative < TOLERANCE.f16, `${output} is off by ${relative}`);
});

test.after(() => device.close());
test.run();
