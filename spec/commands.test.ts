/** What commands say of mistakes, whole and with their exit codes. `npm run bless` writes spec/golden/commands.md anew. */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { explanations } from '../src/compiler/diagnostics/catalog.ts';
import { matchesGolden } from './support/golden.ts';
import { runMain } from './support/run-cli.ts';
import { temporaryFolder } from './support/temporary.ts';

const MODEL = `model Bigram(vocab: axis = 256)(tokens: int[batch, time], targets: int[batch, time]) {
  axis next = vocab
  param table: [vocab -> next] ~ 0
  logits = table[vocab = tokens][next -> vocab]
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}
`;
const train = (data: string, more = ''): string =>
  `${MODEL}train Bigram() {\n  ${data}\n  batch = 2\n  time = 8\n  steps = 2\n${more}}\n`;

const folder = temporaryFolder({
  'package.json': '{}',
  'good.tfm': train('data = text("text.txt")'),
  'bare.tfm': MODEL.replace('axis = 256', 'axis = 256, batch: axis = 2, time: axis = 8'),
  'no-data.tfm': train(''),
  'wrong-data.tfm': train('data = text("txet.txt")'),
  'outside.tfm': train('data = text("../*.txt")'),
  'empty.tfm': train('data = text("empty.txt")'),
  'short.tfm': train('data = text("short.txt")'),
  'tokens.tfm': train('data = tokens("tokens.bin")'),
  'small.tfm': train('data = text("text.txt")').replace('vocab: axis = 256', 'vocab: axis = 16'),
  'wants-more.tfm': train('data = text("text.txt")')
    .replace('targets: int[batch, time])', 'targets: int[batch, time], seen: bool[batch, time])')
    .replace('targets >= 0', 'seen'),
  'text.txt': 'the quick brown fox jumps over the lazy dog. '.repeat(20),
  'empty.txt': '',
  'short.txt': 'short',
  'tokens.bin': new Uint8Array([1]),
  'weights.safetensors': 'no weights',
  'names.json': '[]',
  'folder/readme.txt': 'no plan',
});

/** The code that the command ends with, and its words behind `tfm`. */
const CASES: readonly (readonly [code: string, ...argv: readonly string[]])[] = [
  ['spec-unreadable', 'check', 'lama.tfm'],
  ['needs-spec', 'check', 'folder'],
  ['needs-spec', 'compile', 'folder'],
  ['folder-unnamed', 'new'],
  ['folder-exists', 'new', 'folder', '--template', 'gpt2'],
  ['no-specs', 'fmt', 'folder'],
  ['stdin-with-files', 'fmt', '-', 'good.tfm'],
  ['ptx-unwanted', 'compile', 'good.tfm', '--ptx', '--out', 'out'],
  ['folder-not-compiled', 'train', 'folder', '--out', 'run'],
  ['folder-not-compiled', 'params', 'folder'],
  ['unknown-code', 'explain', 'divergd'],
  ['unknown-code', 'explain', 'nothing-like-it'],
  ['unknown-dump', 'compile', 'good.tfm', '--dump', 'fus'],
  ['unknown-setting', 'check', 'good.tfm', '--set', 'vocba=12'],
  ['unknown-setting', 'check', 'good.tfm', '--set', 'train.stesp=12'],
  ['unknown-entry', 'check', 'good.tfm', '--entry', 'Bigrma'],
  ['train-block-missing', 'train', 'bare.tfm', '--out', 'run'],
  ['data-not-declared', 'train', 'no-data.tfm', '--out', 'run'],
  ['data-missing', 'train', 'wrong-data.tfm', '--out', 'run'],
  ['path-escapes', 'train', 'outside.tfm', '--out', 'run'],
  ['data-empty', 'train', 'empty.tfm', '--out', 'run'],
  ['data-too-short', 'train', 'short.tfm', '--out', 'run'],
  ['token-file-malformed', 'train', 'tokens.tfm', '--out', 'run'],
  ['token-outside-vocabulary', 'train', 'small.tfm', '--out', 'run'],
  ['input-not-provided', 'train', 'wants-more.tfm', '--out', 'run'],
  ['run-missing', 'train', 'good.tfm', '--out', 'nowhere', '--resume'],
  ['tensor-file-malformed', 'eval', 'good.tfm', '--weights', 'weights.safetensors'],
  ['names-malformed', 'eval', 'good.tfm', '--weights', 'weights.safetensors', '--names', 'names.json'],
  ['no-tokenizer', 'sample', 'tokens.tfm', '--weights', 'weights.safetensors'],
];

const said: string[] = [];

for (const [code, ...argv] of CASES) {
  test(`${argv.join(' ')}: ${code}`, async () => {
    const before = process.cwd();
    process.chdir(folder);
    const { exit, err } = await runMain(...argv).finally(() => process.chdir(before));
    // What comes before depends on the machine.
    const failure = err.slice(Math.max(0, err.search(/^(\S+: )?error: /m)));
    const shown = failure.replaceAll(join(folder, '/'), '').replaceAll(folder, '.').trimEnd();
    said.push(`## ${code}\n\n\`\`\`text\n$ tfm ${argv.join(' ')}\n${shown}\n\`\`\`\n\nExit code ${exit}.`);
    assert.match(err, `[${code}]`);
    assert.ok(exit !== 0);
  });
}

test('every message is what it was', () => {
  const intro = '# Messages of commands\n\nWhat commands say of mistakes that are not in the text of a spec.';
  matchesGolden('commands.md', `${[intro, ...said].join('\n\n')}\n`);
});

test('explain prints the examples, and gives them as JSON of a version', async () => {
  const { out, exit } = await runMain('explain', 'axes-differ');
  assert.is(exit, 0);
  assert.match(out, /wrong\n {4}y = v \+ u\n\n {2}right\n {4}y = v \+ u\[other -> width\]/);
  const json: unknown = JSON.parse((await runMain('explain', '--json')).out);
  assert.ok(typeof json === 'object' && json !== null && 'format_version' in json && 'explanations' in json);
  assert.is(json.format_version, 1);
  assert.equal(json.explanations, JSON.parse(JSON.stringify(explanations())));
});

test.run();
