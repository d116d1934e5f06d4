/** Lints: each with a text that it warns of, the same text repaired, and one that comes near. */
import { readdirSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { check } from '../src/compiler/check.ts';
import type { Diagnostic } from '../src/compiler/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../src/compiler/diagnostics/render.ts';
import { ALL_LINTS } from '../src/compiler/lints/lints.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { readSpec } from '../src/runtime/read-spec.ts';
import { LINTED, type Linted, lintedSpec } from './support/linted-specs.ts';
import { ORACLE_CASES } from './support/oracle-errors.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const warningsOf = (text: string, set: readonly string[] = []): readonly Diagnostic[] =>
  check({ source: makeSource('a.tfm', text), set }).warnings;
const rendered = (text: string): string => renderDiagnostics(warningsOf(text), { color: false });
const codes = (text: string, set: readonly string[] = []): readonly string[] =>
  warningsOf(text, set).map((d) => d.code);

for (const { name, cases } of LINTED) {
  test(`${name}: warns, and not of what is right or near`, () => {
    const { warns, text, clean } = cases;
    assert.fixture(rendered(lintedSpec(warns)), `${text}\n`);
    for (const [i, one] of clean.entries()) assert.equal(codes(lintedSpec(one)), [], `clean ${i}`);
  });
}

test('every lint has its cases', () => {
  assert.equal(LINTED.map((linted) => linted.name).sort(), ALL_LINTS.map((lint) => lint.name).sort());
});

const POST: Linted = { site: 'N(x + f(x))', bare: true };

test('an allowance silences one lint on its line or on the line below', () => {
  const bad = lintedSpec(POST);
  assert.equal(codes(bad), ['missing-warm-up']);
  const line = bad.split('\n').find((one) => one.startsWith('Mine')) ?? '';
  assert.equal(codes(bad.replace(line, `${line}  // allow: missing-warm-up`)), []);
  assert.equal(codes(bad.replace(line, `// allow: missing-warm-up\n${line}`)), []);
  assert.equal(codes(bad.replace(line, `// allow: missing-warm-up\n\n${line}`)), ['idle-allowance', 'missing-warm-up']);
});

test('an allowance that is unknown or silences nothing is warned of', () => {
  const good = lintedSpec({ site: 'x + f(N(x))' });
  const text = `// allow: missing-warm-up, scale-befor-norm\n${good}`;
  assert.fixture(
    rendered(text),
    `a.tfm:1:11: warning: this silences nothing: there is no \`missing-warm-up\` on the line [idle-allowance]
 1 │ // allow: missing-warm-up, scale-befor-norm
   │           ^^^^^^^^^^^^^^^
  help: remove the allowance

a.tfm:1:28: warning: there is no lint \`scale-befor-norm\` to allow [unknown-allowance]
 1 │ // allow: missing-warm-up, scale-befor-norm
   │                            ^^^^^^^^^^^^^^^^
  help: did you mean \`scale-before-norm\`?
`,
  );
  assert.equal(codes(`${good}// "allow: missing-warm-up"\n`), []);
});

test('a finding in the library is carried, and silenced, by the line of the user that led there', () => {
  const text = lintedSpec({ scheme: 'PostNorm' });
  const [found] = warningsOf(text);
  assert.is(found?.span?.source.path, 'a.tfm');
  assert.is(found?.labels[0]?.span.source.path, 'std/schemes.tfm');
  assert.equal(codes(text.replace('    x = scheme.block', '    // allow: missing-warm-up\n    x = scheme.block')), []);
});

test('a scheme of the user carries advice as those of the library do', () => {
  const shrunk = { head: 'weights **.{wo, w_down} { init = normal(0.02 / sqrt(2 * depth)) }' };
  const site = 'x + f(N(x))';
  assert.equal(codes(lintedSpec({ ...shrunk, site })), []);
  assert.equal(codes(lintedSpec({ ...shrunk, site, advice: '(plain_init = "my notes",)' })), ['scaled-init']);
});

test('no scheme of the library is warned of under a plain training', () => {
  const text = lintedSpec({ scheme: 'PreNorm', lr: '1e-3 * warmup(4)' });
  const schemes =
    'PreNorm PostNorm LNS DeepNorm Sandwich PeriLN OLMo2 MixLN() Parallel GPAS() ReZero SkipInit() LayerScale() KEEL B2T ResiDual CompleteP()';
  for (const scheme of schemes.split(' ')) assert.equal(codes(text, [`scheme=${scheme}`]), [], scheme);
});

test('no example and no spec of the oracle is warned of', () => {
  const specs = [
    ...readdirSync('examples')
      .filter((file) => file.endsWith('.tfm'))
      .map((file) => `examples/${file}`),
    ...ORACLE_CASES.map((name) => `spec/oracle/${name}/model.tfm`),
  ];
  assert.ok(specs.length > 8);
  for (const path of specs) assert.equal(check({ source: readSpec(path), set: [] }).warnings, [], path);
});

test('check --deny-warnings ends with 1, and says the same as JSON', async () => {
  const folder = temporaryFolder({ 'bad.tfm': lintedSpec(POST), 'good.tfm': lintedSpec({ site: 'x + f(N(x))' }) });
  assert.is((await runMain('check', `${folder}/good.tfm`, '--deny-warnings')).exit, 0);
  const told = await runMain('check', `${folder}/bad.tfm`);
  assert.is(told.exit, 0);
  assert.match(told.err, '[missing-warm-up]');
  assert.is((await runMain('check', `${folder}/bad.tfm`, '--deny-warnings')).exit, 1);
  const { out, exit } = await runMain('check', `${folder}/bad.tfm`, '--deny-warnings', '--json');
  assert.is(exit, 1);
  const [found] = JSON.parse(out).diagnostics;
  assert.is(found.code, 'missing-warm-up');
  assert.is(found.severity, 'warning');
});

test.run();
