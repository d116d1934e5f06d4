import type { Axis, AxisId } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';

/**
 * Axes by identity. An axis is the place of its declaration and its size: two instances of one block with equal sizes
 * have the same axes, so values may pass between them and their bodies can be one loop.
 */
export interface AxisTable {
  readonly declare: (name: string, size: number, span: Span) => Axis;
  /** Of an axis that a file declares. */
  readonly spanOf: (id: AxisId) => Span;
  readonly declarationOf: (id: AxisId) => Span | undefined;
}

export function makeAxisTable(): AxisTable {
  const byPlace = new Map<string, Axis>();
  const spans = new Map<AxisId, Span>();
  const uses = new Map<string, number>();
  return {
    declare: (name, size, span) => {
      const key = `${span.start} ${size} ${name} ${span.source.path}`;
      const known = byPlace.get(key);
      if (known) return known;
      const use = (uses.get(name) ?? 0) + 1;
      uses.set(name, use);
      const axis: Axis = { id: (use === 1 ? name : `${name}.${use}`) as AxisId, name, size };
      byPlace.set(key, axis);
      spans.set(axis.id, span);
      return axis;
    },
    declarationOf: (id) => spans.get(id),
    spanOf: (id) => present(spans.get(id), `the declaration of axis ${id}`),
  };
}
