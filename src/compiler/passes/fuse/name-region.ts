import type { ValueId } from '../../ir/graph.ts';
import type { Scope } from './scope.ts';
import { isView } from './views.ts';

/** Roots that a name spells out. */
const MOST_NAMED = 3;

/** Gives out names that are unique: `layer_attn_query_key_value` for the roots `layer.attn.query`, `layer.attn.key`, … */
export function makeNamer(scope: Scope): (roots: readonly ValueId[]) => string {
  const used = new Map<string, number>();
  return (roots) => {
    const named = roots.flatMap((id) => ownName(scope, id) ?? []);
    const near = named.length > 0 ? named : roots.flatMap((id) => nearName(scope, id) ?? []);
    const base = joinNames([...new Set(near.length > 0 ? near : roots.map((id) => nameOf(scope, id)))]);
    const count = (used.get(base) ?? 0) + 1;
    used.set(base, count);
    return count === 1 ? base : `${base}_${count}`;
  };
}

/** The name of a value, or of what it comes from, or the word of its op. */
export function nameOf(scope: Scope, id: ValueId): string {
  return ownName(scope, id) ?? nearName(scope, id) ?? scope.op(id)?.kind ?? 'value';
}

/** The name of the first operand that has one. */
function nearName(scope: Scope, id: ValueId): string | undefined {
  const names = scope.op(id)?.operands.map((operand) => scope.value(operand).name) ?? [];
  return names.find((name) => name !== undefined);
}

/** The name of a value, of a view of it, or of what a loop calls it that begins with it. */
function ownName(scope: Scope, id: ValueId): string | undefined {
  const lent = scope.users(id).flatMap((op) => {
    if (op.kind === 'loop') return op.attrs.body.params.filter((_, k) => op.operands[k] === id);
    return isView(op) ? op.results : [];
  });
  return scope.value(id).name ?? lent.find(({ name }) => name !== undefined)?.name;
}

function joinNames(names: readonly string[]): string {
  const paths = names.slice(0, MOST_NAMED).map((name) => name.split('.'));
  const first = paths[0] ?? [];
  const differs = first.findIndex((word, k) => paths.some((path) => path[k] !== word));
  const common = differs < 0 ? first.length : Math.min(differs, first.length - 1);
  const words = [...first.slice(0, common), ...paths.flatMap((path) => path.slice(common))];
  if (names.length > MOST_NAMED) words.push('more');
  const name = words
    .join('_')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase();
  return /^[a-z]/.test(name) ? name : `region_${name}`;
}
