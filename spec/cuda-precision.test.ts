/** CUDA kernels in bf16 and f16: nvcc takes them without a warning for sm_80 and sm_90, and ptxas spills no register. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileTarget, TARGETS } from '../src/backends/targets.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { compileText } from './support/compile-text.ts';
import { EXAMPLES, textOf } from './support/gallery.ts';
import { NARROW_TYPES } from './support/narrow.ts';
import { compileTogether, usableNvcc } from './support/nvcc.ts';

/** Those of f16 are those of bf16, but for conversions and the type of fragments; two examples show that. */
const FILES = { bf16: EXAMPLES, f16: ['llama.tfm', 'gpt2.tfm'] } as const;

const nvcc = usableNvcc();

for (const type of nvcc === undefined ? [] : NARROW_TYPES) {
  test(`nvcc takes the kernels of a step in ${type}`, () => {
    // Many examples share kernels, but for names.
    const byHash = new Map<string, { readonly where: string; readonly text: string }>();
    for (const file of FILES[type]) {
      const { plan, texts } = compileText(textOf(file), {
        set: ['train.batch=2', 'train.micro=2', `train.precision=${type}`],
        limits: TARGETS.cuda.limits,
        target: compileTarget('cuda'),
      });
      for (const { hash, file: kernel } of plan.kernels)
        byHash.set(hash, { where: `${file} ${kernel}`, text: present(texts[kernel], kernel) });
    }
    const kernels = [...byHash.values()];
    const found = compileTogether(
      present(nvcc, 'nvcc'),
      kernels.map(({ text }) => text),
      [80, 90],
    );
    if (typeof found === 'string') throw new Error(found);
    kernels.forEach(({ where }, k) => {
      const reports = present(found[k], where);
      assert.equal(reports.map((r) => r.architecture).sort(), ['sm_80', 'sm_90'], where);
      for (const { architecture, spilled } of reports)
        assert.is(spilled, 0, `${where} on ${architecture} spills ${spilled} bytes`);
    });
  });
}

test.run();
