import type { Axis, AxisId, Graph, ValueId } from '../../ir/graph.ts';
import { resultOf } from '../../ir/op-parts.ts';
import { withoutIds } from '../../ir/tensor-type.ts';
import { nextValueId } from '../../ir/walk-graph.ts';
import { type Builder, makeBuilder } from '../../ops/builder.ts';
import { type Substitution, substituted, substituteOp } from '../../ops/clone.ts';
import { add, conform, permute, scalar } from '../../ops/make.ts';
import { present } from '../../support/invariant.ts';
import { axisCut, type Cut, pieceAxis } from './axis-names.ts';
import type { InPieces } from './find-pieces.ts';
import { factsOf, type GraphFacts } from './graph-facts.ts';
import { dependents } from './large-set.ts';

/** `graph` with a loop in the place of the set, behind all that does not need it and before all that does. */
export function loopOverPieces(graph: Graph, pieces: InPieces): Graph {
  const { set } = pieces;
  const facts = factsOf(graph);
  const after = dependents(set, facts);
  const b = makeBuilder({ inputs: graph.inputs, weights: graph.weights, firstId: nextValueId(graph) });
  for (const op of facts.ops) if (!after.has(op)) b.append(op);
  b.adopt([...set].flatMap((op) => op.results));
  const made = buildLoop(b, pieces, facts.nameOf);
  for (const op of facts.ops) if (after.has(op) && !set.has(op)) b.append(substituteOp(op, made));
  return b.finish(graph.outputs.map(({ name, value }) => ({ name, value: substituted(made, value) })));
}

/** What stands for the values that others need. */
function buildLoop(
  b: Builder,
  { cut, axis, body, taken, stacked, summed }: InPieces,
  nameOf: GraphFacts['nameOf'],
): Substitution {
  const over: Axis = { id: `${axis.id}.in.${cut.pieces}` as AxisId, name: 'piece', size: cut.pieces };
  const inFront = taken.map((id) => ofPieces(b, id, cut, over));
  const carried = summed.map((id) => ({ initial: conform(b, scalar(b, 0), b.typeOf(id).axes), name: nameOf(id) }));
  const loop = b.loop({ axis: over, carried });
  const inside: Substitution = new Map(
    taken.map((id, i) => [id, loop.slice(present(inFront[i], 'a value in pieces'), nameOf(id))]),
  );
  const now = (id: ValueId): ValueId => substituted(inside, id);
  for (const { op, make } of body) {
    const { id } = resultOf(op, 0);
    inside.set(id, make(b, op.operands.map(now), { name: nameOf(id), span: op.span }));
  }
  const sums = summed.map((id, i) => add(b, present(loop.carried[i], 'a sum'), now(id), { name: nameOf(id) }));
  const names = [...summed, ...stacked].map(nameOf);
  const results = loop.end(sums, stacked.map(now), { names });
  return new Map(
    [...summed, ...stacked].map((id, i) => {
      const result = present(results[i], 'a result');
      return [id, i < summed.length ? result : whole(b, result, id, cut, over)];
    }),
  );
}

/** `x` with its pieces one after another. */
function ofPieces(b: Builder, x: ValueId, cut: Cut, over: Axis): ValueId {
  const axis = present(axisCut(cut, b.typeOf(x).axes), 'the axis that is cut');
  const split = b.op('split', { from: axis.id, into: [over, pieceAxis(cut, axis)] }, [x]);
  return permute(b, split, [over, ...withoutIds(b.typeOf(split).axes, [over.id])], { name: b.nameOf(x) });
}

/** The value `id`, of which `pieces` has the pieces one after another. */
function whole(b: Builder, pieces: ValueId, id: ValueId, cut: Cut, over: Axis): ValueId {
  const axis = present(axisCut(cut, b.typeOf(id).axes), 'the axis that is cut');
  const from = [over.id, pieceAxis(cut, axis).id];
  return b.op('merge', { from, into: axis }, [pieces], { name: b.nameOf(id) });
}
