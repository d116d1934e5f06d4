/** The README shows a spec and a kernel: the one must compile to the other. `npm run bless` writes the kernel anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { present } from '../src/compiler/support/invariant.ts';
import { compile } from '../src/index.ts';

const path = join(dirname(dirname(fileURLToPath(import.meta.url))), 'README.md');
const KERNEL = /```wgsl\n([\s\S]*?)```/;

test('the kernel in the README is what its spec compiles to', () => {
  const readme = readFileSync(path, 'utf8');
  const spec = present(/```tfm\n([\s\S]*?)```/.exec(readme)?.[1], 'a spec in the README');
  const { plan, texts } = compile({ path: 'llama.tfm', text: spec }, { purposes: ['train', 'logits'] });
  const loop = plan.programs.logits?.steps.find((step) => step.kind === 'loop');
  const [first] = loop?.body.filter((call) => call.kind === 'launch') ?? [];
  const norm = plan.kernels[present(first, 'a loop over the layers').kernel];
  const text = present(texts[norm?.file ?? ''], 'the text of the norm');
  if (process.env.BLESS)
    writeFileSync(
      path,
      readme.replace(KERNEL, () => `\`\`\`wgsl\n${text}\`\`\``),
    );
  assert.is(KERNEL.exec(readFileSync(path, 'utf8'))?.[1], text);
});

test.run();
