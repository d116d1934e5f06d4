/**
 * The house rules that a machine can check: imports point one way, no cycles, no barrels, no `any`, files stay small.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Each row may import itself and the rows that it names. The first row whose prefix fits a file is its row. */
const ROWS: readonly { readonly name: string; readonly prefix: string; readonly may: readonly string[] }[] = [
  { name: 'support', prefix: 'src/compiler/support/', may: [] },
  { name: 'diagnostics', prefix: 'src/compiler/diagnostics/', may: ['support'] },
  { name: 'ir', prefix: 'src/compiler/ir/', may: ['support'] },
  { name: 'pass', prefix: 'src/compiler/pass.ts', may: ['support'] },
  { name: 'grammar', prefix: 'grammar/', may: ['support'] },
  { name: 'syntax', prefix: 'src/compiler/syntax/', may: ['support', 'diagnostics', 'grammar'] },
  { name: 'format', prefix: 'src/compiler/format/', may: ['support', 'diagnostics', 'grammar', 'syntax'] },
  { name: 'ops', prefix: 'src/compiler/ops/', may: ['support', 'ir'] },
  { name: 'causality', prefix: 'src/compiler/causality/', may: ['support', 'ir', 'ops'] },
  { name: 'decode', prefix: 'src/compiler/decode/', may: ['support', 'ir', 'ops', 'causality'] },
  {
    name: 'elaborate',
    prefix: 'src/compiler/elaborate/',
    may: ['support', 'diagnostics', 'ir', 'pass', 'syntax', 'ops'],
  },
  {
    name: 'lints',
    prefix: 'src/compiler/lints/',
    may: ['support', 'diagnostics', 'ir', 'syntax', 'ops', 'causality', 'elaborate'],
  },
  { name: 'passes', prefix: 'src/compiler/passes/', may: ['support', 'diagnostics', 'ir', 'pass', 'ops'] },
  { name: 'widen', prefix: 'src/compiler/widen/', may: ['support', 'ir'] },
  { name: 'lower', prefix: 'src/compiler/lower/', may: ['support', 'diagnostics', 'ir', 'pass', 'ops', 'widen'] },
  { name: 'plan', prefix: 'src/compiler/plan/', may: ['support', 'diagnostics', 'ir', 'pass', 'widen'] },
  { name: 'backends', prefix: 'src/backends/', may: ['support', 'diagnostics', 'ir', 'ops'] },
  {
    name: 'compile',
    prefix: 'src/compiler/',
    may: [
      'support',
      'diagnostics',
      'ir',
      'pass',
      'syntax',
      'causality',
      'decode',
      'elaborate',
      'lints',
      'passes',
      'lower',
      'plan',
      'backends',
    ],
  },
  { name: 'runtime', prefix: 'src/runtime/', may: ['support', 'diagnostics', 'ir', 'backends'] },
  {
    name: 'lsp',
    prefix: 'src/lsp/',
    may: ['support', 'diagnostics', 'ir', 'grammar', 'syntax', 'format', 'elaborate', 'lints', 'compile', 'runtime'],
  },
  { name: 'trainer', prefix: 'src/trainer/', may: ['support', 'diagnostics', 'ir'] },
  {
    name: 'library',
    prefix: 'src/index.ts',
    may: ['support', 'diagnostics', 'ir', 'syntax', 'compile', 'backends', 'runtime', 'trainer'],
  },
  {
    name: 'cli',
    prefix: 'src/cli/',
    may: [
      'support',
      'diagnostics',
      'ir',
      'pass',
      'syntax',
      'format',
      'compile',
      'backends',
      'runtime',
      'trainer',
      'library',
      'lsp',
    ],
  },
];

function filesUnder(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'"]*?\sfrom\s+)?'(\.[^']+)'/gm);
  const eager = [...found].map((m) => ({
    from: file,
    to: relative(root, resolve(root, dirname(file), m[2] ?? '')),
    typeOnly: m[1] !== undefined,
  }));
  const lazy = [...text.matchAll(/import\('(\.[^']+)'\)/g)].map((m) => ({
    from: file,
    to: relative(root, resolve(root, dirname(file), m[1] ?? '')),
    typeOnly: false,
  }));
  return [...eager, ...lazy];
}

const rowOf = (file: string) => ROWS.find((row) => file.startsWith(row.prefix));
const sources = [...filesUnder('src'), ...filesUnder('grammar')];
const imports = sources.flatMap(importsOf);

test('every file belongs to a row', () => {
  assert.equal(
    sources.filter((file) => !rowOf(file)),
    [],
  );
});

test('imports point one way', () => {
  const wrong = imports.filter((i) => {
    const from = rowOf(i.from);
    const to = rowOf(i.to);
    return from && to && from !== to && !from.may.includes(to.name);
  });
  assert.equal(
    wrong.map((i) => `${i.from} -> ${i.to}`),
    [],
  );
});

test('no import cycles', () => {
  const edges = new Map<string, string[]>();
  for (const i of imports) if (!i.typeOnly) edges.set(i.from, [...(edges.get(i.from) ?? []), i.to]);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  assert.equal(cycles, []);
});

test('no barrels: only the library entry re-exports', () => {
  const barrels = sources.filter(
    (file) =>
      file !== 'src/index.ts' && /^export\s+(\*|\{[^}]*\})\s+from/m.test(readFileSync(join(root, file), 'utf8')),
  );
  assert.equal(barrels, []);
});

test('no `any`, no suppressed type errors, no leftovers', () => {
  const all = [...sources, ...filesUnder('spec')].filter((file) => file !== 'spec/architecture.test.ts');
  const wrong = all.filter((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return /: any\b|\bas any\b|<any>|@ts-ignore|@ts-expect-error|@ts-nocheck|\bTODO\b|\bFIXME\b|\.only\(/.test(text);
  });
  assert.equal(wrong, []);
});

test('files stay small', () => {
  const long = sources.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 400);
  assert.equal(long, []);
});

test.run();
