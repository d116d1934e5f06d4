import type { AxisId, Op, OpOf, ValueId } from '../../ir/graph.ts';
import { resultOf } from '../../ir/op-parts.ts';
import { inferTypes } from '../../ops/infer.ts';
import { present } from '../../support/invariant.ts';
import { type Bindings, countBindings } from './bindings.ts';
import type { Rewriter } from './normal-form.ts';
import type { Scope } from './scope.ts';
import { sameSpace, termsOf, tileSpace } from './tile-space.ts';
import { throughViews } from './views.ts';

interface Term {
  readonly axes: readonly AxisId[];
  readonly pair: readonly [ValueId, ValueId];
  readonly index: number;
}

/** A contraction as a sum of contractions, each with terms of one tile space and no more operands than can be bound. */
export function splitTerms(scope: Scope, r: Rewriter, op: OpOf<'contract'>, bindings: Bindings): readonly Op[] {
  const own = bindings.of(resultOf(op, 0).type.axes);
  const terms = termsOf(op).map((pair, index) => ({ pair, index, axes: present(op.attrs.terms[index], 'a term') }));
  const spaces = terms.map(({ index }) => tileSpace(op, r.axesOf, index));
  const alike = spaces.every((s) => sameSpace(s, present(spaces[0], 'a term')));
  if (terms.length === 1 || (alike && readsOf(scope, bindings, terms) + own <= bindings.most)) return [op];

  // A further chunk also loads what the chunks before it gave, and everything stores its result.
  const chunks: Term[][] = [];
  for (const term of terms) {
    const fits = chunks.find(
      (chunk) =>
        sameSpace(present(spaces[chunk[0]?.index ?? 0], 'a term'), present(spaces[term.index], 'a term')) &&
        readsOf(scope, bindings, [...chunk, term]) + 2 * own <= bindings.most,
    );
    if (fits) fits.push(term);
    else chunks.push([term]);
  }
  const ops: Op[] = [];
  let sum: ValueId | undefined;
  for (const [k, chunk] of chunks.entries()) {
    const attrs = { terms: chunk.map((t) => t.axes) };
    const part = { ...op, attrs, operands: chunk.flatMap((t) => t.pair), results: [] };
    const value = r.fresh(present(inferTypes(part, r.typeOf)[0], 'a type'));
    ops.push({ ...part, results: [value] });
    if (sum === undefined) {
      sum = value.id;
      continue;
    }
    const type = r.typeOf(sum);
    const total = k === chunks.length - 1 ? present(op.results[0], 'a result') : r.fresh(type);
    ops.push({ kind: 'binary', attrs: { fn: 'add' }, operands: [sum, value.id], results: [total], span: op.span });
    sum = total.id;
  }
  return ops;
}

function readsOf(scope: Scope, bindings: Bindings, terms: readonly Term[]): number {
  const ids = new Set(terms.flatMap((t) => t.pair.map((id) => throughViews(scope, id))));
  return countBindings(bindings, scope.axes, ids);
}
