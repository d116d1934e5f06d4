/** What a mask of attention says about which keys a query can see, without looking at any of them. */
import type { AttendAttrs, Block, Op, OpOf, ValueId } from '../ir/graph.ts';

/** A query i sees no key outside i - behind … i + ahead; a side that is not known is open. */
export interface MaskBounds {
  readonly behind: number | undefined;
  readonly ahead: number | undefined;
}

/** A value as i * query + j * key + constant. */
interface Line {
  readonly query: number;
  readonly key: number;
  readonly constant: number;
}

const OPEN: MaskBounds = { behind: undefined, ahead: undefined };

type Comparison = 'lt' | 'le' | 'gt' | 'ge';
const OPPOSITE: { readonly [C in Comparison]: Comparison } = { lt: 'ge', le: 'gt', gt: 'le', ge: 'lt' };

/** Sees through conjunctions of comparisons of i and j up to constants: causal masks and windows. */
export function maskBounds({ mask }: AttendAttrs): MaskBounds {
  const ops = new Map(mask.ops.flatMap((op) => op.results.map((result) => [result.id, op] as const)));
  const result = mask.results[0];
  return result === undefined ? OPEN : boundsOf(mask, ops, result, false);
}

/** Whether a block of a mask lets everything through. */
export function isAlwaysTrue(mask: Block): boolean {
  const ops = new Map(mask.ops.flatMap((op) => op.results.map((result) => [result.id, op] as const)));
  const isTrue = (id: ValueId | undefined): boolean => {
    const op = id === undefined ? undefined : ops.get(id);
    if (op?.kind === 'expand') return isTrue(op.operands[0]);
    return op?.kind === 'constant' && op.attrs.values.every((value) => value === 1);
  };
  return isTrue(mask.results[0]);
}

function boundsOf(mask: Block, ops: ReadonlyMap<ValueId, Op>, id: ValueId, negated: boolean): MaskBounds {
  const op = ops.get(id);
  const [a, b] = op?.operands ?? [];
  if (op === undefined || a === undefined) return OPEN;
  if (op.kind === 'expand') return boundsOf(mask, ops, a, negated);
  if (op.kind === 'unary' && op.attrs.fn === 'not') return boundsOf(mask, ops, a, !negated);
  if (op.kind !== 'binary' || b === undefined) return OPEN;
  const joins = op.attrs.fn === (negated ? 'or' : 'and');
  if (joins) return tighter(boundsOf(mask, ops, a, negated), boundsOf(mask, ops, b, negated));
  if (!isComparison(op)) return OPEN;
  const [left, right] = [lineOf(mask, ops, a), lineOf(mask, ops, b)];
  if (!left || !right) return OPEN;
  return compared(negated ? OPPOSITE[op.attrs.fn] : op.attrs.fn, difference(left, right));
}

function isComparison(op: OpOf<'binary'>): op is OpOf<'binary'> & { readonly attrs: { readonly fn: Comparison } } {
  return op.attrs.fn in OPPOSITE;
}

/** The bounds that follow from `line` < 0, and so on. */
function compared(comparison: Comparison, line: Line): MaskBounds {
  if (comparison === 'gt' || comparison === 'ge') {
    return compared(comparison === 'gt' ? 'lt' : 'le', difference(ZERO, line));
  }
  const slack = -line.constant - (comparison === 'lt' ? 1 : 0);
  // j - i <= slack, or i - j <= slack.
  if (line.key === 1 && line.query === -1) return { behind: undefined, ahead: slack };
  return line.key === -1 && line.query === 1 ? { behind: slack, ahead: undefined } : OPEN;
}

function lineOf(mask: Block, ops: ReadonlyMap<ValueId, Op>, id: ValueId): Line | undefined {
  if (id === mask.params[0]?.id) return { query: 1, key: 0, constant: 0 };
  if (id === mask.params[1]?.id) return { query: 0, key: 1, constant: 0 };
  const op = ops.get(id);
  const inner = (i: number): Line | undefined => {
    const operand = op?.operands[i];
    return operand === undefined ? undefined : lineOf(mask, ops, operand);
  };
  if (op?.kind === 'expand' || op?.kind === 'stop_gradient') return inner(0);
  if (op?.kind === 'constant') {
    const [value, ...others] = op.attrs.values;
    const isWhole = value !== undefined && others.length === 0 && Number.isInteger(value);
    return isWhole ? { query: 0, key: 0, constant: value } : undefined;
  }
  if (op?.kind !== 'binary' || (op.attrs.fn !== 'add' && op.attrs.fn !== 'sub')) return undefined;
  const [left, right] = [inner(0), inner(1)];
  if (!left || !right) return undefined;
  return op.attrs.fn === 'sub' ? difference(left, right) : difference(left, difference(ZERO, right));
}

const ZERO: Line = { query: 0, key: 0, constant: 0 };

function difference(a: Line, b: Line): Line {
  return { query: a.query - b.query, key: a.key - b.key, constant: a.constant - b.constant };
}

function tighter(a: MaskBounds, b: MaskBounds): MaskBounds {
  const least = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined ? y : y === undefined ? x : Math.min(x, y);
  return { behind: least(a.behind, b.behind), ahead: least(a.ahead, b.ahead) };
}

/** How many pairs of `size` queries and as many keys are within bounds. */
export function pairsWithin(bounds: MaskBounds, size: number): number {
  const { behind = size, ahead = size } = bounds;
  let pairs = 0;
  for (let i = 0; i < size; i++) {
    pairs += Math.max(0, Math.min(size - 1, i + ahead) - Math.max(0, i - behind) + 1);
  }
  return pairs;
}
