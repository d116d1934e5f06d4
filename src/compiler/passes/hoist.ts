/**
 * Takes out of loops what does not depend on the iteration, such as the tables of rotary positions. Leaves go only with
 * what needs them, since a kernel makes them where it is; draws stay, since each iteration draws anew.
 */
import type { Block, Graph, Op, ValueId } from '../ir/graph.ts';
import { printGraph } from '../ir/print-graph.ts';
import { capturesOf } from '../ir/walk-graph.ts';
import { verifyGraph } from '../ops/verify-graph.ts';
import type { Pass } from '../pass.ts';

export const hoist: Pass<Graph, Graph> = {
  name: 'hoist',
  summary: 'takes out of loops what is the same in every iteration',
  run: (graph) => ({ ...graph, block: { ...graph.block, ops: hoistOps(graph.block.ops) } }),
  verify: verifyGraph,
  print: printGraph,
};

/** `ops`, each loop after what came out of it; the inner loops first. */
function hoistOps(ops: readonly Op[]): readonly Op[] {
  return ops.flatMap((op) => {
    if (op.kind !== 'loop') return [op];
    const [out, body] = splitBody({ ...op.attrs.body, ops: hoistOps(op.attrs.body.ops) });
    return [...out, { ...op, attrs: { ...op.attrs, body } }];
  });
}

function mentionedBy(op: Op): readonly ValueId[] {
  return op.kind === 'loop' ? [...op.operands, ...capturesOf(op.attrs.body)] : op.operands;
}

function splitBody(body: Block): readonly [readonly Op[], Block] {
  const varying = new Set(body.params.map((param) => param.id));
  const still: Op[] = [];
  for (const op of body.ops) {
    if (op.kind !== 'random' && !mentionedBy(op).some((id) => varying.has(id))) still.push(op);
    else for (const result of op.results) varying.add(result.id);
  }
  const out = new Set(still.filter((op) => op.operands.length > 0));
  const needed = new Set([...out].flatMap(mentionedBy));
  for (const op of still) if (op.results.some((r) => needed.has(r.id))) out.add(op);
  const moved = body.ops.filter((op) => out.has(op));
  return [moved, { ...body, ops: body.ops.filter((op) => !out.has(op)) }];
}
