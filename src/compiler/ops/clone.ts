/** Copies of ops with fresh ids. */
import type { Block, Op, Value, ValueId } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';
import type { Builder } from './builder.ts';

/** What stands for a value in the copy; values that are not in it stay themselves. */
export type Substitution = Map<ValueId, ValueId>;

export function substituted(map: ReadonlyMap<ValueId, ValueId>, id: ValueId): ValueId {
  return map.get(id) ?? id;
}

function freshValues(b: Builder, values: readonly Value[], map: Substitution): readonly Value[] {
  return values.map((value) => {
    const copy = b.fresh(value.type, value.name);
    map.set(value.id, copy.id);
    return copy;
  });
}

function copyBlock(b: Builder, block: Block, map: Substitution): Block {
  const params = freshValues(b, block.params, map);
  const ops = block.ops.map((op) => copyOp(b, op, map));
  return { params, ops, results: block.results.map((id) => substituted(map, id)) };
}

function copyOp(b: Builder, op: Op, map: Substitution): Op {
  const operands = op.operands.map((id) => substituted(map, id));
  switch (op.kind) {
    case 'loop': {
      const attrs = { ...op.attrs, body: copyBlock(b, op.attrs.body, map) };
      return { ...op, attrs, operands, results: freshValues(b, op.results, map) };
    }
    case 'attend':
    case 'attend_backward_query':
    case 'attend_backward_key': {
      const [mask, score] = [copyBlock(b, op.attrs.mask, map), copyBlock(b, op.attrs.score, map)];
      return { ...op, attrs: { ...op.attrs, mask, score }, operands, results: freshValues(b, op.results, map) };
    }
    default:
      return { ...op, operands, results: freshValues(b, op.results, map) };
  }
}

/** Appends a copy of `op` to the open block and notes in `map` what stands for its results. */
export function cloneOp(b: Builder, op: Op, map: Substitution): readonly ValueId[] {
  b.append(copyOp(b, op, map));
  return op.results.map(({ id }) => present(map.get(id), 'a copied result'));
}

export function cloneBlock(b: Builder, block: Block): Block {
  return copyBlock(b, block, new Map());
}

/** `op` with other values for the operands and for what its blocks capture; its own ids stay. */
export function substituteOp(op: Op, map: ReadonlyMap<ValueId, ValueId>): Op {
  const operands = op.operands.map((id) => substituted(map, id));
  if (op.kind !== 'loop') return { ...op, operands };
  return { ...op, attrs: { ...op.attrs, body: substituteBlock(op.attrs.body, map) }, operands };
}

export function substituteBlock(block: Block, map: ReadonlyMap<ValueId, ValueId>): Block {
  return {
    ...block,
    ops: block.ops.map((op) => substituteOp(op, map)),
    results: block.results.map((id) => substituted(map, id)),
  };
}
