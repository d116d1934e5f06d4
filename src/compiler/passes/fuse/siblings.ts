import type { Group } from './group.ts';
import type { Scope } from './scope.ts';
import { termsOf } from './tile-space.ts';
import { throughViews } from './views.ts';

/** Products of one shape but for the axes that the operand which they share lacks: the same loop over the same sums. */
export function areSiblings(scope: Scope, a: Group, b: Group): boolean {
  if (a.kind.kind !== 'product' || b.kind.kind !== 'product') return false;
  const p = a.kind.parts[0]?.contracts[0];
  const q = b.kind.parts[0]?.contracts[0];
  if (!p || !q || p.attrs.terms.length !== q.attrs.terms.length) return false;
  const sums = (op: typeof p): string => op.attrs.terms.map((t) => [...t].sort().join()).join(';');
  if (sums(p) !== sums(q)) return false;
  const left = termsOf(p)
    .flat()
    .map((id) => throughViews(scope, id));
  const right = termsOf(q)
    .flat()
    .map((id) => throughViews(scope, id));
  return left.some((id) => right.includes(id));
}
