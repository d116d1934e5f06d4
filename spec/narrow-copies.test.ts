/** Narrow copies of what many tiles of products load: which there are without a library, and that they change no number. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CUDA_LIMITS } from '../src/backends/cuda/limits.ts';
import { compileTarget } from '../src/backends/targets.ts';
import type { Compiled } from '../src/compiler/compile-request.ts';
import type { TargetLimits } from '../src/compiler/ir/kernel.ts';
import { isWorthCopying } from '../src/compiler/passes/narrow-copies/copying-rule.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { runOnDevice } from './support/device-check.ts';
import { openCudaTestDevice } from './support/devices.ts';
import { textOf } from './support/gallery.ts';

const SIZES = ['depth=2', 'heads=4', 'width=512', 'hidden=512', 'vocab=512', 'train.batch=2', 'train.micro=2'];

function llama(...set: readonly string[]): Compiled {
  return compileText(textOf('llama.tfm'), {
    set: [...SIZES, 'train.time=256', 'train.precision=bf16', ...set],
    limits: CUDA_LIMITS,
    target: compileTarget('cuda'),
  });
}

/** Names of the kernels that run once a step, before its micro-batches. */
function begun({ plan }: Compiled): readonly string[] {
  const { steps } = present(plan.programs.begin, 'begin');
  return steps.flatMap((step) => (step.kind === 'launch' ? [present(plan.kernels[step.kernel], 'a kernel').name] : []));
}

test('weights are copied once a step, and products find all that they multiply in two bytes', () => {
  const compiled = llama();
  const { plan, texts } = compiled;
  assert.is(begun(compiled).length, 8);
  const products = plan.kernels.filter(({ file }) =>
    /multiplied in bf16|One tile per workgroup/.test(texts[file] ?? ''),
  );
  assert.ok(products.length > 5);
  // What goes over registers is called next.
  for (const { file } of products) assert.not.match(present(texts[file], file), / next_\w+\[/, file);
});

test('there are no copies where few tiles load them, in f32, or where no copy goes on beside the units', () => {
  assert.is(begun(llama('train.time=128')).length, 0);
  assert.is(begun(llama('train.precision=f32')).length, 0);
  const few: TargetLimits = { ...CUDA_LIMITS, copyBytes: 0 };
  const options = {
    set: [...SIZES, 'train.time=256', 'train.precision=bf16'],
    limits: few,
    target: compileTarget('cuda'),
  };
  assert.is(begun(compileText(textOf('llama.tfm'), options)).length, 0);
});

test('where memory is short there are none, and that is said', () => {
  const whole = llama();
  const memoryBytes = whole.plan.memory.plannedBytes - 1;
  const found = compileText(textOf('llama.tfm'), {
    set: [...SIZES, 'train.time=256', 'train.precision=bf16'],
    limits: { ...CUDA_LIMITS, memoryBytes },
    target: compileTarget('cuda'),
  });
  assert.is(begun(found).length, 0);
  assert.ok(found.plan.memory.plannedBytes <= memoryBytes);
  assert.match(found.notes.join('\n'), 'products read weights in four bytes');
  assert.not.match(found.notes.join('\n'), 'of the forward loops again');
  assert.not.match(whole.notes.join('\n'), 'to need less memory');
});

test('the rule is one of the tiles that load each operand', () => {
  const term = (rows: number, columns: number) => ({ rows, columns });
  assert.ok(isWorthCopying([term(512, 2048)]));
  assert.not.ok(isWorthCopying([term(1, 2048)]));
  assert.not.ok(isWorthCopying([term(2048, 8)]));
  assert.not.ok(isWorthCopying([term(512, 2048), term(512, 8)]));
});

const SPEC = `use std.{Embedding, Linear}
model Two(vocab: axis = 8, width: axis = 512, inner: axis = 512)(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = embed(tokens)
  hidden = Linear(inner)(x)
  logits = Linear(vocab)(hidden * hidden)
  loss = mean(cross_entropy(logits, targets, over = vocab))
}
train Two() { batch = 1; time = 512; steps = 1; lr = 1e-2; precision = bf16 }
`;

const device = await openCudaTestDevice();

test('the numbers are those of products that round what they load', async () => {
  const outcomes = [];
  for (const copyBytes of [0, 16]) {
    const compiled = compileText(SPEC, { limits: { ...device.limits, copyBytes }, target: compileTarget('cuda') });
    assert.equal(begun(compiled), copyBytes === 0 ? [] : ['hidden_linear_w', 'logits_linear_w']);
    outcomes.push(await runOnDevice(device, compiled, 8));
  }
  const [plain, copied] = outcomes;
  assert.is(copied?.loss, plain?.loss);
  assert.ok((plain?.gradients.size ?? 0) > 2);
  for (const [name, gradient] of plain?.gradients ?? []) assert.equal(copied?.gradients.get(name), gradient, name);
});

test.after(() => device.close());
test.run();
