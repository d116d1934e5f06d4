/** What pieces take from outside. */
import type { Op, ValueId } from '../../ir/graph.ts';
import { weightOf } from '../effort.ts';
import { minimumCut } from '../minimum-cut.ts';
import { axisCut, type Cut } from './axis-names.ts';
import { type GraphFacts, usedBy } from './graph-facts.ts';
import { pieceOf } from './piece-rules.ts';

export interface Border {
  /** Values that have the axis, of which an iteration takes its piece. */
  readonly taken: readonly ValueId[];
  /** Ops outside that an iteration does on its piece, so that what is taken has the fewest bytes. */
  readonly again: ReadonlySet<Op>;
}

/** A value that others outside need too is stored anyway, but that is not known before fusion: all cost alike. */
export function findBorder(
  set: ReadonlySet<Op>,
  cut: Cut,
  facts: GraphFacts,
  bytesOf: (id: ValueId) => number,
): Border {
  const isPiece = (id: ValueId): boolean => axisCut(cut, facts.typeOf(id).axes) !== undefined;
  const pieces = (op: Op): readonly ValueId[] => usedBy(op).filter(isPiece);
  const wanted = new Set([...set].flatMap(pieces).filter((id) => !madeBy(set, facts, id)));
  const seen = new Set<ValueId>(wanted);
  const cheap = new Set<Op>();
  for (const id of seen) {
    const op = facts.maker(id);
    if (!op || !isCheap(op) || !pieceOf(op, cut, facts.typeOf)) continue;
    cheap.add(op);
    for (const operand of pieces(op)) seen.add(operand);
  }
  const taken = new Set(
    minimumCut({
      nodes: [...seen].map((id) => ({ id, cost: bytesOf(id) })),
      sources: [...seen].filter((id) => !madeBy(cheap, facts, id)),
      sinks: [...wanted],
      edges: [...cheap].flatMap((op) => op.results.flatMap(({ id }) => pieces(op).map((from) => ({ from, to: id })))),
    }),
  );
  const again = new Set<Op>();
  const need = (id: ValueId): void => {
    const op = facts.maker(id);
    if (taken.has(id) || !op || again.has(op)) return;
    again.add(op);
    pieces(op).forEach(need);
  };
  wanted.forEach(need);
  return { taken: [...seen].filter((id) => taken.has(id)), again };
}

function madeBy(ops: ReadonlySet<Op>, facts: GraphFacts, id: ValueId): boolean {
  const op = facts.maker(id);
  return op !== undefined && ops.has(op);
}

/** What is made of nothing but numbers without the axis (an expansion) is always done again: it needs no place at all. */
function isCheap(op: Op): boolean {
  const weight = weightOf(op);
  return weight === 'cheap' || weight === 'view';
}
