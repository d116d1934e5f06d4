/**
 * Every example and every file of the gallery compiles without a warning at its own size; and what is said of them holds. Their numbers
 * are held by `gallery-differences` and `gallery-kernels`.
 */
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { parse } from '../src/compiler/syntax/parse.ts';
import { compileText } from './support/compile-text.ts';
import { EXAMPLES, FOLDER, GALLERY, textOf } from './support/gallery.ts';
import { matchesGolden } from './support/golden.ts';
import { runMain } from './support/run-cli.ts';

for (const file of [...EXAMPLES, ...GALLERY]) {
  test(`${file} at its own size`, () => {
    const { warnings, plan } = compileText(textOf(file), { purposes: ['train', 'evaluate', 'probes'] });
    assert.equal(warnings, []);
    assert.ok(plan.kernels.length > 0);
  });
}

test('models have the numbers of parameters that were published', async () => {
  let held = 0;
  for (const file of EXAMPLES) {
    const [, parameters, settings] = /, ([\d,]+) parameters:\n\/\/ +tfm params \S+ (.*)/.exec(textOf(file)) ?? [];
    if (parameters === undefined || settings === undefined) continue;
    const path = fileURLToPath(new URL(file, FOLDER));
    const { exit, out, err } = await runMain('params', path, '--json', ...settings.split(' '));
    assert.is(exit, 0, err);
    assert.is(JSON.parse(out).totals.parameters, Number(parameters.replaceAll(',', '')), file);
    held += 1;
  }
  assert.is(held, 6);
});

test('the table of the gallery', () => {
  const rows = GALLERY.map((path) => {
    const file = path.replace('gallery/', '');
    const { file: ast } = parse(makeSource(path, textOf(path)));
    const docs = ast.items.flatMap((item) => ('doc' in item && item.doc ? [item.doc] : []));
    // The comment that says where it is from.
    const doc = present(
      docs.find((text) => /arXiv|\b(19|20)\d\d\b/.test(text)),
      `the paper of ${file}`,
    );
    return `| [${file.replace('.tfm', '')}](${file}) | ${doc.replaceAll('\n', ' ')} |`;
  });
  const head = `# Gallery

Published ways to build a transformer, each in a file of its own that trains as it is, with the paper that it is from:

    npx tfm train examples/gallery/lns.tfm
    npx tfm compile examples/gallery/lns.tfm --explain

| file | what it is |
|---|---|
`;
  matchesGolden('../../examples/gallery/README.md', `${head}${rows.join('\n')}\n`);
});

test.run();
