/** The values that the elaboration found for what stands in a text. */
import type { Value } from '../compiler/elaborate/value.ts';
import type { Span } from '../compiler/support/source.ts';
import type { Expr } from '../compiler/syntax/ast.ts';
import type { Declared } from '../compiler/syntax/names.ts';
import type { Analysis } from './analysis.ts';
import { indexOf } from './tree-index.ts';

export function valuesOf({ inspection }: Analysis, expr: Expr): readonly Value[] {
  return inspection.facts.valuesOf(expr);
}

/** What the name at `span`, one of its places, is: as it is used, or bound, there, or else wherever it is used. */
export function valuesOfName(analysis: Analysis, declared: Declared, span: Span): readonly Value[] {
  const { facts, tree } = analysis.inspection;
  const { names, bindings } = indexOf(tree);
  const used = names.get(span);
  if (used) return facts.valuesOf(used);
  const bound = bindings.get(span);
  const written = bound && facts.valuesOf(bound.binding.value).flatMap((value) => partOf(value, bound.parts) ?? []);
  if (written && written.length > 0) return written;
  const known = facts.valuesBoundAt(span);
  if (known.length > 0) return known;
  const others = declared.bindings.flatMap((binding) => facts.valuesBoundAt(binding));
  if (others.length > 0) return others;
  return declared.uses.flatMap((use) => {
    const expr = names.get(use);
    return expr ? facts.valuesOf(expr) : [];
  });
}

function partOf(value: Value, parts: readonly number[]): Value | undefined {
  return parts.reduce<Value | undefined>((at, part) => {
    if (at?.kind === 'tuple') return at.items[part]?.value;
    return at?.kind === 'list' ? at.items[part] : undefined;
  }, value);
}
