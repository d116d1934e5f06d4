/** What an editor asks of a text that is read: over the protocol, as editors do. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DocumentSymbol, FoldingRange, Hover, InlayHint, Location, SemanticTokens } from 'vscode-languageserver';
import { present } from '../src/compiler/support/invariant.ts';
import { positionOf, startLanguageClient } from './support/language-client.ts';
import { runMain } from './support/run-cli.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const custom = readFileSync(join(root, 'examples/custom.tfm'), 'utf8');
const SCHEMES = `use std.schemes.{Scheme}

/// x + f(N(x)) / l.
fn Slow(power = 1) = Scheme(site = (x, f, N, l, L) => x + f(N(x)) / l ^ power)
`;
const USER = custom
  .replace('use std.schemes.{Scheme}', 'use std.schemes.{Scheme}\nuse "./schemes.tfm".{Slow}')
  .replace('scheme = TwoStreams', 'scheme = Slow()');

const client = await startLanguageClient({ 'schemes.tfm': SCHEMES });
client.write('custom.tfm', custom);

async function hover(text: string, pattern: string, by = 0, name = 'custom.tfm'): Promise<string | undefined> {
  const found = await client.request<Hover | null>('hover', name, { position: positionOf(text, pattern, by) });
  const contents = found?.contents;
  return typeof contents === 'object' && 'value' in contents ? contents.value : undefined;
}

async function definition(text: string, pattern: string, by = 0, name = 'custom.tfm'): Promise<string[]> {
  const found = await client.request<Location[]>('definition', name, { position: positionOf(text, pattern, by) });
  return found.map(place);
}

async function references(text: string, pattern: string, name = 'custom.tfm'): Promise<string[]> {
  const found = await client.request<Location[]>('references', name, {
    position: positionOf(text, pattern),
    context: { includeDeclaration: true },
  });
  return found.map(place);
}

/** `custom.tfm:3:7`, counted from 1 as messages do. */
function place({ uri, range: { start } }: Location): string {
  return `${uri.split('/').at(-1)}:${start.line + 1}:${start.character + 1}`;
}

/** The place of the first character of `pattern`. */
function placeOf(text: string, pattern: string, by = 0, name = 'custom.tfm'): string {
  return place({ uri: name, range: { start: positionOf(text, pattern, by), end: { line: 0, character: 0 } } });
}

const code = (text: string): string => `\`\`\`tfm\n${text}\n\`\`\``;

test('hover: axes and sizes of what is computed', async () => {
  assert.is(await hover(custom, '+ max(abs'), code('[batch 16, time 64]'));
  assert.is(await hover(custom, 'logits = Linear'), code('logits: [batch 16, time 64, vocab 256]'));
  assert.is(await hover(custom, 'fast + (1'), code('fast: [batch 16, time 64, width 96]'));
  assert.is(await hover(custom, 'width: axis'), code('width: axis width of size 96'));
});

test('hover: a constant has a value at each depth', async () => {
  assert.is(await hover(custom, 'sqrt(l)'), code('sqrt(x)\n=> 1, 1.4, 1.7, 2, 2.2, 2.4'));
  assert.is(await hover(custom, 'layer, depth)'), code('layer: 1, 2, 3, 4, 5, 6'));
  assert.is(await hover(custom, 'depth = 6'), code('depth: 6'));
});

test('hover: a function has its signature, its words and what it takes', async () => {
  const attention = present(await hover(custom, 'Attention(heads)'), 'a hover');
  assert.match(attention, /fn Attention\(heads, kv: axis = heads, head: axis = width \/ heads,/);
  assert.match(attention, /softmax\(q k \/ sqrt\(head\)\) v, with `heads` queries/);
  assert.match(attention, /36_864 numbers in weights/);
  const gated = present(await hover(custom, 'Gated(hidden: axis)'), 'a hover');
  assert.match(gated, /A gated feed-forward network with `bend` for silu\.\n\n73_728 numbers in weights/);
  assert.match(present(await hover(custom, 'softplus(x))\n'), 'a hover'), /fn softplus\(x\)[\s\S]*by sign/);
});

test('hover: the weights of a whole model are those that `tfm params` counts', async () => {
  const { out } = await runMain('params', join(root, 'examples/custom.tfm'), '--json');
  const { parameters } = JSON.parse(out).totals;
  const text = present(await hover(custom, 'Custom(vocab'), 'a hover').replaceAll('_', '');
  assert.match(text, new RegExp(`${parameters} numbers in weights`));
});

test('hover: an instance, a record, an argument, a number, and nothing at all', async () => {
  assert.match(present(await hover(custom, 'attn = Att'), 'a hover'), /^```tfm\nattn: an instance of Attention\n```/);
  assert.match(present(await hover(custom, 'scheme.leave'), 'a hover'), /scheme: a record with site, block, enter/);
  const argument = custom.replace('Attention(heads)', 'Attention(heads, kv = 2)');
  client.write('argument.tfm', argument);
  assert.is(await hover(argument, 'kv = 2', 0, 'argument.tfm'), code('kv: axis = heads'));
  assert.is(await hover(custom, '0.5'), code('0.5'));
  assert.is(await hover(custom, '// A norm'), undefined);
});

test('hover: a text with an error still knows what stands before it', async () => {
  const broken = custom.replace('final = scheme.leave(x, N)', 'final = scheme.leave(x,, N)');
  client.write('broken.tfm', broken);
  assert.equal(
    (await client.diagnostics('broken.tfm')).map((d) => d.code),
    ['expected-expression'],
  );
  assert.is(
    await hover(broken, 'x = scheme.enter', 0, 'broken.tfm'),
    code('x: ([batch 16, time 64, width 96], [batch 16, time 64, width 96])'),
  );
});

test('definition: locals, parameters, axes, keys of train blocks', async () => {
  assert.equal(await definition(custom, 'final)'), [placeOf(custom, 'final =')]);
  assert.equal(await definition(custom, 'width)\n  x ='), [placeOf(custom, 'width: axis')]);
  assert.equal(await definition(custom, 'width] ~'), [placeOf(custom, 'width]) {')]);
  assert.equal(await definition(custom, 'time = 64'), [placeOf(custom, 'time], targets')]);
  // Loops carry `x`, so its last binding before the use is the one that is read.
  assert.equal(await definition(custom, 'x, N)\n  logits'), [placeOf(custom, 'x = scheme.block')]);
});

test('definition: the library, keys of records, fields of instances', async () => {
  assert.equal(await definition(custom, 'Attention, E'), await definition(custom, 'Attention(heads)'));
  assert.match((await definition(custom, 'Attention(heads)'))[0] ?? '', /^attention\.tfm:\d+:4$/);
  assert.match((await definition(custom, 'softplus(x))\n'))[0] ?? '', /^prelude\.tfm/);
  assert.match((await definition(custom, 'scheme.block', 7))[0] ?? '', /^schemes\.tfm/);
  assert.match((await definition(custom, 'enter = ('))[0] ?? '', /^schemes\.tfm/);
  const tied = custom.replace('Linear(vocab)(final)', 'final @ embed.table');
  client.write('tied.tfm', tied);
  assert.match((await definition(tied, 'embed.table', 6, 'tied.tfm'))[0] ?? '', /^linear\.tfm/);
  assert.equal(await definition(custom, 'tanh('), []);
});

test('a file that another uses is seen as its editor has it, saved or not', async () => {
  client.write('user.tfm', USER);
  assert.equal(await client.diagnostics('user.tfm'), []);
  assert.equal(await definition(USER, 'Slow()', 0, 'user.tfm'), [placeOf(SCHEMES, 'Slow(', 0, 'schemes.tfm')]);
  const changed = SCHEMES.replace('fn Slow', 'fn Slower');
  client.write('schemes.tfm', changed);
  client.write('user.tfm', USER);
  assert.equal(
    (await client.diagnostics('user.tfm')).map((d) => d.code),
    ['unknown-export'],
  );
  client.write('schemes.tfm', SCHEMES);
  assert.equal(await references(SCHEMES, 'Slow(', 'schemes.tfm'), [
    'schemes.tfm:4:4',
    placeOf(USER, 'Slow}', 0, 'user.tfm'),
    placeOf(USER, 'Slow()', 0, 'user.tfm'),
  ]);
  client.close('schemes.tfm');
  client.write('user.tfm', USER);
  assert.equal(await client.diagnostics('user.tfm'), []);
});

test('references: by position, by name, as arguments and as keys', async () => {
  assert.equal(await references(custom, 'time], targets'), [
    placeOf(custom, 'time], targets'),
    placeOf(custom, 'time]) {'),
    placeOf(custom, 'time = 64'),
  ]);
  assert.is((await references(custom, 'x = scheme.enter')).length, 4);
  const named = custom.replace('Gated(hidden)', 'Gated(hidden = hidden)');
  client.write('named.tfm', named);
  assert.equal(await references(named, 'hidden: axis)(x', 'named.tfm'), [
    placeOf(named, 'hidden: axis)(x', 0, 'named.tfm'),
    placeOf(named, 'hidden] ~', 0, 'named.tfm'),
    placeOf(named, 'hidden -> width', 0, 'named.tfm'),
    placeOf(named, 'hidden = hidden', 0, 'named.tfm'),
  ]);
  assert.equal(await references(custom, '// A norm'), []);
});

test('symbols, folds and tokens', async () => {
  const symbols = await client.request<DocumentSymbol[]>('documentSymbol', 'custom.tfm');
  assert.equal(
    symbols.map((s) => s.name),
    ['MaxNorm', 'bend', 'Gated', 'TwoStreams', 'Custom', 'train Custom()'],
  );
  assert.equal(
    symbols[4]?.children?.map((s) => s.name),
    ['embed', 'x', 'layer', 'final', 'logits', 'loss'],
  );
  const folds = await client.request<FoldingRange[]>('foldingRange', 'custom.tfm');
  const { line } = positionOf(custom, 'fn MaxNorm');
  assert.ok(folds.some((fold) => fold.startLine === line && fold.endLine === line + 2));
  const tokens = await client.request<SemanticTokens>('semanticTokens/full', 'custom.tfm');
  assert.ok(tokens.data.length > 500 && tokens.data.length % 5 === 0);
  client.write('empty.tfm', '');
  assert.equal(await client.request('documentSymbol', 'empty.tfm'), []);
  assert.equal(await client.request('foldingRange', 'empty.tfm'), []);
});

test('inlay hints: the axes of bindings that do not say them', async () => {
  const range = { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } };
  const hints = await client.request<InlayHint[]>('inlayHint', 'custom.tfm', { range });
  assert.equal(
    hints.map(({ position, label }) => [custom.split('\n')[position.line]?.slice(0, position.character).trim(), label]),
    [
      ['y', ': [batch, time, width]'],
      ['final', ': [batch, time, width]'],
      ['logits', ': [batch, time, vocab]'],
    ],
  );
  const none = { start: { line: 0, character: 0 }, end: { line: 3, character: 0 } };
  assert.equal(await client.request('inlayHint', 'custom.tfm', { range: none }), []);
});

test('positions count UTF-16 units, also behind a byte order mark and with other ends of lines', async () => {
  const text = `\ufeff// 𝛼 is two units\r\nx = "𝛼𝛼"; y = x\r\n`;
  client.write('units.tfm', text);
  const [, line = ''] = text.split('\r\n');
  const at = { line: 1, character: line.lastIndexOf('x') };
  const found = await client.request<Location[]>('definition', 'units.tfm', { position: at });
  assert.equal(found.map(place), ['units.tfm:2:1']);
});

test('it logs no defect and ends with 0', async () => {
  assert.equal(client.logged, []);
  assert.is(await client.stop(), 0);
});

test.run();
