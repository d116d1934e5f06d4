/** The language reference: every block of it is compiled, and gives what it says that it gives. */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KEYWORDS } from '../grammar/tokens.ts';
import { interpret } from '../src/backends/reference/interpret.ts';
import { TABLES } from '../src/compiler/diagnostics/catalog.ts';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../src/compiler/diagnostics/render.ts';
import { PREDEFINED_NAMES } from '../src/compiler/elaborate/builtins/table.ts';
import { type Elaborated, type ElaborateRequest, elaborate } from '../src/compiler/elaborate/elaborate.ts';
import { STANDARD_LIBRARY } from '../src/compiler/elaborate/library.ts';
import { trainKeys } from '../src/compiler/elaborate/train-block.ts';
import { allOps } from '../src/compiler/ir/walk-graph.ts';
import { verifyGraph } from '../src/compiler/ops/verify-graph.ts';
import { splitTotals } from '../src/compiler/passes/totals.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { positionAt } from '../src/compiler/support/source.ts';
import { weightNames } from './support/elaborated.ts';
import { judge, project } from './support/judge.ts';
import { type Block, blocksOf, type Claim } from './support/reference-blocks.ts';
import { wholeSpec } from './support/whole-spec.ts';

const FOLDER = new URL('./language/', import.meta.url);
/** Made from the catalogue, whose examples spec/catalogue.test.ts executes. */
const GENERATED = 'errors.md';
const CHAPTERS = readdirSync(FOLDER).filter((name) => name !== GENERATED);
const read = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');

type Files = Readonly<Record<string, string>>;

for (const chapter of CHAPTERS) {
  const files: Record<string, string> = {};
  for (const block of blocksOf(read(chapter))) {
    if (block.kind === 'named') files[block.path.replace('./', '')] = block.text;
    const now = { ...files };
    test(`${chapter}:${block.line}`, () => checkBlock(block, now));
  }
}

function checkBlock(block: Block, files: Files): void {
  if (block.kind === 'other' || block.kind === 'named') return;
  const spec = wholeSpec(block.text.trimEnd(), block.form);
  const found = judge(spec, { files });
  const shown = renderDiagnostics(found, { color: false });
  if (block.kind === 'accept') {
    assert.equal(found, [], shown);
    for (const claim of block.claims) checkClaim(claim, spec, files);
    return;
  }
  assert.equal(
    found.map(({ code, severity }) => [severity, code]),
    [[block.kind === 'warn' ? 'warning' : 'error', block.code]],
    shown,
  );
  const span = present(found[0]?.span, 'a place');
  const [start, end] = [positionAt(span.source, span.start), positionAt(span.source, span.end)];
  // The line of the block stands once in the spec around it.
  const marked = block.text.split('\n')[block.mark.line] ?? '';
  const lines = spec.split('\n');
  assert.is(lines.filter((line) => line === marked).length, 1, `\`${marked}\` stands once`);
  const until = end.line > start.line ? marked.length : end.column - 1;
  const place = [start.line - 1, start.column - 1, until];
  assert.equal(place, [lines.indexOf(marked), block.mark.start, block.mark.end], shown);
}

function elaborateIn(files: Files, spec: string, how: Partial<ElaborateRequest>): Elaborated {
  // What no train block says.
  const sizes = /^train /m.test(spec) ? {} : { batch: 2, time: 3 };
  const source = project({ ...files, 'a.tfm': spec });
  const result = elaborate({ source, training: true, want: 'loss', sizes, ...how });
  verifyGraph(result.graph);
  return result;
}

function checkClaim(claim: Claim, spec: string, files: Files): void {
  if (claim.kind === 'weights') {
    assert.equal([...weightNames(elaborateIn(files, spec, {}))].sort(), claim.names);
    return;
  }
  const { type, values } = bindingOf(claim.name, spec, files);
  if (claim.kind === 'is') {
    assert.is(type, claim.type);
    return;
  }
  const close = claim.values.every(
    (wanted, i) => Math.abs((values[i] ?? Number.NaN) - wanted) < 1e-9 || values[i] === wanted,
  );
  assert.ok(close && values.length === claim.values.length, `${claim.name} gives ${values.join(', ')}`);
}

/** What a binding of the model is, by the float64 interpreter; a number is a tensor without axes. */
function bindingOf(
  name: string,
  spec: string,
  files: Files,
): { readonly type: string; readonly values: readonly number[] } {
  const close = spec.lastIndexOf('\n}\ntrain ');
  const withOutput = (output: string): string => `${spec.slice(0, close)}\n  logits = ${output}${spec.slice(close)}`;
  const elaborated = (output: string) => elaborateIn(files, withOutput(output), { want: 'logits', training: false });
  const { graph } = asTensor(
    () => elaborated(name),
    () => elaborated(`fill(${name})`),
  );
  const inputs = new Map(
    graph.inputs.map(({ name: input, type }) => [input, new Float64Array(type.axes.reduce((n, a) => n * a.size, 1))]),
  );
  const whole = splitTotals(graph, 1).graph;
  const data = interpret(whole, { inputs, weights: new Map(), runtime: { step: 0, lr: 0 }, seed: 0, micro: 0 });
  const [output] = graph.block.results;
  const value = [...allOps(graph.block)].flatMap((op) => op.results).find(({ id }) => id === output);
  const { kind, axes } = present(value, 'the output').type;
  return {
    type: `${kind === 'float' ? '' : kind}[${axes.map((axis) => axis.name).join(', ')}]`,
    values: [...present(data.get('logits'), 'the output')],
  };
}

function asTensor<T>(first: () => T, second: () => T): T {
  try {
    return first();
  } catch (error) {
    if (error instanceof Failure && error.diagnostics[0]?.code === 'wrong-kind') return second();
    throw error;
  }
}

/** What a chapter must speak of. */
const COMPLETE: readonly (readonly [chapter: string, names: readonly string[]])[] = [
  ['lexical.md', KEYWORDS],
  ['builtins.md', PREDEFINED_NAMES],
  ['train.md', trainKeys(['batch', 'time'])],
  ['lints.md', Object.keys(TABLES.lints)],
  ['std.md', libraryNames()],
];

function libraryNames(): readonly string[] {
  return STANDARD_LIBRARY.modules().flatMap((module) => {
    const { items } = present(STANDARD_LIBRARY.find(module.split('.')), module);
    return items.flatMap((item): readonly string[] => {
      if (item.kind === 'fn') return [item.name.text];
      return item.kind === 'binding-item' && item.binding.pattern.kind === 'name-pattern'
        ? [item.binding.pattern.name.text]
        : [];
    });
  });
}

for (const [chapter, names] of COMPLETE) {
  test(`${chapter} speaks of everything`, () => {
    const text = read(chapter);
    assert.equal(
      names.filter((name) => !new RegExp(`\`${name}\\b[^\`]*\``).test(text)),
      [],
    );
  });
}

test('the list of chapters is whole, and its links lead somewhere', () => {
  const all = [...CHAPTERS, GENERATED];
  for (const name of all) {
    const text = read(name);
    for (const [, link = ''] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (!link.includes('/')) assert.ok(all.includes(link), `${name} links to ${link}`);
    }
    if (name !== 'README.md') assert.ok(read('README.md').includes(`](${name})`), name);
  }
});

test('a block without meaning is refused', () => {
  for (const info of ['', 'js', 'tfm boddy', 'tfm refuse', 'tfm refuse axes-differ corner', 'tfm as']) {
    assert.throws(() => blocksOf(`\`\`\`${info}\n  y = 1\n//^\n\`\`\`\n`), /has no meaning/);
  }
  assert.throws(() => blocksOf('```tfm refuse axes-differ\ny = v + u\n```\n'), /marked/);
  assert.throws(() => blocksOf('```tfm body\ny = 1 // gives one\n```\n'), /no numbers/);
});

test.run();
