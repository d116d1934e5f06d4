/** What an editor asks of a text that is written: over the protocol, as editors do. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { CodeAction, CompletionItem, Diagnostic, TextEdit, WorkspaceEdit } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { positionOf, startLanguageClient } from './support/language-client.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const custom = readFileSync(join(root, 'examples/custom.tfm'), 'utf8');
const client = await startLanguageClient();
client.write('custom.tfm', custom);

async function codes(name: string, text: string): Promise<string[]> {
  client.write(name, text);
  return (await client.diagnostics(name)).map((d) => String(d.code));
}

async function actions(name: string, { range }: Diagnostic): Promise<CodeAction[]> {
  return client.request<CodeAction[]>('codeAction', name, { range, context: { diagnostics: [] } });
}

/** `text` after the edits of a document. */
function edited(name: string, text: string, { changes }: WorkspaceEdit): string {
  const edits: TextEdit[] = changes?.[client.uri(name)] ?? [];
  return TextDocument.applyEdits(TextDocument.create(name, 'tfm', 1, text), edits);
}

/** The text after the first fix of its only diagnostic. */
async function mended(text: string): Promise<string> {
  client.write('mend.tfm', text);
  const [diagnostic, ...more] = await client.diagnostics('mend.tfm');
  assert.is(more.length, 0);
  if (!diagnostic) throw new Error('nothing is wrong');
  const [action] = await actions('mend.tfm', diagnostic);
  if (!action?.edit) throw new Error(`no fix for ${diagnostic.message}`);
  return edited('mend.tfm', text, action.edit);
}

test('diagnostics: the syntax, the meaning, warnings, and none any more', async () => {
  assert.equal(await codes('a.tfm', custom.replace('+ N(slow)', '+ + N(slow)')), ['expected-expression']);
  assert.equal(await codes('a.tfm', custom.replace('bend(x @ w_gate)', 'bnd(x @ w_gate)')), ['unknown-name']);
  const unread = custom.replace('embed = Emb', 'for i in 1..2 { unread = i }\n  embed = Emb');
  assert.equal(await codes('a.tfm', unread), ['unused-binding']);
  assert.equal(await codes('a.tfm', custom), []);
});

test('formatting: the canonical form, in one edit or none', async () => {
  const options = { tabSize: 2, insertSpaces: true };
  const formatted = async (name: string, text: string): Promise<string> => {
    client.write(name, text);
    const edits = await client.request<TextEdit[]>('formatting', name, { options });
    assert.ok(edits.length < 2);
    return TextDocument.applyEdits(TextDocument.create(name, 'tfm', 1, text), edits);
  };
  assert.is(await formatted('loose.tfm', `${custom.replaceAll('  ', '\t').replaceAll(' = ', '=')}\n\n`), custom);
  assert.is(await formatted('loose.tfm', '\ufeffa=1\r\nb = "𝛼"'), '\ufeffa = 1\r\nb = "𝛼"\r\n');
  for (const text of [custom, 'a = )\n', '']) assert.is(await formatted('same.tfm', text), text);
});

test('diagnostics: several at once, with their places and what explains them', async () => {
  const text = custom.replace('sqrt(l)', 'sqrt(ll)').replace('clip = 1', 'clop = 1');
  client.write('two.tfm', text);
  const found = await client.diagnostics('two.tfm');
  assert.equal(
    found.map(({ code, range, severity, source }) => [code, range.start, severity, source]),
    [
      ['unknown-train-key', positionOf(text, 'clop'), 1, 'tfm'],
      ['unknown-name', positionOf(text, 'll)'), 1, 'tfm'],
    ],
  );
  assert.match(String(found[0]?.message), /help: did you mean `clip`\?$/);
});

test('diagnostics: what is wrong in the library is shown at the call, with the place beside', async () => {
  const text = custom.replace('Attention(heads)', 'Attention(7)');
  client.write('call.tfm', text);
  const [diagnostic] = await client.diagnostics('call.tfm');
  assert.equal(diagnostic?.range.start.line, positionOf(text, 'f(N(mix').line);
  assert.ok((diagnostic?.relatedInformation ?? []).length > 0);
});

test('diagnostics: a file of functions is no model and need not be one; a closed file has none', async () => {
  assert.equal(await codes('module.tfm', 'fn twice(x) = 2 * x\nten = twice(5)\n'), []);
  assert.equal(await codes('module.tfm', 'ten = twice(5)\n'), ['unknown-name']);
  client.close('module.tfm');
  assert.equal(await codes('module.tfm', ''), []);
});

test('diagnostics: what takes too long is cut short, and the server goes on', async () => {
  const slow = '  s = 0\n  for i in 1..4000 { for j in 1..4000 { s = s + i * j } }\n';
  assert.equal(await codes('slow.tfm', custom.replace('  embed = Emb', `${slow}  embed = Emb`)), ['check-cut-short']);
  // So many ops are left to `tfm check` to lint.
  const long = '  z = logits\n  for i in 1..1500 { z = z + i * z }\n';
  assert.equal(await codes('slow.tfm', custom.replace('  loss =', `${long}  loss =`)), []);
  assert.equal(await codes('slow.tfm', custom), []);
});

test('quick fixes: what was meant', async () => {
  const cases: readonly (readonly [right: string, wrong: string])[] = [
    ['bend(x @ w_gate)', 'bnd(x @ w_gate)'],
    ['scheme.enter(', 'scheme.entr('],
    ['over = vocab)', 'over = vocb)'],
    ['where = targets', 'were = targets'],
    ['clip = 1', 'clop = 1'],
    ['w_up: [width -> hidden]', 'w_up: [width → hidden]'],
    ['/ sqrt(l)', '/ sqrt(l))'],
    ['w_up: [width -> hidden]', 'w_up: [widht -> hidden]'],
  ];
  for (const [right, wrong] of cases) assert.is(await mended(custom.replace(right, wrong)), custom);
  const decayed = custom.replace('[width -> hidden] ~ normal(0.02)', '[width -> hidden] ~ normal(0.02) { decay = 0 }');
  assert.is(await mended(decayed.replace('{ decay', '{ decoy')), decayed);
  const keyword = custom.replace('fn bend(x) = x', 'fn bend(in) = x');
  assert.is(await mended(keyword), keyword.replace('(in)', '(in_)'));
});

test('quick fixes: a name of another file, and of a lint', async () => {
  client.write('names.tfm', 'fn Slow(x) = x\n');
  assert.is(await mended('use "./names.tfm".{Slwo}\n'), 'use "./names.tfm".{Slow}\n');
  const allowing = custom.replace(
    '  embed = E',
    '  for i in 1..2 { unread = i } // allow: unused-binding\n  embed = E',
  );
  assert.equal(await codes('mend.tfm', allowing), []);
  const wrong = custom.replace('  embed = E', '  // allow: unused-bindng\n  embed = E');
  assert.is(await mended(wrong), wrong.replace('bindng', 'binding'));
});

test('quick fixes: a name of the library is brought in', async () => {
  const without = custom.replace('use std.{Attention, Embedding, Linear}', 'use std.{Attention, Embedding}');
  assert.is(
    await mended(without),
    without.replace('use std.schemes.{Scheme}', 'use std.schemes.{Scheme}\nuse std.linear.{Linear}'),
  );
  const scheme = custom.replace('scheme = TwoStreams', 'scheme = PreNorm');
  assert.is(await mended(scheme), scheme.replace('{Scheme}', '{Scheme, PreNorm}'));
});

test('quick fixes: a lint is allowed on the line above, and in the comment that is there', async () => {
  const loop = '  for i in 1..2 {\n    unread = i\n  }\n';
  const text = custom.replace('  embed = Emb', `${loop}  embed = Emb`);
  client.write('allow.tfm', text);
  const [diagnostic] = await client.diagnostics('allow.tfm');
  if (!diagnostic) throw new Error('nothing is wrong');
  const found = await actions('allow.tfm', diagnostic);
  assert.equal(
    found.map(({ title }) => title),
    ['Replace with `_unread`', 'Allow `unused-binding` here'],
  );
  const allowed = edited('allow.tfm', text, found[1]?.edit ?? {});
  assert.match(allowed, /\n {4}\/\/ allow: unused-binding\n {4}unread = i\n/);
  assert.equal(await codes('allow.tfm', allowed), []);
  const start = { line: 0, character: 0 };
  assert.equal(await actions('allow.tfm', { range: { start, end: start }, message: '' }), []);
});

async function renamed(text: string, pattern: string, newName: string): Promise<string> {
  client.write('rename.tfm', text);
  const position = positionOf(text, pattern);
  try {
    const edit = await client.request<WorkspaceEdit>('rename', 'rename.tfm', { position, newName });
    return edited('rename.tfm', text, edit);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('rename: every place, and the program means the same', async () => {
  const wide = await renamed(custom, 'width: axis', 'wide');
  assert.is(wide, custom.replace('width: axis = 96', 'wide: axis = 96').replace('(vocab, width)', '(vocab, wide)'));
  assert.equal(await codes('rename.tfm', wide), []);
  const length = await renamed(custom, 'time], targets', 'length');
  assert.is(length, custom.replace(/\btime\b/g, 'length'));
  assert.equal(await codes('rename.tfm', length), []);
  const stream = await renamed(custom, 'x = scheme.enter', 'stream');
  assert.equal(await codes('rename.tfm', stream), []);
  assert.is(stream.match(/\bstream\b/g)?.length, 4);
  const tied = custom
    .replace('Linear(vocab)(final)', 'final @ own.table')
    .replace('embed = Embedding(vocab, width)', 'own = Own(vocab, width)\n  embed = own')
    .replace(', Embedding, Linear}', '}')
    .concat(
      'fn Own(v: axis, c: axis)(ids: int[..]) {\n  param table: [v -> c] ~ normal(0.02)\n  return table[v = ids]\n}\n',
    );
  assert.equal(await codes('rename.tfm', tied), []);
  assert.is(await renamed(tied, 'table: [v', 'rows'), tied.replace(/\btable\b/g, 'rows'));
});

test('rename: refuses what clashes, what is not the user’s, and what weights are called after', async () => {
  assert.match(await renamed(custom, 'width: axis', 'depth'), /`depth` is bound already, in line 34/);
  assert.match(await renamed(custom, 'width: axis', 'embed'), /`embed` is bound already/);
  assert.match(await renamed(custom, 'width: axis', 'softmax'), /name of the language/);
  assert.match(await renamed(custom, 'width: axis', 'silu'), /name of the language/);
  assert.match(await renamed(custom, 'width: axis', 'for'), /`for` is a keyword/);
  assert.match(await renamed(custom, 'width: axis', '2x'), /is no name/);
  assert.match(await renamed(custom, 'Attention(heads)', 'A'), /`Attention` belongs to the library/);
  assert.match(await renamed(custom, 'softplus(x))\n', 'A'), /`softplus` belongs to the library/);
  assert.match(await renamed(custom, 'max(abs', 'A'), /Nothing in the open files binds `max`/);
  assert.match(await renamed(custom, 'attn = ', 'A'), /key of a record/);
  const rule = custom.replace('  embed = Emb', '  weights layer.** { lr = 2 }\n  embed = Emb');
  assert.match(await renamed(rule, 'layer in', 'block'), /part of the names of weights, which line 36 selects/);
});

/** What is proposed where `¦` stands. */
async function completed(marked: string): Promise<readonly CompletionItem[]> {
  const text = marked.replace('¦', '');
  client.write('complete.tfm', text);
  return client.request<CompletionItem[]>('completion', 'complete.tfm', { position: positionOf(marked, '¦') });
}

const labels = async (marked: string): Promise<readonly string[]> =>
  (await completed(marked)).map(({ label }) => label);
const inLoop = (line: string): string => custom.replace('..depth {\n', `..depth {\n    ${line}\n`);
const inTrain = (line: string): string => custom.replace('  clip = 1\n', `  ${line}\n`);

test('completion: keys of records and fields of instances', async () => {
  assert.equal(await labels(inLoop('y = scheme.¦')), ['site', 'block', 'enter', 'leave', 'advice']);
  assert.equal(await labels(inLoop('y = scheme.bl¦')), ['site', 'block', 'enter', 'leave', 'advice']);
  const fields = await completed(custom.replace('  logits =', '  z = embed.¦\n  logits ='));
  assert.equal(
    fields.map(({ label, detail }) => [label, detail]),
    [
      ['vocab', 'axis vocab of size 256'],
      ['width', 'axis width of size 96'],
      ['ids', 'int[batch 16, time 64]'],
      ['table', '[vocab 256, width 96]'],
    ],
  );
  assert.equal(await labels(inLoop('y = depth.¦')), []);
});

test('completion: names in scope with what they are, the library with its words', async () => {
  const found = await completed(inLoop('y = ¦'));
  const detail = (label: string): string | undefined => found.find((item) => item.label === label)?.detail;
  assert.is(detail('x'), '([batch 16, time 64, width 96], [batch 16, time 64, width 96])');
  assert.is(detail('layer'), '1, 2, 3, 4, 5, 6');
  assert.is(detail('Gated'), 'fn Gated(hidden: axis)(x: [.., width])');
  assert.is(detail('silu'), 'fn silu(x)');
  assert.ok(['softmax', 'TwoStreams', 'if', 'embed'].every((label) => found.some((item) => item.label === label)));
  assert.not.ok(found.some((item) => item.label === 'gain'));
  assert.not.ok((await labels(custom.replace('  embed = E', '  y = ¦\n  embed = E'))).includes('layer'));
});

test('completion: named arguments, axes, attributes, keys of train blocks', async () => {
  const inCall = await completed(inLoop('y = Attention(heads, ¦'));
  assert.equal(
    inCall.slice(0, 3).map(({ label, insertText }) => [label, insertText]),
    [
      ['kv', 'kv = '],
      ['head', 'head = '],
      ['mask', 'mask = '],
    ],
  );
  assert.not.ok((await labels(inLoop('y = Attention(heads, kv = 2, ¦)'))).includes('kv'));
  assert.equal([...(await labels(inLoop('y = x @[¦')))].sort(), ['batch', 'hidden', 'time', 'vocab', 'width']);
  assert.equal(await labels(custom.replace('~ normal(0.02)', '~ normal(0.02) { ¦')), [
    ...['init', 'lr', 'eps', 'decay', 'clip', 'freeze', 'after', 'via'],
  ]);
  assert.equal(await labels(custom.replace('~ normal(0.02)', '~ normal(0.02) { decay = 0; ¦}')), [
    ...['init', 'lr', 'eps', 'clip', 'freeze', 'after', 'via'],
  ]);
  const keys = await labels(inTrain('se¦'));
  assert.ok(keys.includes('seed') && keys.includes('clip') && !keys.includes('batch') && !keys.includes('steps'));
});

test('completion: modules and what they hold, words of statements and of files', async () => {
  assert.ok((await labels(custom.replace('use std.{', 'use std.¦\nuse std.{'))).includes('schemes'));
  const schemes = await completed(custom.replace('{Scheme}', '{Scheme, ¦}'));
  assert.ok(schemes.some(({ label, documentation }) => label === 'LNS' && documentation !== undefined));
  assert.not.ok(schemes.some(({ label }) => label === 'Scheme'));
  assert.ok((await labels(inLoop('pr¦'))).includes('probe'));
  assert.equal(await labels(`${custom}\nmo¦`), ['use', 'fn', 'model', 'train']);
});

test('completion: nothing in comments and strings', async () => {
  assert.equal(await labels(inLoop('// y = scheme.¦')), []);
  assert.equal(await labels(custom.replace('"npm:', '"npm:¦')), []);
});

test('nothing was written, nothing was logged, and it ends with 0', async () => {
  assert.ok(existsSync(client.folder));
  assert.equal(readdirSync(client.folder), []);
  assert.equal(client.logged, []);
  assert.is(await client.stop(), 0);
});

test.run();
