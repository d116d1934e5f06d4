/**
 * The kernels of every example, as a reader meets them: what each computes, from which lines, its shapes and its costs;
 * no number that only the compiler knows. And names that mean something to WGSL, or are very long, change nothing else.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileText, PORTABLE_LIMITS } from './support/compile-text.ts';
import { TINY_LLAMA } from './support/tiny-llama.ts';

const examples = new URL('../examples/', import.meta.url);
const PURPOSES = ['train', 'evaluate', 'logits', 'probes'] as const;

const TARGETS = [
  ['a cpu', { deviceClass: 'cpu' }],
  ['a cpu with subgroups', { deviceClass: 'cpu', subgroupSize: 8 }],
  ['a cpu with subgroups, whose driver unrolls loops', { deviceClass: 'cpu', subgroupSize: 8, unrolls: true }],
  ['a gpu', { deviceClass: 'gpu' }],
] as const;

for (const [target, differs] of TARGETS) {
  for (const file of readdirSync(examples).filter((name) => name.endsWith('.tfm'))) {
    test(`${file} for ${target}`, () => {
      const text = readFileSync(new URL(file, examples), 'utf8');
      const { texts, plan } = compileText(text, { purposes: PURPOSES, limits: { ...PORTABLE_LIMITS, ...differs } });
      assert.is(Object.keys(texts).length, plan.kernels.length);
      for (const [name, kernel] of Object.entries(texts)) checkKernel(name, kernel);
    });
  }
}

/** About 150. */
const LINES = 165;

function checkKernel(name: string, kernel: string): void {
  const lines = kernel.trimEnd().split('\n');
  const header = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('//')),
  );
  const said = header.join('\n');
  const title = (header[0] ?? '').slice(3).replace(/(_\d+)+$/, '');
  assert.is(name.replace(/^kernels\/|(_\d+)*\.wgsl$/g, ''), title);
  assert.match(said, /^\/\/ (Computes|and|Sums|The norm|Adam|Clips|Adds|Copies) /m, `${name} says what it computes`);
  assert.match(said, /^\/\/ Source: .+/m, `${name} says where it comes from`);
  assert.match(said, /B moved (by one launch|for each (element|word))\.$/m, `${name} says what it costs`);
  for (const line of lines.filter((l) => l.includes('var<storage')))
    assert.match(line, /; +\/\/ \[.*\]/, `${name} says the shape of ${line}`);
  assert.not.match(kernel, /%\d|\[object/, name);
  assert.ok(lines.length <= LINES, `${name} has ${lines.length} lines`);
}

/** The spec with its own names replaced; what belongs to the library or the language stays. */
function renamed(names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce(
    (text, [from, to]) => text.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), to),
    TINY_LLAMA,
  );
}

const HOSTILE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'keywords of WGSL': {
    Llama: 'vec4f',
    embed: 'switch',
    x: 'array',
    vocab: 'workgroup',
    hidden: 'var',
    layer: 'override',
    depth: 'discard',
  },
  'names of kernels': { embed: 'main', x: 'lane', hidden: 'group', vocab: 'launch', layer: 'host', width: 'select' },
  'very long names': { embed: 'e'.repeat(300), x: 'x_'.repeat(150), hidden: 'h'.repeat(300), vocab: 'v'.repeat(300) },
  'names alike but for underscores': { embed: '_x_', x: 'x_', hidden: 'x__', vocab: '__x' },
};

const plain = compileText(TINY_LLAMA).plan.kernels.map((k) => k.hash);
for (const [what, names] of Object.entries(HOSTILE)) {
  test(`${what} change nothing but names`, () => {
    const { plan, texts } = compileText(renamed(names));
    assert.equal(
      plan.kernels.map((k) => k.hash),
      plain,
    );
    for (const file of Object.keys(texts))
      assert.ok(file.length < 200, `the name of a file has ${file.length} letters`);
  });
}

test.run();
