/**
 * The graph, the regions and the kernels of every example, beside the spec they come from: for reading what a change of
 * the compiler does. That they are right is shown elsewhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import { compileText } from './support/compile-text.ts';
import { matchesGolden } from './support/golden.ts';

const examples = new URL('../examples/', import.meta.url);

for (const file of readdirSync(examples).filter((name) => name.endsWith('.tfm'))) {
  test(file, () => {
    const text = readFileSync(new URL(file, examples), 'utf8');
    const { texts, dumps, plan, notes } = compileText(text, { dump: ['autodiff', 'fuse'], sizes: { batch: 2 } });
    const kernels = Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1));
    const sections = [
      `# ${file}`,
      `\`\`\`tfm\n${text.trimEnd()}\n\`\`\``,
      ...notes.map((n) => `- ${n}`),
      `## Joint graph\n\n\`\`\`\n${dumps.get('micro autodiff')?.trimEnd()}\n\`\`\``,
      `## Regions\n\n\`\`\`\n${dumps.get('micro fuse')?.trimEnd()}\n\`\`\``,
      `## Kernels\n\n${plan.kernels.length} kernels.`,
      ...kernels.map(([name, kernel]) => `### ${name}\n\n\`\`\`wgsl\n${kernel.trimEnd()}\n\`\`\``),
    ];
    matchesGolden(`${file.replace(/\.tfm$/, '')}.md`, `${sections.join('\n\n')}\n`);
  });
}

test.run();
