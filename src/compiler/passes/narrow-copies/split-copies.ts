import type { Graph, GraphInput, GraphOutput, Op, OpOf } from '../../ir/graph.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { copyName } from '../../ir/state-name.ts';
import { isNarrow } from '../../ir/storage-type.ts';
import { present } from '../../support/invariant.ts';

/** The graph of a micro-batch, and what can be made of weights before all micro-batches of a step. */
export interface CopiesSplit {
  readonly graph: Graph;
  /** Makes the narrow copies of weights, which `graph` reads as inputs; undefined without any. */
  readonly copies: Graph | undefined;
}

/** Takes narrow copies of weights, as `narrow-operands.ts` makes them, out of the graph of a micro-batch. */
export function splitCopies(graph: Graph): CopiesSplit {
  const { ops } = graph.block;
  const weights = new Map(
    ops.filter((op): op is OpOf<'weight'> => op.kind === 'weight').map((op) => [resultOf(op, 0).id, op]),
  );
  const inputs: GraphInput[] = [];
  const outputs: GraphOutput[] = [];
  const made: Op[] = [];
  const rest = ops.map((op): Op => {
    const weight = op.kind === 'cast' ? weights.get(operandOf(op, 0)) : undefined;
    if (!weight || !isNarrow(resultOf(op, 0).type.storage)) return op;
    const { id, type } = resultOf(op, 0);
    const { stacked } = present(
      graph.weights.find((w) => w.id === weight.attrs.weight),
      'the weight',
    );
    const name = copyName(weight.attrs.weight, stacked !== undefined);
    inputs.push({ name, type });
    outputs.push({ name, value: id });
    made.push(weight, op);
    return { kind: 'input', attrs: { name }, operands: [], results: op.results, span: op.span };
  });
  if (outputs.length === 0) return { graph, copies: undefined };
  const copied = new Set(made.flatMap((op) => (op.kind === 'weight' ? [op.attrs.weight] : [])));
  const results = outputs.map(({ value }) => value);
  return {
    graph: { ...graph, inputs: [...graph.inputs, ...inputs], block: { ...graph.block, ops: rest } },
    copies: {
      inputs: [],
      weights: graph.weights.filter(({ id }) => copied.has(id)),
      outputs,
      block: { params: [], ops: made, results },
    },
  };
}
