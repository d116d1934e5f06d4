/** What is known of positions: numbers that are linear in them, and inequalities between two of them. */
import type { AxisId, BinaryFunction } from '../ir/graph.ts';

/** The position along `high` is at most that along `low` plus `most`. */
export interface Bound {
  readonly high: AxisId;
  readonly low: AxisId;
  readonly most: number;
}

/** All of some inequalities hold, or something is never the case. */
export type Bounds = readonly Bound[] | 'never';

/** A number that is a sum of multiples of positions and a constant. */
export interface Line {
  readonly factors: ReadonlyMap<AxisId, number>;
  readonly constant: number;
}

/** Both hold. */
export function both(a: Bounds, b: Bounds): Bounds {
  if (a === 'never' || b === 'never') return 'never';
  return [...a, ...b];
}

/** What holds whichever of two is the case. */
export function either(a: Bounds, b: Bounds): Bounds {
  if (a === 'never') return b;
  if (b === 'never') return a;
  return a.flatMap((x) => {
    const others = b.filter((y) => y.high === x.high && y.low === x.low);
    if (others.length === 0) return [];
    return [{ ...x, most: Math.max(x.most, Math.min(...others.map((y) => y.most))) }];
  });
}

/** Without what is said of axes that are gone. */
export function withoutAxes(bounds: Bounds, axes: readonly AxisId[]): Bounds {
  if (bounds === 'never') return bounds;
  return bounds.filter(({ high, low }) => !axes.includes(high) && !axes.includes(low));
}

/** A position along `from` is one along `to` plus `shift`. */
export interface Move {
  readonly from: AxisId;
  readonly to: AxisId;
  readonly shift: number;
}

export function movedBounds(bounds: Bounds, { from, to, shift }: Move): Bounds {
  if (bounds === 'never') return bounds;
  return bounds.map(({ high, low, most }) => ({
    high: high === from ? to : high,
    low: low === from ? to : low,
    most: most - (high === from ? shift : 0) + (low === from ? shift : 0),
  }));
}

export function movedLine({ factors, constant }: Line, { from, to, shift }: Move): Line {
  const factor = factors.get(from) ?? 0;
  const entries = [...factors].map(([axis, f]) => [axis === from ? to : axis, f] as const);
  return { factors: new Map(entries), constant: constant + factor * shift };
}

export function isConstant({ factors }: Line): boolean {
  return factors.size === 0;
}

/** a + times * b. */
export function combined(a: Line, b: Line, times: number): Line {
  const factors = new Map(a.factors);
  for (const [axis, f] of b.factors) {
    const sum = (factors.get(axis) ?? 0) + times * f;
    if (sum === 0) factors.delete(axis);
    else factors.set(axis, sum);
  }
  return { factors, constant: a.constant + times * b.constant };
}

export function scaled({ factors, constant }: Line, by: number): Line {
  const entries = by === 0 ? [] : [...factors].map(([axis, f]) => [axis, f * by] as const);
  return { factors: new Map(entries), constant: constant * by };
}

/** What follows for positions when a comparison of two lines holds. */
export function whenHolds(fn: BinaryFunction, a: Line, b: Line): readonly Bound[] {
  switch (fn) {
    case 'lt':
      return below(combined(a, b, -1), true);
    case 'le':
      return below(combined(a, b, -1), false);
    case 'gt':
      return below(combined(b, a, -1), true);
    case 'ge':
      return below(combined(b, a, -1), false);
    case 'eq':
      return [...below(combined(a, b, -1), false), ...below(combined(b, a, -1), false)];
    default:
      return [];
  }
}

const OPPOSITE: Partial<Record<BinaryFunction, BinaryFunction>> = { lt: 'ge', le: 'gt', gt: 'le', ge: 'lt', ne: 'eq' };

/** What follows when it does not hold. */
export function whenFails(fn: BinaryFunction, a: Line, b: Line): readonly Bound[] {
  const opposite = OPPOSITE[fn];
  return opposite === undefined ? [] : whenHolds(opposite, a, b);
}

/** `line` is at most 0, or less than 0: an inequality when it is a multiple of the difference of two positions. */
function below({ factors, constant }: Line, strictly: boolean): readonly Bound[] {
  const [first, second, ...others] = [...factors];
  if (!first || !second || others.length > 0 || first[1] !== -second[1]) return [];
  const [high, low] = first[1] > 0 ? [first, second] : [second, first];
  const most = -constant / high[1];
  return [{ high: high[0], low: low[0], most: strictly ? Math.ceil(most) - 1 : Math.floor(most) }];
}
