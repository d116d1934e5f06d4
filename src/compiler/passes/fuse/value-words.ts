import type { Op, Value, ValueId } from '../../ir/graph.ts';
import type { FusedGraph } from '../../ir/region.ts';
import { present } from '../../support/invariant.ts';

/** How values are called in texts about a fused graph. */
export interface ValueWords {
  value(id: ValueId): Value;
  /** `%12 layer.x`, or `%12` without a name. */
  short(id: ValueId): string;
  /** `layer.x`, or `%12` without a name. A value and its aliases lend each other their names. */
  nameOf(id: ValueId): string;
  /** The word of the op that makes it: `contract`, `exp`. */
  opOf(id: ValueId): string;
  /** Whether it is the first result of its op. */
  isFirst(id: ValueId): boolean;
}

export function valueWords(fused: FusedGraph): ValueWords {
  const values = new Map<ValueId, { readonly value: Value; readonly op: string; readonly isFirst: boolean }>();
  const visit = (ops: readonly Op[]): void => {
    for (const op of ops) {
      if (op.kind === 'loop') {
        for (const p of op.attrs.body.params) values.set(p.id, { value: p, op: 'parameter', isFirst: true });
        visit(op.attrs.body.ops);
      }
      for (const [k, r] of op.results.entries()) values.set(r.id, { value: r, op: wordOf(op), isFirst: k === 0 });
    }
  };
  visit(fused.graph.block.ops);
  const find = (id: ValueId) => present(values.get(id), `value ${id}`);
  const lent = new Map([...fused.aliases].map(([id, of]) => [of, find(id).value.name]));
  const nameOf = (id: ValueId): string => {
    const alias = fused.aliases.get(id);
    return find(id).value.name ?? (alias === undefined ? (lent.get(id) ?? `%${id}`) : nameOf(alias));
  };
  return {
    value: (id) => find(id).value,
    short: (id) => [`%${id}`, find(id).value.name].filter((part) => part !== undefined).join(' '),
    nameOf,
    opOf: (id) => find(id).op,
    isFirst: (id) => find(id).isFirst,
  };
}

function wordOf(op: Op): string {
  return op.kind === 'unary' || op.kind === 'binary' ? op.attrs.fn : op.kind;
}
