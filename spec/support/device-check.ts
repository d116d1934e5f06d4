/** Runs what a spec compiles to on a device, beside the float64 interpreter on the unfused graph. */
import * as assert from 'uvu/assert';
import type { Device, LoadedPlan } from '../../src/backends/device.ts';
import { interpret } from '../../src/backends/reference/interpret.ts';
import type { Compiled } from '../../src/compiler/compile-request.ts';
import type { Graph, WeightId } from '../../src/compiler/ir/graph.ts';
import type { HostScalars, IoPlace } from '../../src/compiler/ir/plan.ts';
import { autodiff } from '../../src/compiler/passes/autodiff.ts';
import { splitTotals } from '../../src/compiler/passes/totals.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { randomKey, randomUniform } from '../../src/compiler/support/random.ts';
import { beginOptimizer } from '../../src/runtime/begin-optimizer.ts';

export const SCALARS: HostScalars = {
  step: 3,
  seed: 7,
  micro: 0,
  lr: 0.01,
  bias1: 0.1,
  bias2: 0.001,
};

export interface Outcome {
  readonly loss: number;
  /** By name of the weight. */
  readonly gradients: ReadonlyMap<string, Float64Array>;
  /** What `update` gives, and the weights after it; empty where nothing was updated. */
  readonly gradNorm: number;
  readonly updated: ReadonlyMap<string, Float64Array>;
}

/** The initial value of a weight in tests: large enough that everything matters, gains around 1. */
export function testWeight(name: string, elements: number): Float32Array {
  const key = randomKey(name);
  const center = name.endsWith('gain') ? 1 : 0;
  return Float32Array.from({ length: elements }, (_, i) => center + 0.5 * (2 * randomUniform(key, [i]) - 1));
}

/** Tokens and targets that depend on the name of the input only; some targets do not count. */
export function testTokens(name: string, elements: number, vocab: number): Int32Array {
  const key = randomKey(name);
  return Int32Array.from({ length: elements }, (_, i) => {
    const token = Math.floor(randomUniform(key, [i]) * vocab);
    return name === 'targets' && i > 0 && randomUniform(key, [i, 1]) < 0.2 ? -1 : token;
  });
}

/** One step on the device, with `other` scalars. With several micro-batches, `rows` gives the whole batch. */
export async function runOnDevice(
  device: Device,
  compiled: Compiled,
  vocab: number,
  other: Partial<HostScalars> = {},
): Promise<Outcome> {
  const scalars = { ...SCALARS, ...other };
  const { plan, texts } = compiled;
  const loaded = await device.load(plan, texts, { poison: true });
  try {
    for (const w of plan.weights) loaded.write(`weights${w.part}`, w.offset, testWeight(w.name, w.bytes / 4));
    beginOptimizer(loaded);
    loaded.run('begin', scalars);
    for (const name of ['prepare', 'micro']) {
      if (!plan.programs[name]) continue;
      for (let k = 0; k < plan.accumulation; k++) {
        writeInputs(loaded, present(plan.programs[name], name).inputs, k, vocab);
        loaded.run(name, { ...scalars, micro: k });
      }
    }
    if (plan.programs.unscale) loaded.run('unscale', scalars);
    const loss = await readScalar(loaded, 'micro', 'loss');
    const gradients = await readLike(loaded, plan.gradients);
    loaded.run('update', scalars);
    const gradNorm = await readScalar(loaded, 'update', 'grad_norm');
    const updated = await readLike(loaded, 'weights');
    await loaded.checkGuards();
    return { loss, gradients, gradNorm, updated };
  } finally {
    loaded.release();
  }
}

function writeInputs(loaded: LoadedPlan, inputs: readonly IoPlace[], micro: number, vocab: number): void {
  for (const input of inputs.filter((i) => !i.name.startsWith('total.'))) {
    const elements = input.address.bytes / 4;
    const all = testTokens(input.name, elements * loaded.plan.accumulation, vocab);
    loaded.write(input.address.segment, input.address.offset, all.slice(micro * elements, (micro + 1) * elements));
  }
}

async function readScalar(loaded: LoadedPlan, program: string, output: string): Promise<number> {
  const place = present(
    loaded.plan.programs[program]?.outputs.find((o) => o.name === output),
    output,
  );
  const { segment, offset, bytes } = place.address;
  return new Float32Array(await loaded.read(segment, offset, bytes))[0] ?? Number.NaN;
}

async function readLike(loaded: LoadedPlan, segment: string): Promise<ReadonlyMap<string, Float64Array>> {
  const values = new Map<string, Float64Array>();
  for (const w of loaded.plan.weights) {
    if (w.freeze && segment !== 'weights') continue;
    values.set(
      w.name,
      Float64Array.from(new Float32Array(await loaded.read(`${segment}${w.part}`, w.offset, w.bytes))),
    );
  }
  return values;
}

/** The same step by the interpreter: the loss and the gradients. */
export function runReference(graph: Graph, vocab: number): Pick<Outcome, 'loss' | 'gradients'> {
  const joint = autodiff.run(splitTotals(graph, 1).graph);
  const sizeOf = (axes: readonly { readonly size: number }[]): number => axes.reduce((n, a) => n * a.size, 1);
  const weights = new Map<WeightId, Float64Array>(
    graph.weights.map((w) => [
      w.id,
      Float64Array.from(w.members.flatMap((m) => [...testWeight(m.name, sizeOf(w.axes))])),
    ]),
  );
  const inputs = new Map(
    graph.inputs.map((i) => [i.name, Float64Array.from(testTokens(i.name, sizeOf(i.type.axes), vocab))]),
  );
  const { step, seed, micro, lr } = SCALARS;
  const found = interpret(joint, { inputs, weights, runtime: { step, lr }, seed, micro });
  const gradients = new Map<string, Float64Array>();
  for (const w of graph.weights) {
    const all = found.get(`grad.${w.id}`);
    const n = sizeOf(w.axes);
    if (all) for (const [i, m] of w.members.entries()) gradients.set(m.name, all.slice(i * n, (i + 1) * n));
  }
  return { loss: found.get('loss')?.[0] ?? Number.NaN, gradients };
}

/** Holds an outcome to the interpreter's: loss 1e-5 relative, gradients 5e-4 by norm, with a floor for what is zero. */
export function assertAgrees(found: Outcome, expected: Pick<Outcome, 'loss' | 'gradients'>, what: string): void {
  const relative = Math.abs(found.loss - expected.loss) / Math.max(1e-6, Math.abs(expected.loss));
  assert.ok(relative <= 1e-5, `${what}: loss ${found.loss} instead of ${expected.loss}`);
  const total = Math.sqrt([...expected.gradients.values()].reduce((s, g) => s + norm(g) ** 2, 0));
  for (const [name, gradient] of expected.gradients) {
    const got = found.gradients.get(name);
    if (!got) continue;
    const error = norm(gradient.map((v, i) => v - (got[i] ?? Number.NaN))) / Math.max(norm(gradient), 1e-4 * total);
    assert.ok(error <= 5e-4, `${what}: gradient of ${name} is off by ${error}`);
  }
}

export function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((s, v) => s + v * v, 0));
}
