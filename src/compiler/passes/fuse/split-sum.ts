/**
 * Products with few tiles and a long sum, as gradients of weights are: with a piece of the sum each, several products side by side
 * keep more multiprocessors busy than one, and a sum of few numbers follows, which what comes next can take along. The order of all sums is
 * fixed.
 *
 * Whether that pays is estimated in cycles. A launch takes as long as its longest tile, or as all of its tiles together take all multiprocessors;
 * what shares an operand is most likely to share the launch. Partial sums are stored and loaded, and their sum is one more launch.
 */
import type { Axis, AxisId, Op, OpOf, ValueId } from '../../ir/graph.ts';
import type { Precision } from '../../ir/kernel.ts';
import { BYTES_PER_CYCLE, DEPTH, PRODUCTS_PER_CYCLE } from '../../ir/multiprocessor.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { elementsOf } from '../../ir/tensor-type.ts';
import { inferTypes } from '../../ops/infer.ts';
import { present } from '../../support/invariant.ts';
import { isLarge, type LibraryMode } from './library.ts';
import type { Rewriter } from './normal-form.ts';
import { tileSpace } from './tile-space.ts';

export interface SumSplitting {
  readonly multiprocessors: number;
  /** In which type products multiply. */
  readonly precision: Precision;
  /** A library cuts the sums of its products by itself. */
  readonly library?: LibraryMode | undefined;
}

/** Fewer steps than these are not worth a piece. */
const FEWEST_STEPS = 8;
const MOST_PIECES = 64;

/** Sides of tiles, and bytes of an operand's element. */
const TILES = {
  narrow: { sides: [128, 64, 32], bytes: 2 },
  f32: { sides: [64, 32], bytes: 4 },
} as const;
/** Partial sums are more than the cache holds, and come half as fast. */
const PARTIAL_BYTES_PER_CYCLE = BYTES_PER_CYCLE / 2;
/** Cycles of the shortest step, with its barrier, and of a launch. */
const STEP = 200;
const LAUNCH = 5000;
/** How many times faster it has to be, since all of this is estimated. */
const GAIN = 1.25;

/** Tiles of a product, and the steps of each. */
interface Work {
  readonly rows: number;
  readonly columns: number;
  readonly batch: number;
  readonly steps: number;
}

/**
 * @param beside Products that share an operand with `op`.
 */
export function splitSum(
  r: Rewriter,
  op: OpOf<'contract'>,
  beside: readonly OpOf<'contract'>[],
  rule: SumSplitting,
): readonly Op[] {
  const own = workOf(r, op);
  if (!own || (rule.library && isLarge(op, r.axesOf, rule.library))) return [op];
  const others = beside.flatMap((other) => workOf(r, other) ?? []);
  const cost = (pieces: number): number => {
    const work = { ...own, batch: own.batch * pieces, steps: Math.ceil(own.steps / pieces) };
    const partial = pieces * own.batch * own.rows * own.columns;
    const extra = pieces === 1 ? 0 : LAUNCH + (2 * 4 * partial) / PARTIAL_BYTES_PER_CYCLE / rule.multiprocessors;
    return cyclesOf([work, ...others], rule) + extra;
  };
  const ways = waysToSplit(r, op, own.steps);
  const [first] = ways;
  if (!first) return [op];
  const best = ways.reduce((a, b) => (cost(b.pieces) < cost(a.pieces) ? b : a), first);
  return GAIN * cost(best.pieces) <= cost(1) ? splitBy(r, op, best) : [op];
}

/** Of a product of one term; undefined for what has no tiles. */
function workOf(r: Rewriter, op: OpOf<'contract'>): Work | undefined {
  const [term] = op.attrs.terms;
  if (op.attrs.terms.length !== 1 || term === undefined) return undefined;
  const { batch, rows, columns } = tileSpace(op, r.axesOf);
  if (rows.length === 0 || columns.length === 0) return undefined;
  const summed = r.axesOf(operandOf(op, 0)).filter(({ id }) => term.includes(id));
  return {
    rows: elementsOf(rows),
    columns: elementsOf(columns),
    batch: elementsOf(batch),
    steps: Math.ceil(elementsOf(summed) / DEPTH),
  };
}

/** Cycles of a launch, with the tiles that are best for it. */
function cyclesOf(works: readonly Work[], { multiprocessors, precision }: SumSplitting): number {
  const kind = precision === 'f32' ? 'f32' : 'narrow';
  const { sides, bytes } = TILES[kind];
  const cycles = sides.map((side) => {
    const step = Math.max(
      (side * side * DEPTH) / PRODUCTS_PER_CYCLE[kind],
      (2 * side * DEPTH * bytes) / BYTES_PER_CYCLE,
      STEP,
    );
    const longest = Math.max(...works.map(({ steps }) => steps));
    const all = works.reduce(
      (sum, { rows, columns, batch, steps }) =>
        sum + Math.ceil(rows / side) * Math.ceil(columns / side) * batch * steps,
      0,
    );
    return step * Math.max(longest, all / multiprocessors);
  });
  return Math.min(...cycles);
}

/** An axis of the sum, in so many pieces. */
interface Way {
  readonly axis: Axis;
  readonly pieces: number;
}

function waysToSplit(r: Rewriter, op: OpOf<'contract'>, steps: number): readonly Way[] {
  const [term = []] = op.attrs.terms;
  const axes = r.axesOf(operandOf(op, 0)).filter(({ id }) => term.includes(id));
  return axes.flatMap((axis) =>
    Array.from({ length: MOST_PIECES - 1 }, (_, i) => ({ axis, pieces: i + 2 })).filter(
      ({ pieces }) => axis.size % pieces === 0 && steps / pieces >= FEWEST_STEPS,
    ),
  );
}

/** The products of all pieces, and their sum. */
function splitBy(r: Rewriter, op: OpOf<'contract'>, { axis, pieces }: Way): readonly Op[] {
  const parts: Axis = { id: `${axis.id}/${pieces}` as AxisId, name: 'piece', size: pieces };
  const rest: Axis = { ...axis, id: `${axis.id}%${pieces}` as AxisId, size: axis.size / pieces };
  const views = op.operands.map((operand): OpOf<'split'> => {
    const view = {
      kind: 'split',
      attrs: { from: axis.id, into: [parts, rest] },
      operands: [operand],
      span: op.span,
    } as const;
    return { ...view, results: [r.fresh(present(inferTypes({ ...view, results: [] }, r.typeOf)[0], 'a type'))] };
  });
  const terms = op.attrs.terms.map((term) => term.map((id) => (id === axis.id ? rest.id : id)));
  const bare: OpOf<'contract'> = {
    ...op,
    attrs: { terms },
    operands: views.map((view) => resultOf(view, 0).id),
    results: [],
  };
  const partial = r.fresh(present(inferTypes(bare, r.typeOf)[0], 'a type'));
  const { name } = resultOf(op, 0);
  return [
    ...views,
    { ...bare, results: [{ ...partial, name: name && `${name}.pieces` }] },
    { kind: 'sum', attrs: { axes: [parts.id] }, operands: [partial.id], results: op.results, span: op.span },
  ];
}

/** Of the contractions of a block, those that have an operand in common with each, behind views. */
export function sharingOperands(
  ops: readonly Op[],
  originOf: (id: ValueId) => ValueId,
): ReadonlyMap<OpOf<'contract'>, readonly OpOf<'contract'>[]> {
  const users = new Map<ValueId, OpOf<'contract'>[]>();
  const contracts = ops.filter((op): op is OpOf<'contract'> => op.kind === 'contract');
  for (const op of contracts)
    for (const id of new Set(op.operands.map(originOf))) users.set(id, [...(users.get(id) ?? []), op]);
  return new Map(
    contracts.map((op) => {
      const together = new Set(op.operands.flatMap((id) => users.get(originOf(id)) ?? []));
      return [op, [...together].filter((other) => other !== op)];
    }),
  );
}
