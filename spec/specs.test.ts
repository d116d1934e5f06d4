import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { renderDiagnostics } from '../src/compiler/diagnostics/render.ts';
import { elaborate } from '../src/compiler/elaborate/elaborate.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import type { File } from '../src/compiler/syntax/ast.ts';
import { parse } from '../src/compiler/syntax/parse.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CASES = ['preln', 'lns', 'postln', 'deepnorm', 'gpt2'];
const LIBRARY = readdirSync(`${ROOT}src/std`).filter((name) => name.endsWith('.tfm'));
const EXAMPLES = readdirSync(`${ROOT}examples`).filter((name) => name.endsWith('.tfm'));

function read(path: string): File {
  const { file, diagnostics } = parse(makeSource(path, readFileSync(`${ROOT}${path}`, 'utf8')));
  assert.is(renderDiagnostics(diagnostics, { color: false }), '');
  return file;
}

/** Names that a file declares, with their documentation. */
function declared(file: File): ReadonlyMap<string, string | undefined> {
  const names = new Map<string, string | undefined>();
  for (const item of file.items) {
    if (item.kind === 'fn') names.set(item.name.text, item.doc);
    if (item.kind === 'binding-item' && item.binding.pattern.kind === 'name-pattern') {
      names.set(item.binding.pattern.name.text, item.doc);
    }
  }
  return names;
}

test('the library parses, and what it offers is documented', () => {
  for (const name of LIBRARY) {
    for (const [item, doc] of declared(read(`src/std/${name}`))) {
      assert.ok(item === 'rotated' || item === 'as_is' || (doc !== undefined && doc.length > 8), `${item} in ${name}`);
    }
  }
});

test('every use of the library finds its name', () => {
  const modules = new Map(LIBRARY.map((name) => [name.replace('.tfm', ''), read(`src/std/${name}`)]));
  const index = new Set(modules.get('std')?.uses.flatMap((use) => use.names.map((name) => name.text)));
  const files = [
    ...modules.values(),
    ...EXAMPLES.map((name) => read(`examples/${name}`)),
    ...CASES.map((name) => read(`spec/oracle/${name}/model.tfm`)),
  ];
  for (const file of files) {
    for (const { module, names } of file.uses) {
      if (module.kind !== 'library') continue;
      const path = module.path.map((part) => part.text);
      assert.is(path[0], 'std');
      const last = path[1];
      const found = last === undefined ? index : declared(modules.get(last) ?? file);
      for (const name of names) assert.ok(found.has(name.text), `${path.join('.')}.${name.text}`);
    }
  }
});

test('every oracle case has the weights of the oracle, and decays what it decays', () => {
  for (const name of CASES) {
    const path = `${ROOT}spec/oracle/${name}`;
    const names: Record<string, string> = JSON.parse(readFileSync(`${path}/names.json`, 'utf8'));
    const model: { parameters: { name: string; decay: boolean }[] } = JSON.parse(
      readFileSync(`${path}/model.json`, 'utf8'),
    );
    const source = makeSource(`${name}/model.tfm`, readFileSync(`${path}/model.tfm`, 'utf8'));
    const { graph } = elaborate({ source, training: true, want: 'loss' });
    const members = graph.weights.flatMap((weight) => weight.members);
    const order = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    assert.equal(
      members.map((member) => ({ name: names[member.name] ?? member.name, decay: member.decay > 0 })).sort(order),
      model.parameters.map((parameter) => ({ name: parameter.name, decay: parameter.decay })).sort(order),
    );
  }
});

test.run();
