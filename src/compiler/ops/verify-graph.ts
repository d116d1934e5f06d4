import type { Block, Graph, Op, TensorType, Value, ValueId } from '../ir/graph.ts';
import { describeType, sameType } from '../ir/tensor-type.ts';
import { blocksOf } from '../ir/walk-graph.ts';
import { invariant, present } from '../support/invariant.ts';
import { weightType } from './builder.ts';
import { inferTypes } from './infer.ts';

/**
 * Checks the rules of the Graph IR: ids are unique, operands are defined before they are used and in scope, types are
 * what the shape rules say, inputs and weights are declared. Throws an `InternalError` that names the value.
 */
export function verifyGraph(graph: Graph): void {
  const types = new Map<ValueId, TensorType>();
  const visible = new Set<ValueId>();
  const inputs = new Map(graph.inputs.map((input) => [input.name, input.type]));
  const weights = new Map(graph.weights.map((weight) => [weight.id, weightType(weight)]));

  const define = ({ id, type, name }: Value): void => {
    invariant(!types.has(id), `value ${id} (${name}) is defined twice`);
    types.set(id, type);
    visible.add(id);
  };
  const use = (id: ValueId, by: string): void => invariant(visible.has(id), `${by} uses ${id}, which is not in scope`);
  const declaredType = (op: Op): TensorType | undefined => {
    if (op.kind === 'input') return present(inputs.get(op.attrs.name), `input ${op.attrs.name}`);
    if (op.kind === 'weight') return present(weights.get(op.attrs.weight), `weight ${op.attrs.weight}`);
    return undefined;
  };

  function visitOp(op: Op): void {
    for (const operand of op.operands) use(operand, `${op.kind} ${op.results[0]?.name ?? op.results[0]?.id}`);
    const inner = blocksOf(op).flatMap((block) => visitBlock(block, op.kind === 'loop'));
    const wanted = inferTypes(op, (id) => present(types.get(id), `type of ${id}`));
    invariant(wanted.length === op.results.length, `${op.kind} with ${op.results.length} results`);
    op.results.forEach((result, i) => {
      const type = declaredType(op) ?? present(wanted[i], 'a type');
      const place = `${op.kind} ${result.id} (${result.name})`;
      invariant(sameType(result.type, type), `${place} is ${describeType(result.type)}, not ${describeType(type)}`);
    });
    for (const id of inner) visible.delete(id);
    op.results.forEach(define);
  }

  /** The ids that the block defined, which no one outside may use. */
  function visitBlock(block: Block, captures: boolean): readonly ValueId[] {
    const outer = captures ? [] : [...visible];
    for (const id of outer) visible.delete(id);
    const before = new Set(visible);
    block.params.forEach(define);
    block.ops.forEach(visitOp);
    for (const id of block.results) use(id, 'the result of a block');
    const defined = [...visible].filter((id) => !before.has(id));
    for (const id of outer) visible.add(id);
    return defined;
  }

  visitBlock(graph.block, true);
  invariant(graph.block.params.length === 0, 'a graph has no parameters');
  invariant(graph.block.results.length === graph.outputs.length, 'a graph has a result for each output');
  graph.outputs.forEach(({ name, value }, i) => {
    invariant(graph.block.results[i] === value, `output ${name} is not the result of that place`);
  });
}
