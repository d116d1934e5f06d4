/** When two ops of two iterations do the same. */
import type { Block, Op, TensorType, ValueId } from '../../ir/graph.ts';
import { sameType } from '../../ir/tensor-type.ts';
import type { BodyShape } from './body-shape.ts';

/** The first op in which two iterations differ; undefined when they are one body. */
export function firstDifference(a: BodyShape, b: BodyShape): Op | undefined {
  for (const [i, op] of b.ops.entries()) {
    const other = a.ops[i];
    if (!other || !sameOp(other, op, a.local, b.local)) return op;
  }
  return a.ops.length === b.ops.length ? undefined : (a.ops[b.ops.length] ?? b.ops.at(-1));
}

type Places = ReadonlyMap<ValueId, number>;

/** Equal but for constants, paths of random numbers, and what comes from outside of the iterations. */
function sameOp(a: Op, b: Op, inA: Places, inB: Places): boolean {
  if (a.kind !== b.kind || a.operands.length !== b.operands.length) return false;
  const operands = a.operands.every((id, i) => {
    const other = b.operands[i];
    return other !== undefined && inA.get(id) === inB.get(other);
  });
  return operands && sameAttributes(a, b) && (a.operands.length > 0 || sameTypes(a, b));
}

/** The types of leaves, which nothing else tells. */
function sameTypes(a: Op, b: Op): boolean {
  const type = (op: Op): TensorType | undefined => op.results[0]?.type;
  const [x, y] = [type(a), type(b)];
  return x !== undefined && y !== undefined && sameType(x, y);
}

function sameAttributes(a: Op, b: Op): boolean {
  if (a.kind === 'constant' || a.kind === 'random') return true;
  if (a.kind !== 'attend' || b.kind !== 'attend') return sameData(a.attrs, b.attrs);
  const { mask, score, ...rest } = a.attrs;
  const { mask: otherMask, score: otherScore, ...others } = b.attrs;
  return sameData(rest, others) && sameBlock(mask, otherMask) && sameBlock(score, otherScore);
}

/** Plain data of equal structure. Axes are made once each, so most comparisons end at identity. */
function sameData(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  const [x, y] = [Object.entries(a), new Map(Object.entries(b))];
  return x.length === y.size && x.every(([key, value]) => sameData(value, y.get(key)));
}

function sameBlock(a: Block, b: Block): boolean {
  const [inA, inB] = [placesIn(a), placesIn(b)];
  const sameParams = a.params.every((param, i) => b.params[i] && sameType(param.type, b.params[i].type));
  const sameOps = a.ops.every((op, i) => b.ops[i] && sameOp(op, b.ops[i], inA, inB));
  const sameResults = a.results.every((id, i) => b.results[i] !== undefined && inA.get(id) === inB.get(b.results[i]));
  return a.params.length === b.params.length && a.ops.length === b.ops.length && sameParams && sameOps && sameResults;
}

function placesIn(block: Block): Places {
  const values = [...block.params, ...block.ops.flatMap((op) => op.results)];
  return new Map(values.map((value, i) => [value.id, i]));
}
