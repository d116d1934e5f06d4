/** The colours of editors: the TextMate grammar against the lexer, and what the extension is made of. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import oniguruma from 'vscode-oniguruma';
import textmate from 'vscode-textmate';
import { findServer } from '../editor/vscode/src/find-server.ts';
import { KEYWORDS } from '../grammar/tokens.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { lex } from '../src/compiler/syntax/lex.ts';
import { temporaryFolder } from './support/temporary.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const extension = join(root, 'editor/vscode');
const read = (path: string): string => readFileSync(join(extension, path), 'utf8');
const wasm = readFileSync(createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm'));
await oniguruma.loadWASM(wasm);
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (sources) => new oniguruma.OnigScanner(sources),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(read('tfm.tmLanguage.json'), 'tfm.tmLanguage.json'),
});
const grammar = present(await registry.loadGrammar('source.tfm'), 'the grammar');

interface Coloured {
  readonly text: string;
  readonly start: number;
  /** The innermost scope, without `.tfm`. */
  readonly scope: string;
}

function colour(text: string): readonly Coloured[] {
  let state = textmate.INITIAL;
  let start = 0;
  return text.split('\n').flatMap((line) => {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    const found = tokens.map(({ startIndex, endIndex, scopes }) => ({
      text: line.slice(startIndex, endIndex),
      start: start + startIndex,
      scope: (scopes.at(-1) ?? '').replace(/\.tfm$/, ''),
    }));
    start += line.length + 1;
    return found;
  });
}

const shown = (line: string): readonly string[] =>
  colour(line)
    .filter(({ text }) => text.trim() !== '')
    .map(({ text, scope }) => `${text} ${scope}`);

test('a declaration', () => {
  assert.equal(shown('fn Linear(out: axis, std = 0.02)(x: [.., c]) {'), [
    'fn keyword.declaration',
    'Linear entity.name.function',
    '( punctuation.bracket',
    'out variable.other',
    ': punctuation.separator',
    'axis keyword.declaration',
    ', punctuation.separator',
    'std variable.other.assignment',
    '= keyword.operator.assignment',
    '0.02 constant.numeric',
    ') punctuation.bracket',
    '( punctuation.bracket',
    'x variable.other',
    ': punctuation.separator',
    '[ punctuation.bracket',
    '.. keyword.operator.selector',
    ', punctuation.separator',
    'c variable.other',
    '] punctuation.bracket',
    ') punctuation.bracket',
    '{ punctuation.bracket',
  ]);
});

test('an expression, a comment and a doc comment', () => {
  assert.equal(shown('y = x => -x.w_1 @[c] sqrt(2e-3) != inf // why'), [
    'y variable.other.assignment',
    '= keyword.operator.assignment',
    'x variable.parameter',
    '=> keyword.operator.arrow',
    '- keyword.operator.arithmetic',
    'x variable.other',
    '. punctuation.accessor',
    'w_1 variable.other.member',
    '@ keyword.operator.arithmetic',
    '[ punctuation.bracket',
    'c variable.other',
    '] punctuation.bracket',
    'sqrt entity.name.function.call',
    '( punctuation.bracket',
    '2e-3 constant.numeric',
    ') punctuation.bracket',
    '!= keyword.operator.comparison',
    'inf constant.language',
    '// why comment.line.double-slash',
  ]);
  assert.equal(shown('/// Says.'), ['/// Says. comment.line.documentation']);
  assert.equal(shown('//// no words'), ['//// no words comment.line.double-slash']);
});

test('strings end with their line, and escapes are those of the language', () => {
  assert.equal(
    colour('"a\\n\\d"').map(({ text, scope }) => `${text} ${scope}`),
    [
      '" string.quoted.double',
      'a string.quoted.double',
      '\\n constant.character.escape',
      '\\d invalid.illegal.escape',
      '" string.quoted.double',
    ],
  );
  assert.is(colour('x = "open\nfor').at(-1)?.scope, 'keyword.control');
});

test('the keywords are those of the lexer', () => {
  const { repository } = JSON.parse(read('tfm.tmLanguage.json'));
  const patterns: readonly { readonly match: string }[] = repository.keywords.patterns;
  const words = patterns.flatMap(({ match }) => (/^\\b\(([a-z|]+)\)\\b$/.exec(match)?.[1] ?? '').split('|'));
  assert.equal([...words].sort(), [...KEYWORDS].sort());
});

const CLASSES: readonly (readonly [token: RegExp, scope: RegExp])[] = [
  [
    new RegExp(`^(?:${KEYWORDS.join('|')})$`),
    /^(?:keyword\.(?:declaration|control|operator\.word)|constant\.language)$/,
  ],
  [/^[0-9]/, /^constant\.numeric$/],
  [/^"/, /^string\.quoted\.double$/],
  [/^[A-Za-z_]/, /^(?:variable|entity|support)\./],
  [/^[(){}[\]]$/, /^punctuation\.bracket$/],
];

test('every word of every example and of the library has the colour of its kind', () => {
  const folders = ['examples', 'examples/gallery', 'src/std'].map((name) => join(root, name));
  const files = folders.flatMap((f) => readdirSync(f).flatMap((n) => (n.endsWith('.tfm') ? [join(f, n)] : [])));
  assert.ok(files.length > 60);
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const coloured = colour(text);
    const { tokens, comments, docs } = lex(makeSource(file, text));
    const scopeAt = (offset: number): string => coloured.findLast(({ start }) => start <= offset)?.scope ?? '';
    for (const { image, startOffset } of tokens.filter((token) => token.image.trim() !== '')) {
      const expected = CLASSES.find(([token]) => token.test(image))?.[1] ?? /^(?:keyword\.operator|punctuation)\./;
      assert.match(scopeAt(startOffset), expected, `${image} at ${startOffset} of ${file}`);
    }
    for (const { startOffset } of comments) assert.is(scopeAt(startOffset), 'comment.line.double-slash');
    for (const { startOffset } of docs) assert.is(scopeAt(startOffset), 'comment.line.documentation');
  }
});

test('the extension names files that are there', () => {
  const { contributes, version } = JSON.parse(read('package.json'));
  const [language] = contributes.languages;
  const [colours] = contributes.grammars;
  assert.equal(language.extensions, ['.tfm']);
  const configuration = JSON.parse(read(language.configuration));
  assert.is(configuration.comments.lineComment, '//');
  assert.is(JSON.parse(read(colours.path)).scopeName, colours.scopeName);
  assert.is(version, JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version);
  const increase = new RegExp(configuration.indentationRules.increaseIndentPattern);
  assert.ok(increase.test('model M(x = 1)(y: [a]) {') && increase.test('x = f(  // why'));
  assert.not.ok(increase.test('y = f(x)') || increase.test('// like {'));
});

test('the extension starts the server of the settings, of the workspace, or of the path', () => {
  const entry = 'node_modules/tfm/dist/src/cli/main.js';
  const has = temporaryFolder({ [entry]: '' });
  const clone = temporaryFolder({ 'package.json': '{ "name": "tfm" }', 'dist/src/cli/main.js': '' });
  const other = temporaryFolder({ 'package.json': '{ "name": "other" }', 'dist/src/cli/main.js': '' });
  const broken = temporaryFolder({ 'package.json': '{' });
  assert.equal(findServer('/opt/tfm', [has], 'linux'), { command: '/opt/tfm', args: ['lsp'], shell: false });
  assert.equal(findServer('', [other, has], 'linux'), {
    command: 'node',
    args: [join(has, entry), 'lsp'],
    shell: false,
  });
  assert.is(findServer('', [clone], 'linux').args[0], join(clone, 'dist/src/cli/main.js'));
  assert.equal(findServer('', [other, broken], 'linux'), { command: 'tfm', args: ['lsp'], shell: false });
  assert.equal(findServer('', [], 'win32'), { command: 'tfm', args: ['lsp'], shell: true });
});

test.run();
