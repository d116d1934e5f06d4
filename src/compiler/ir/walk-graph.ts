/** Walks over the blocks of a graph. */
import type { Block, Graph, Op, Value, ValueId } from './graph.ts';

/** The blocks in an op's attributes. */
export function blocksOf(op: Op): readonly Block[] {
  switch (op.kind) {
    case 'loop':
      return [op.attrs.body];
    case 'attend':
    case 'attend_backward_query':
    case 'attend_backward_key':
      return [op.attrs.mask, op.attrs.score];
    default:
      return [];
  }
}

/** Every op of a block and of the blocks in it, each before those in it. */
export function* allOps(block: Block): Generator<Op> {
  for (const op of block.ops) {
    yield op;
    for (const inner of blocksOf(op)) yield* allOps(inner);
  }
}

/** Every value that a block and the blocks in it make, and their parameters. */
export function* allValues(block: Block): Generator<Value> {
  yield* block.params;
  for (const op of block.ops) {
    for (const inner of blocksOf(op)) yield* allValues(inner);
    yield* op.results;
  }
}

/** The values of outer blocks that a block mentions, in the order in which it first does. */
export function capturesOf(block: Block): readonly ValueId[] {
  const defined = new Set<ValueId>();
  const captured = new Set<ValueId>();
  const mention = (id: ValueId): void => {
    if (!defined.has(id)) captured.add(id);
  };
  const visit = (inner: Block): void => {
    for (const param of inner.params) defined.add(param.id);
    for (const op of inner.ops) {
      op.operands.forEach(mention);
      blocksOf(op).forEach(visit);
      for (const result of op.results) defined.add(result.id);
    }
    inner.results.forEach(mention);
  };
  visit(block);
  return [...captured];
}

/** One more than the largest id of a value. */
export function nextValueId(graph: Graph): number {
  let next = 0;
  const see = (values: readonly { readonly id: ValueId }[]): void => {
    for (const { id } of values) next = Math.max(next, id + 1);
  };
  for (const op of allOps(graph.block)) {
    see(op.results);
    for (const block of blocksOf(op)) see(block.params);
  }
  return next;
}
