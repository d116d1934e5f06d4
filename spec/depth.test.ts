/**
 * What depth and a depth scale cost: nothing. One set of kernels whatever the depth, launches in proportion to it, and the
 * same launches and bytes with LayerNorm Scaling as without.
 */
import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Compiled } from '../src/compiler/compile-request.ts';
import { type Plan, uniformBytes } from '../src/compiler/ir/plan.ts';
import { programWork } from '../src/compiler/ir/plan-totals.ts';
import { callCounts } from '../src/trainer/call-counts.ts';
import { compileText, PORTABLE_LIMITS } from './support/compile-text.ts';

const LLAMA = `use std.{Embedding, Attention, SwiGLU, Linear, RMSNorm}
use std.schemes.{Scheme, PreNorm, LNS, MixLN}

fn Bounded()(x: [.., c]) { param gain: [c] ~ 1; return x / (1 + max(abs(x), over = c)) * gain }
fn Mish(hidden: axis)(x: [.., width]) {
  param w_gate, w_up: [width -> hidden] ~ normal(0.02)
  param w_down: [hidden -> width] ~ normal(0.02)
  g = x @ w_gate
  return (g * tanh(softplus(g)) * (x @ w_up)) @ w_down
}

model Llama(vocab: axis = 256, width: axis = 64, depth = 12, heads = 4, kv = heads, hidden: axis = 172, scheme = PreNorm,
            N = x => RMSNorm()(x), ffn = () => SwiGLU(hidden))(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = scheme.enter(embed(tokens), N)
  for layer in 1..depth { x = scheme.block(x, (attn = Attention(heads, kv), ffn = ffn()), N, layer, depth) }
  final = scheme.leave(x, N)
  logits = Linear(vocab)(final)
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Llama() { batch = 8; time = 64; steps = 10; optimizer = adam(); lr = 1e-3; clip = 1 }
`;

const llama = (...set: readonly string[]): Compiled => compileText(LLAMA, { set });

/** Launches of a training step without accumulation. */
function launchesOfStep({ plan }: Compiled): number {
  const counts = callCounts(plan, 'launches');
  return (counts.micro ?? 0) + (counts.update ?? 0);
}

function movedBytes(plan: Plan): number {
  return [plan.programs.micro, plan.programs.update].reduce(
    (sum, program) => sum + (program ? programWork(plan, program).bytes : 0),
    0,
  );
}

const hashes = ({ plan }: Compiled): readonly string[] => plan.kernels.map((k) => k.hash).sort();

for (const depth of [1, 2, 12]) {
  test(`at most 24 launches a layer and 15 around: ${depth} layers`, () => {
    const launches = launchesOfStep(llama(`depth=${depth}`));
    assert.ok(launches <= 24 * depth + 15, `${launches} launches`);
  });
}

test('grouped queries cost no more launches', () => {
  const launches = launchesOfStep(llama('kv=2'));
  assert.ok(launches <= 24 * 12 + 15, `${launches} launches`);
});

test('a norm or an activation that the library lacks changes no launch', () => {
  const plain = launchesOfStep(llama());
  assert.is(launchesOfStep(llama('N=x => Bounded()(x)')), plain);
  assert.is(launchesOfStep(llama('ffn=() => Mish(172)')), plain);
});

test('LayerNorm Scaling has the launches and bytes of PreNorm', () => {
  const [plain, scaled] = [llama('scheme=PreNorm'), llama('scheme=LNS')];
  assert.is(launchesOfStep(scaled), launchesOfStep(plain));
  assert.is(movedBytes(scaled.plan), movedBytes(plain.plan));
});

test('kernels do not change with depth, and compiling takes no longer', () => {
  const compile = (depth: number): Compiled =>
    compileText(LLAMA, {
      set: ['scheme=LNS', `depth=${depth}`],
      purposes: ['train', 'evaluate', 'logits', 'probes'],
    });
  assert.equal(hashes(compile(96)), hashes(compile(12)));
  // The smallest time of each pass, of several compilations in turn: other processes and collections of garbage only add.
  const smallest = (depth: number, known: ReadonlyMap<string, number>): ReadonlyMap<string, number> =>
    new Map([...compile(depth).times].map(([pass, ms]) => [pass, Math.min(ms, known.get(pass) ?? ms)]));
  let [shallow, deep]: ReadonlyMap<string, number>[] = [new Map(), new Map()];
  // Many rounds: it takes a dozen until the engine has compiled what it will.
  for (let round = 0; round < 24; round++) {
    shallow = smallest(12, shallow ?? new Map());
    deep = smallest(96, deep ?? new Map());
  }
  const [least, most] = [shallow, deep].map((times) => [...(times ?? [])].reduce((sum, [, ms]) => sum + ms, 0));
  assert.ok(least !== undefined && most !== undefined);
  assert.ok(most <= 1.2 * least, `12 layers ${least.toFixed(1)} ms, 96 layers ${most.toFixed(1)} ms`);
  assert.ok(most < 1000, `96 layers ${most.toFixed(1)} ms`);
});

test('the first compilation of a process takes less than a second', () => {
  const [file, spec] = ['./support/cold-compile.ts', '../examples/llama.tfm'].map((name) =>
    fileURLToPath(new URL(name, import.meta.url)),
  );
  const run = (depth: number): number => {
    const args = ['--import', 'tsx', file ?? '', spec ?? '', String(depth)];
    return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  };
  const [shallow, deep] = [run(12), run(96)];
  // A processor that others use too gives each of them a part of its time.
  const sharers = 1 + (loadavg()[0] ?? 0) / availableParallelism();
  const report = `12 layers ${shallow.toFixed(0)} ms, 96 layers ${deep.toFixed(0)} ms, ${sharers.toFixed(1)} sharers`;
  console.log(`cold: ${report}`);
  assert.ok(deep < 1000 * sharers, report);
});

test('Mix-LN has two bodies', () => {
  const { fused } = llama('scheme=MixLN()');
  const forward = fused.micro?.steps.filter((s) => s.kind === 'loop' && !s.op.attrs.reverse) ?? [];
  assert.is(forward.length, 2);
});

test('the plan is tight: at most 1.15 times the largest sum of live bytes', () => {
  for (const set of [[], ['kv=2', 'depth=3'], ['scheme=MixLN()'], ['scheme=LNS', 'width=24', 'heads=3', 'hidden=40']]) {
    const { memory, segments, uniformRows } = llama(...set).plan;
    const uniforms = uniformBytes(uniformRows.length, PORTABLE_LIMITS.offsetAlignment);
    assert.is(
      memory.plannedBytes,
      segments.reduce((n, s) => n + s.bytes, uniforms),
    );
    assert.ok(memory.plannedBytes <= 1.15 * memory.liveBytes, `${set}: ${memory.plannedBytes / memory.liveBytes}`);
  }
});

test.run();
