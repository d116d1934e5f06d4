/** Text that is half typed: every question has an answer within a second, and none finds a defect. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startLanguageClient } from './support/language-client.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const llama = readFileSync(join(root, 'examples/llama.tfm'), 'utf8');
const SMALL = `use std.{Linear}
use std.schemes.{Scheme}
Half = Scheme(site = (x, f, N, l, L) => x + f(N(x)) / l ^ 0.5)
/// One layer.
fn Up(c: axis)(x: [.., w]) {
  param a: [w -> c] ~ normal(0.02) { decay = 0 }
  param b: [c -> w] ~ 0
  y = silu(x @ a)
  return y @[c] b
}
model M(vocab: axis = 16, n = 4)(tokens: int[batch, time], targets: int[batch, time]) {
  param table: [vocab] ~ 1
  axis next = 2 * vocab
  x = table[vocab = tokens] @[] float(index(next))
  for l in 1..n { x = Half.block(x, (a = Up(8), b = Up(4)), y => y, l, n) }
  weights l.**.{a} { lr = 2 }
  if n > 3 { x = -x } else { x = x[next -> next] }
  loss = mean(cross_entropy(Linear(vocab)(x), targets, over = vocab))
}
train M() { data = text("a.txt"); batch = 2; time = 4; steps = 3; probe p = mean(x) }
`;
const SECOND_MS = 1000;
const client = await startLanguageClient();

/** Asks everything of a text, at one place of it. */
async function ask(text: string, offset: number): Promise<void> {
  const before = text.slice(0, offset).split('\n');
  const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
  const range = { start: { line: 0, character: 0 }, end: position };
  client.write('fuzz.tfm', text);
  const questions: readonly (readonly [string, object])[] = [
    ['completion', { position }],
    ['hover', { position }],
    ['definition', { position }],
    ['references', { position, context: { includeDeclaration: true } }],
    ['codeAction', { range, context: { diagnostics: [] } }],
    ['inlayHint', { range }],
    ['documentSymbol', {}],
    ['foldingRange', {}],
    ['semanticTokens/full', {}],
  ];
  for (const [method, more] of questions) {
    const start = performance.now();
    await client.request(method, 'fuzz.tfm', more);
    const took = performance.now() - start;
    assert.ok(took < SECOND_MS, `${method} took ${Math.round(took)} ms at ${offset} of:\n${text}`);
  }
  assert.equal(client.logged, []);
}

/** The first questions load the compiler. */
test.before(() => ask(llama, 0).catch(() => undefined));

test('every prefix of a spec', async () => {
  for (let end = 0; end <= SMALL.length; end += 1) await ask(SMALL.slice(0, end), end);
});

test('a spec without one character, and with one that does not belong there', async () => {
  const signs = '(){}[],=.@;"~>-';
  for (let at = 0; at < SMALL.length; at += 1) {
    await ask(SMALL.slice(0, at) + SMALL.slice(at + 1), at);
    if (at % 7 === 0) await ask(SMALL.slice(0, at) + signs.charAt(at % signs.length) + SMALL.slice(at), at + 1);
  }
});

test('an example, cut and thinned at every thirty-first character', async () => {
  for (let at = 0; at < llama.length; at += 31) {
    await ask(llama.slice(0, at), at);
    await ask(llama.slice(0, at) + llama.slice(at + 1), at);
  }
});

test('texts that are no specs, and documents that are no files', async () => {
  for (const text of [
    '\u0000',
    '\ufeff',
    '𝛼'.repeat(99),
    '('.repeat(500),
    '{\n'.repeat(99),
    '"',
    'use "./fuzz.tfm".{x}',
  ]) {
    await ask(text, text.length);
    await ask(text, 0);
  }
  client.write('untitled:Untitled-1', SMALL);
  assert.equal(await client.diagnostics('untitled:Untitled-1'), []);
  assert.is(await client.request('hover', 'nowhere.tfm', { position: { line: 0, character: 0 } }), null);
  assert.equal(await client.request('completion', 'fuzz.tfm', { position: { line: 9999, character: 9999 } }), []);
});

test('it ends with 0', async () => {
  assert.is(await client.stop(), 0);
});

test.run();
