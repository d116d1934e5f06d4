/** `--set NAME=EXPR`: parameters of the model and keys of the train block, from outside. */
import { Failure } from '../diagnostics/diagnostic.ts';
import { didYouMean } from '../support/did-you-mean.ts';
import { makeSource, type Span } from '../support/source.ts';
import type { Binding } from '../syntax/ast.ts';
import { parse } from '../syntax/parse.ts';
import type { FileScope } from './env.ts';
import type { Module } from './module.ts';
import { refuse, type Scope } from './session.ts';
import type { ScopedExpr } from './train-block.ts';

export interface Overrides {
  readonly parameters: ReadonlyMap<string, ScopedExpr>;
  readonly train: ReadonlyMap<string, ScopedExpr>;
}

interface Names {
  readonly parameters: readonly string[];
  readonly train: readonly string[];
}

const TRAIN = 'train.';

/** Reads the settings. Their names mean what they mean in the file, and what `std.schemes` has without a `use`. */
export function readOverrides(
  texts: readonly string[],
  names: Names,
  scope: Scope,
  schemes: () => Module | undefined,
): Overrides {
  const parameters = new Map<string, ScopedExpr>();
  const train = new Map<string, ScopedExpr>();
  const { env } = scope;
  const outer: FileScope = {
    kind: 'file',
    find: (name) => (env.kind === 'file' ? env.find(name) : undefined) ?? schemes()?.exported(name),
    names: () => [...(env.kind === 'file' ? env.names() : []), ...(schemes()?.exports ?? [])],
  };
  for (const text of texts) {
    const explicit = text.startsWith(TRAIN);
    const { name, value, span } = parseSetting(explicit ? text.slice(TRAIN.length) : text);
    const scoped: ScopedExpr = { expr: value, scope: { ...scope, env: outer } };
    if (!explicit && names.parameters.includes(name)) parameters.set(name, scoped);
    else if (names.train.includes(name)) train.set(name, scoped);
    else {
      const known = explicit
        ? names.train.map((key) => TRAIN + key)
        : [...names.parameters, ...names.train.map((key) => TRAIN + key)];
      const full = explicit ? TRAIN + name : name;
      refuse('unknown-setting', { name: full, suggestion: didYouMean(full, known), known: names.parameters }, span);
    }
  }
  return { parameters, train };
}

function parseSetting(text: string): { readonly name: string; readonly value: Binding['value']; readonly span: Span } {
  const source = makeSource('--set', text);
  const { file, diagnostics } = parse(source);
  if (diagnostics.length > 0) throw new Failure(diagnostics);
  const [item, ...more] = file.items;
  if (item?.kind !== 'binding-item' || more.length > 0 || item.binding.pattern.kind !== 'name-pattern') {
    return refuse('malformed-setting', { text }, { source, start: 0, end: text.length });
  }
  const { pattern, value } = item.binding;
  return { name: pattern.name.text, value, span: pattern.name.span };
}
