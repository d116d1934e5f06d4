/** The command line end to end: what it prints, its exit codes, and what it does with bad input. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findProgram } from '../src/backends/cuda/find-program.ts';
import { runChild, runMain, startCli } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const SPEC = `use std.{Embedding, Linear, RMSNorm, SwiGLU}

model Tiny(vocab: axis = 256, width: axis = 12, depth = 2)(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = embed(tokens)
  for layer in 1..depth {
    ffn = SwiGLU(20)
    x = x + ffn(RMSNorm()(x))
    probe variance = mean(var(x, over = width))
  }
  logits = Linear(vocab)(RMSNorm()(x))
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}

train Tiny() {
  data = text("*.txt", tokenizer = bytes)
  batch = 4
  time = 16
  steps = 8
  optimizer = adam(betas = (0.9, 0.99), eps = 1e-8)
  lr = 1e-2
  clip = 1
  save_every = 4
}
`;
/** Where the bad spec is bad. */
const BAD_LINE = SPEC.split('\n').length + 1;
const TEXT = 'the quick brown fox jumps over the lazy dog. '.repeat(120);
const folder = temporaryFolder({ 'tiny.tfm': SPEC, 'text.txt': TEXT, 'bad.tfm': `${SPEC}\nx = )\n` });
const at = (name: string): string => join(folder, name);
const json = (text: string) => JSON.parse(text);

/** Losses of a run, by step. */
const lossesOf = (run: string): readonly number[] =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => json(line))
    .filter((event) => event.kind === 'step' || event.kind === 'validation')
    .map((event) => event.loss);

test('diagnostics as annotations of GitHub Actions: places, escapes, and warnings', async () => {
  const odd = at('50%,a:b.tfm');
  writeFileSync(odd, SPEC.replace('width: axis = 12', 'width: axis = 12 / 0.7'));
  const failed = await runMain('check', odd, '--format', 'github-actions');
  assert.is(failed.exit, 1);
  assert.is(failed.out, '');
  const place = `file=${odd.replace('50%,a:b', '50%25%2Ca%3Ab')},line=3,endLine=3,col=45,endColumn=53,title=not-integral`;
  assert.ok(failed.err.startsWith(`::error ${place}::`), failed.err);
  assert.is(failed.err.trim().split('\n').length, 1);
  const unused = at('unused.tfm');
  writeFileSync(unused, SPEC.replace('SwiGLU}', 'SwiGLU, MLP}'));
  const warned = await runMain('check', unused, '--format=github-actions');
  assert.is(warned.exit, 0);
  assert.match(warned.err, /^::warning file=.*title=unused-import::`MLP` is brought in and never used%0Ahelp: /);
});

test('explain knows every code and suggests the nearest', async () => {
  const all = await runMain('explain');
  assert.is(all.exit, 0);
  assert.ok(all.out.split('\n').includes('diverged'));
  const near = await runMain('explain', 'divergd');
  assert.is(near.exit, 2);
  assert.match(near.err, "did you mean 'diverged'");
});

test('a missing file, a folder, and bytes that are no text are refused with a code', async () => {
  for (const command of ['check', 'compile', 'params']) {
    const missing = await runMain(command, at('missing.tfm'));
    assert.is(missing.exit, 1, command);
    assert.match(missing.err, /missing\.tfm.*does not exist.*\[spec-unreadable\]/);
  }
  mkdirSync(at('empty'));
  assert.match((await runMain('train', at('empty'))).err, '[folder-not-compiled]');
  assert.is((await runMain('check', at('empty'))).exit, 2);
  writeFileSync(at('latin.tfm'), Uint8Array.of(0x66, 0xff, 0xfe));
  assert.match((await runMain('check', at('latin.tfm'))).err, 'UTF-8');
});

test('wrong usage ends with exit code 2 and no stack', async () => {
  for (const argv of [['nonsense'], ['check'], ['train', at('tiny.tfm'), '--frobnicate'], ['sample', at('tiny.tfm')]]) {
    const { exit, err } = await runMain(...argv);
    assert.is(exit, 2, argv.join(' '));
    assert.not.match(err, /\n\s+at /);
  }
});

test('check reports errors with their place, as text and as JSON', async () => {
  assert.is((await runMain('check', at('tiny.tfm'))).exit, 0);
  const text = await runMain('check', at('bad.tfm'));
  assert.is(text.exit, 1);
  assert.match(text.err, `bad.tfm:${BAD_LINE}:5`);
  const { diagnostics, format_version } = json((await runMain('check', at('bad.tfm'), '--json')).out);
  assert.is(format_version, 1);
  assert.is(diagnostics[0].place.line, BAD_LINE);
});

test('--set changes the model, and a wrong name is refused', async () => {
  const { out } = await runMain('params', at('tiny.tfm'), '--set', 'width=8', '--json');
  const { weights, totals } = json(out);
  assert.equal(weights.find((w: { name: string }) => w.name === 'embed.table').shape, [256, 8]);
  assert.is(totals.parameters, 256 * 8 * 2 + 8 + 2 * (3 * 8 * 20 + 8));
  const wrong = await runMain('params', at('tiny.tfm'), '--set', 'widht=8');
  assert.is(wrong.exit, 1);
  assert.match(wrong.err, 'width');
});

test('compile writes kernels in CUDA C++ when asked, which another device refuses', async () => {
  const compiled = await runMain('compile', at('tiny.tfm'), '--target', 'cuda', '--out', at('cuda'), '--json');
  assert.is(compiled.exit, 0, compiled.err);
  const files = readdirSync(at('cuda/kernels'));
  assert.ok(files.length > 0 && files.every((file) => file.endsWith('.cu')));
  assert.match(readFileSync(at(`cuda/kernels/${files[0]}`), 'utf8'), 'extern "C" __global__ void');
  assert.match(readFileSync(at('cuda/trainer.ts'), 'utf8'), 'trainCompiled');
  const refused = await runMain('train', at('cuda'), '--out', at('run-cuda'));
  assert.is(refused.exit, 3);
  assert.match(refused.err, '[plan-other-target]');
  if (findProgram('g++') === undefined) return;
  const losses = async (path: string, run: string): Promise<unknown> => {
    const { exit, out, err } = await runMain('train', at(path), '--device', 'cuda-cpu', '--out', at(run), '--json');
    assert.is(exit, 0, err);
    return json(out).loss;
  };
  assert.is(await losses('cuda', 'run-cuda-folder'), await losses('tiny.tfm', 'run-cuda-spec'));
});

test('compile writes a folder, and training it gives the losses of the spec, bit for bit', async () => {
  const compiled = await runMain('compile', at('tiny.tfm'), '--out', at('compiled'), '--json');
  assert.is(compiled.exit, 0, compiled.err);
  const summary = json(compiled.out);
  assert.ok(summary.step.launches > 0 && summary.memory.planned_bytes >= summary.memory.live_bytes);
  assert.is(readdirSync(at('compiled/kernels')).length, summary.kernels.length);
  assert.match(readFileSync(at('compiled/trainer.ts'), 'utf8'), 'trainCompiled');

  const fromSpec = await runMain('train', at('tiny.tfm'), '--out', at('run-spec'));
  assert.is(fromSpec.exit, 0, fromSpec.err);
  assert.match(fromSpec.err, `${json(readFileSync(at('compiled/plan.json'), 'utf8')).memory.plannedBytes} bytes`);
  const fromFolder = await runMain('train', at('compiled'), '--out', at('run-folder'), '--json');
  assert.is(json(fromFolder.out).step, 8);
  assert.ok(lossesOf(at('run-spec')).length >= 2);
  assert.equal(lossesOf(at('run-folder')), lossesOf(at('run-spec')));
  assert.match(readFileSync(at('run-spec/report.html'), 'utf8'), 'variance by block');

  assert.match((await runMain('train', at('compiled'), '--set', 'width=8')).err, '[folder-is-fixed]');
  assert.match((await runMain('train', at('tiny.tfm'), '--out', at('run-spec'))).err, '[run-exists]');
});

test('a kernel of a folder that was edited is told at its place, and is no defect of ours', async () => {
  assert.is((await runMain('compile', at('tiny.tfm'), '--out', at('edited'))).exit, 0);
  const textOf = (file: string): string => readFileSync(join(at('edited/kernels'), file), 'utf8');
  const [file = ''] = readdirSync(at('edited/kernels')).filter((f) => /Source: \S*tiny\.tfm:\d+\./.test(textOf(f)));
  const text = textOf(file).replace(/(?<=\n *)let (\w+) = .*;/, 'let $1 = q_7;');
  writeFileSync(join(at('edited/kernels'), file), text);
  const { exit, err } = await runMain('train', at('edited'), '--out', at('run-edited'), '--quiet');
  assert.is(exit, 3, err);
  const lines = text.split('\n');
  const line = lines.findIndex((l) => l.includes('q_7'));
  const column = (lines[line]?.indexOf('q_7') ?? 0) + 1;
  assert.ok(err.startsWith(`kernels/${file}:${line + 1}:${column}: error: the driver refuses the kernel`), err);
  assert.match(err, /tiny\.tfm:\d+: unresolved value 'q_7' \[kernel-refused\]/);
});

test('eval and sample use what was trained', async () => {
  const { out, exit, err } = await runMain('eval', at('tiny.tfm'), '--weights', at('run-spec'), '--json');
  assert.is(exit, 0, err);
  const { loss, step, bitsPerByte } = json(out);
  assert.is(step, 8);
  assert.is(loss, lossesOf(at('run-spec')).at(-1));
  assert.ok(Math.abs(bitsPerByte - loss / Math.LN2) < 1e-9);
  const text = (...more: string[]) =>
    runMain('sample', at('compiled'), '--weights', at('run-spec'), '--prompt', 'the ', '--tokens', '12', ...more);
  const first = await text();
  assert.is(first.exit, 0, first.err);
  assert.ok(first.out.startsWith('the '));
  assert.is((await text()).out, first.out);
  assert.is(json((await text('--json')).out).prompt, 'the ');
  // A spec is compiled for decoding; a folder holds what training needs.
  const argv = ['sample', at('tiny.tfm'), '--weights', at('run-spec'), '--prompt', 'the ', '--tokens', '12', '--json'];
  const cached = json((await runMain(...argv)).out);
  assert.is(`the ${cached.text}\n`, first.out);
  assert.is(cached.decode, 'cached');
  assert.is(json((await text('--json')).out).decode, 'rerun');
  assert.is((await text('--top-p', '2')).exit, 2);
});

test('bad data and bad weights end with exit code 5', async () => {
  const none = await runMain('train', at('tiny.tfm'), '--set', 'train.data=text("*.none")', '--out', at('never'));
  assert.is(none.exit, 5);
  assert.match(none.err, '[data-missing]');
  const short = await runMain('train', at('tiny.tfm'), '--set', 'train.batch=4_096', '--out', at('never'));
  assert.is(short.exit, 5, short.err);
  writeFileSync(at('noise.safetensors'), 'not a tensor file');
  const weights = await runMain('eval', at('tiny.tfm'), '--weights', at('noise.safetensors'));
  assert.match(weights.err, '[tensor-file-malformed]');
  assert.not.ok(existsSync(at('never/config.json')));
});

test('Ctrl-C saves, and the run resumes', async () => {
  const argv = ['train', at('tiny.tfm'), '--set', 'train.steps=100_000', '--set', 'train.log_every=1'];
  const child = startCli([...argv, '--out', at('run-long')]);
  const seen = new Promise<void>((resolve) =>
    child.stderr?.on('data', (d: Buffer) => /step 2\//.test(`${d}`) && resolve()),
  );
  child.stdout?.resume();
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  await Promise.race([seen, closed]);
  child.kill('SIGINT');
  assert.is(await closed, 130);
  const saved = readdirSync(at('run-long/checkpoints')).filter((name) => name.startsWith('step-'));
  const step = Math.max(...saved.map((name) => Number(name.replace('step-', ''))));
  assert.ok(step >= 2);
  const more = [
    '--set',
    `train.steps=${step + 2}`,
    '--set',
    'train.log_every=1',
    '--out',
    at('run-long'),
    '--resume',
    '--json',
  ];
  const resumed = await runMain('train', at('tiny.tfm'), ...more);
  assert.is(resumed.exit, 0, resumed.err);
  assert.is(json(resumed.out).step, step + 2);
});

test('a pipe that is closed early ends the program quietly', async () => {
  const child = startCli(['explain', '--json']);
  let err = '';
  child.stderr?.on('data', (d: Buffer) => {
    err += d;
  });
  child.stdout?.destroy();
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.is(code, 0, err);
  assert.is(err, '');
});

test('the program starts from a process of its own, with results on stdout only', async () => {
  const { exit, out, err } = await runChild(['check', 'tiny.tfm'], folder);
  assert.is(exit, 0, err);
  assert.ok(out.startsWith('tiny.tfm: no errors\n'), out);
  assert.is(err, '');
});

test.run();
