import type { ValueId } from '../../ir/graph.ts';
import { elementsOf } from '../../ir/tensor-type.ts';
import type { Group, GroupPart } from './group.ts';
import type { Merger } from './merger.ts';
import { areSiblings } from './siblings.ts';
import { throughViews } from './views.ts';

export type Benefit = (m: Merger, a: Group, b: Group) => number;

/** What merging two groups saves, by stage; 0 when the stage does not merge groups of these kinds. */
export const STAGES: readonly Benefit[] = [
  (m, a, b) => (areSiblings(m.scope, a, b) ? sharedOperandBytes(m, a, b) : 0),
  (m, a, b) => {
    const [scan, other] = a.kind.kind === 'scan' ? [a, b] : [b, a];
    const fits = scan.kind.kind === 'scan' && (other.kind.kind === 'scan' || other.kind.kind === 'rows');
    return fits ? sharedBytes(m, a, b, largestNode(m, scan)) : 0;
  },
  (m, a, b) => (a.kind.kind === 'rows' && b.kind.kind === 'rows' ? sharedBytes(m, a, b, 0) : 0),
  (m, a, b) => {
    const [rows, product] = a.kind.kind === 'rows' ? [a, b] : [b, a];
    if (rows.kind.kind !== 'rows' || product.kind.kind !== 'product') return 0;
    return sharedBytes(m, a, b, largestNode(m, rows));
  },
  (m, a, b) => sharedOperandBytes(m, a, b),
];

function largestNode(m: Merger, group: Group): number {
  return Math.max(...[...group.nodes].map((id) => elementsOf(m.scope.writtenAxes(id))));
}

function bytes(m: Merger, id: ValueId): number {
  return 4 * elementsOf(m.scope.axes(id));
}

/** Bytes of tensors of at least `least` elements that one of two groups need not load. */
function sharedBytes(m: Merger, a: Group, b: Group, least: number): number {
  let saved = 0;
  for (const id of a.reads) {
    if (b.nodes.has(id)) saved += bytes(m, id);
    else if (b.reads.has(id)) saved += worth(m, id, least);
  }
  for (const id of b.reads) if (a.nodes.has(id)) saved += bytes(m, id);
  if (least === 0 && saved === 0) {
    for (const id of a.members) if (b.members.has(id)) saved += isWork(m, id) ? worth(m, id, least) : 0;
  }
  return saved;
}

function worth(m: Merger, id: ValueId, least: number): number {
  const { axes } = m.scope.value(id).type;
  return axes.length > 0 && elementsOf(axes) >= least ? bytes(m, id) : 0;
}

function isWork(m: Merger, id: ValueId): boolean {
  return m.scope.classOfValue(id) === 'pointwise';
}

function sharedOperandBytes(m: Merger, a: Group, b: Group): number {
  if (a.kind.kind !== 'product' || b.kind.kind !== 'product') return 0;
  const operands = operandReads(m, b.kind.parts);
  let saved = 0;
  for (const id of operandReads(m, a.kind.parts)) if (operands.has(id)) saved += bytes(m, id);
  return saved;
}

/** Memory that the contractions of some parts read, behind views. */
function operandReads(m: Merger, parts: readonly GroupPart[]): ReadonlySet<ValueId> {
  const ids = parts.flatMap((p) => p.contracts.flatMap((c) => c.operands));
  return new Set(ids.map((id) => throughViews(m.scope, id)));
}
