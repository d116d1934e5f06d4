/**
 * The CUDA kernels of every example: nvcc takes them without a warning for sm_80 and sm_90, and ptxas finds registers for
 * all that they hold. And what `__restrict__` promises is true of every launch.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { expandProgram, type MemoryRange } from '../src/backends/shared/expand-program.ts';
import { compileTarget, TARGETS } from '../src/backends/targets.ts';
import type { Compiled } from '../src/compiler/compile-request.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { EXAMPLES, textOf } from './support/gallery.ts';
import { matchesGolden } from './support/golden.ts';
import { compileTogether, type KernelReport, usableNvcc } from './support/nvcc.ts';

const ARCHITECTURES = [80, 90];
/** Whose report is kept for reading. */
const SHOWN = 'llama.tfm';
/** The size that is measured on GPUs. */
const LARGE = [
  'depth=12',
  'heads=12',
  'width=768',
  'hidden=2048',
  'vocab=32000',
  'train.time=1024',
  'train.precision=bf16',
];

function compile(file: string, set: readonly string[], limits = TARGETS.cuda.limits): Compiled {
  return compileText(textOf(file), {
    set: ['train.batch=2', 'train.micro=2', ...set],
    purposes: ['train', 'evaluate', 'logits', 'probes'],
    limits,
    target: compileTarget('cuda'),
  });
}

const compiled = EXAMPLES.map((file): readonly [string, Compiled] => [file, compile(file, [])]);
/** Grouped queries with a soft cap, and parts of unlike sizes; with few multiprocessors the tiles are as large as on large models. */
const narrow = ['gemma2.tfm', 'palm.tfm'].map((file): readonly [string, Compiled] => [
  `${file} in bf16`,
  compile(file, ['train.precision=bf16'], { ...TARGETS.cuda.limits, matrixUnits: 4 }),
]);
const large = `${SHOWN} with 130 million weights, in bf16`;

/** Compiles the kernels of plans that `isWanted` by their texts, and shows the report of one. */
function compileAll(
  plans: readonly (readonly [string, Compiled])[],
  isWanted: (text: string) => boolean,
  golden: string,
  shown: string,
): void {
  const nvcc = usableNvcc();
  if (nvcc === undefined) return;
  const wanted = plans.map(([file, { plan, texts }]) => {
    const kernels = plan.kernels.filter((kernel) => isWanted(present(texts[kernel.file], kernel.file)));
    assert.ok(kernels.length > 0, file);
    return { file, kernels, texts };
  });
  // Many examples share kernels, but for names.
  const byHash = new Map<string, string>();
  for (const { kernels, texts } of wanted)
    for (const { hash, file } of kernels) byHash.set(hash, present(texts[file], file));
  const found = compileTogether(nvcc, [...byHash.values()], ARCHITECTURES);
  if (typeof found === 'string') throw new Error(found);
  const reports = new Map([...byHash.keys()].map((hash, k) => [hash, present(found[k], 'a report')]));
  for (const { file, kernels } of wanted)
    for (const kernel of kernels) {
      const own = present(reports.get(kernel.hash), kernel.name);
      assert.equal(own.map((r) => r.architecture).sort(), ['sm_80', 'sm_90'], `${file} ${kernel.name}`);
      for (const r of own)
        assert.is(r.spilled, 0, `${file} ${kernel.name} on ${r.architecture} spills ${r.spilled} bytes`);
    }
  const { kernels } = present(
    wanted.find(({ file }) => file === shown),
    shown,
  );
  if (process.env.BLESS) matchesGolden(golden, reportText(shown, kernels, reports));
}

test('nvcc takes all kernels of the examples, and no register is spilled', () =>
  compileAll(compiled, () => true, 'cuda/ptxas.md', SHOWN));

test('nor of kernels that multiply fragments, with large tiles and with small ones', () =>
  compileAll(
    [...narrow, [large, compile(SHOWN, LARGE)]],
    (text) => text.includes('Fragment'),
    'cuda/ptxas-bf16.md',
    large,
  ));

/** For reading: another version of ptxas may take other registers, so no test holds it to them. */
function reportText(
  shown: string,
  kernels: Compiled['plan']['kernels'],
  reports: ReadonlyMap<string, readonly KernelReport[]>,
): string {
  const rows = kernels.map(({ file, hash, workgroup }) => {
    const own = present(reports.get(hash), file);
    const of = (get: (r: KernelReport) => number): string => own.map(get).join(', ');
    return `| ${file.replace('kernels/', '')} | ${workgroup} | ${of((r) => r.registers)} | ${of((r) => r.frame)} |`;
  });
  return [
    `# What ptxas says of the kernels of ${shown}`,
    '',
    'None spills. The frame is memory of a thread for arrays that are too large for registers, or that the slow path of sine and',
    'cosine takes. Two numbers are those of sm_90 and sm_80. `BLESS=1 node --import tsx spec/cuda-kernels.test.ts` writes it.',
    '',
    '| kernel | threads of a block | registers | frame in bytes |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

for (const [file, { plan, texts }] of compiled) {
  test(`${file}: no launch writes what another of its buffers holds`, () => {
    const written = plan.kernels.map((kernel) => {
      const text = present(texts[kernel.file], kernel.file);
      const parameters = [...text.matchAll(/^ {2}(const )?(?:float|int|unsigned)\* __restrict__ \w+/gm)];
      assert.is(parameters.length, kernel.bindings.length, kernel.name);
      return parameters.map(([, isConst]) => isConst === undefined);
    });
    for (const program of Object.values(plan.programs))
      for (const step of expandProgram(program)) {
        if (step.kind !== 'launch') continue;
        const kernel = present(plan.kernels[step.kernel], 'a kernel');
        step.ranges.forEach((range, i) => {
          if (!written[step.kernel]?.[i]) return;
          for (const other of step.ranges.filter((_, k) => k !== i))
            assert.not.ok(overlap(range, other), `${kernel.name} writes ${kernel.bindings[i]?.name}`);
        });
      }
  });
}

function overlap(a: MemoryRange, b: MemoryRange): boolean {
  return a.segment === b.segment && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

test.run();
