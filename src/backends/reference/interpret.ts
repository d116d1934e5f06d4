/**
 * The float64 interpreter of the Graph IR: the meaning of a graph, and the oracle for everything that is generated. It
 * evaluates ops one after another by their definitions, unfused, and keeps all values of the iteration it is in.
 */
import type { Block, Graph, Op, OpName, OpShape, ValueId } from '../../compiler/ir/graph.ts';
import { nextValueId } from '../../compiler/ir/walk-graph.ts';
import { withDerivative } from '../../compiler/ops/derivative.ts';
import type { EvaluateContext, Host, Tensor } from '../../compiler/ops/op-def.ts';
import { ops as table } from '../../compiler/ops/table.ts';
import { present } from '../../compiler/support/invariant.ts';

/** The outputs of a graph by name, each row-major in the type of its value; int and bool as whole numbers. */
export function interpret(graph: Graph, host: Host): ReadonlyMap<string, Float64Array> {
  const values = new Map<ValueId, Tensor>();
  const derivatives = new Map<Block, Block>();
  const firstId = nextValueId(graph);

  const derivative = (block: Block): Block => {
    const known = derivatives.get(block) ?? withDerivative(block, firstId);
    derivatives.set(block, known);
    return known;
  };
  const valueWith = (id: ValueId): Tensor => present(values.get(id), `value ${id}`);

  function run(block: Block, args: readonly Tensor[], iteration: number): readonly Tensor[] {
    block.params.forEach((param, i) => {
      values.set(param.id, present(args[i], 'an argument'));
    });
    for (const op of block.ops) evaluate(op, iteration);
    return block.results.map(valueWith);
  }

  function evaluate(op: Op, iteration: number): void {
    const data = evaluateShape(op, contextOf(op, iteration));
    op.results.forEach((result, i) => {
      values.set(result.id, { type: result.type, data: present(data[i], 'a result') });
    });
  }

  function contextOf<K extends OpName>(op: OpShape<K>, iteration: number): EvaluateContext<K> {
    return {
      attrs: op.attrs,
      operands: op.operands.map(valueWith),
      results: op.results.map((r) => r.type),
      host,
      iteration,
      run: (block, args, inner = iteration) => run(block, args, inner),
      derivative,
    };
  }

  const results = run(graph.block, [], 0);
  return new Map(graph.outputs.map(({ name }, i) => [name, present(results[i], name).data]));
}

function evaluateShape<K extends OpName>(op: OpShape<K>, context: EvaluateContext<K>): readonly Float64Array[] {
  return table[op.kind].evaluate(context);
}
