/**
 * Copies in two bytes for products. A library takes both operands in the type in which they are multiplied; kernels round what they
 * load, and still are faster where it is narrow in memory, if many tiles load it (`copying-rule.ts`). Most activations are stored narrow anyway;
 * what is not (weights, the residual stream and its gradient; see `passes/precision`) gets a copy, which is a `cast` to what it is.
 *
 * The copy of a weight that a loop slices is one of the whole stack, outside of the loop, so that the forward and the backward loop
 * share it; `split-copies.ts` then takes it out of the micro-batch. Other values are copied where they are made, most often by the
 * kernel that makes them.
 */
import type { Block, Graph, Op, OpOf, Value, ValueId } from '../../ir/graph.ts';
import type { NarrowType } from '../../ir/kernel.ts';
import type { MatmulShape } from '../../ir/matmul.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { printGraph } from '../../ir/print-graph.ts';
import { type FusedGraph, regionsIn } from '../../ir/region.ts';
import { allOps, allValues, nextValueId } from '../../ir/walk-graph.ts';
import { matrixSizes } from '../../ops/matrix-form.ts';
import { verifyGraph } from '../../ops/verify-graph.ts';
import type { Pass } from '../../pass.ts';
import { present } from '../../support/invariant.ts';
import { isView } from '../fuse/views.ts';

/** Whether a product of these terms should find narrow operands in memory. */
export type WantsNarrow = (terms: readonly TermSizes[]) => boolean;

type TermSizes = Pick<MatmulShape, 'batch' | 'rows' | 'columns' | 'depth'>;

export interface NarrowOperandsOptions {
  readonly wants: WantsNarrow;
  readonly precision: NarrowType;
  /** What is stored in four bytes. */
  readonly wide: ReadonlySet<ValueId>;
}

export function narrowOperands(options: NarrowOperandsOptions): Pass<Graph, Graph> {
  return {
    name: 'narrow-operands',
    summary: 'copies what is multiplied often to two bytes, where it is stored in four',
    run: (graph) => copyOperands(graph, options),
    verify: verifyGraph,
    print: printGraph,
  };
}

/**
 * What products read in four bytes.
 *
 * @param fused Before it was decided what is narrow.
 * @param typed After that.
 * @param ofLibrary Of products that were meant for a library alone.
 */
export function wideOperands(fused: FusedGraph, typed: FusedGraph, ofLibrary: boolean): ReadonlySet<ValueId> {
  const storage = new Map([...allValues(typed.graph.block)].map(({ id, type }) => [id, type.storage]));
  const resolve = (id: ValueId): ValueId => {
    const of = fused.aliases.get(id);
    return of === undefined ? id : resolve(of);
  };
  const given = regionsIn(fused.steps).filter((r) => r.kind === 'product' && (r.library || !ofLibrary));
  return new Set(given.flatMap(({ reads }) => reads.map(resolve)).filter((id) => storage.get(id) === 'f32'));
}

type Loop = OpOf<'loop'>;

/** Where a value comes from. */
type Origin =
  | { readonly kind: 'op'; readonly op: Op }
  | { readonly kind: 'param'; readonly loop: Loop; readonly index: number };

interface Lookup {
  readonly origins: ReadonlyMap<ValueId, Origin>;
  readonly values: ReadonlyMap<ValueId, Value>;
}

function lookUp(graph: Graph): Lookup {
  const origins = new Map<ValueId, Origin>();
  const values = new Map<ValueId, Value>();
  for (const op of allOps(graph.block)) {
    for (const result of op.results) {
      origins.set(result.id, { kind: 'op', op });
      values.set(result.id, result);
    }
    if (op.kind !== 'loop') continue;
    for (const [index, param] of op.attrs.body.params.entries()) {
      origins.set(param.id, { kind: 'param', loop: op, index });
      values.set(param.id, param);
    }
  }
  return { origins, values };
}

function copyOperands(graph: Graph, { wants, precision, wide }: NarrowOperandsOptions): Graph {
  const lookup = lookUp(graph);
  const axesOf = (id: ValueId) => present(lookup.values.get(id), `value ${id}`).type.axes;
  const isGiven = (op: Op): op is OpOf<'contract'> => {
    if (op.kind !== 'contract') return false;
    const sizes = op.attrs.terms.map((_, k) => matrixSizes(op, k, axesOf));
    return wants(sizes);
  };
  const operands = [...allOps(graph.block)].filter(isGiven).flatMap((op) => op.operands);
  const copied = new Set(operands.map((id) => behindViews(lookup, id)).filter((id) => wide.has(id)));
  return copied.size === 0 ? graph : { ...graph, block: withCopies(graph, lookup, isGiven, copied, precision) };
}

function behindViews(lookup: Lookup, id: ValueId): ValueId {
  const origin = lookup.origins.get(id);
  return origin?.kind === 'op' && isView(origin.op) ? behindViews(lookup, operandOf(origin.op, 0)) : id;
}

/** The stacked weight of which a parameter is a slice. */
function slicedWeight(lookup: Lookup, { loop, index }: Extract<Origin, { kind: 'param' }>): ValueId | undefined {
  const operand = operandOf(loop, index);
  const origin = lookup.origins.get(operand);
  return index >= loop.attrs.carried && origin?.kind === 'op' && origin.op.kind === 'weight' ? operand : undefined;
}

function withCopies(
  graph: Graph,
  lookup: Lookup,
  isGiven: (op: Op) => op is OpOf<'contract'>,
  wide: ReadonlySet<ValueId>,
  storage: NarrowType,
): Block {
  let next = nextValueId(graph);
  const fresh = (like: Value): Value => ({ ...like, id: next++ as ValueId });
  /** The copy of a value, or the view of a copy that is what a view of the value was. */
  const copies = new Map<ValueId, ValueId>();
  const sliced = new Set(
    [...wide].flatMap((id) => {
      const origin = lookup.origins.get(id);
      return (origin?.kind === 'param' && slicedWeight(lookup, origin)) || [];
    }),
  );

  /** It says that it is narrow, whatever becomes of other values. */
  const narrow = (like: Value): Value => fresh({ ...like, type: { ...like.type, storage } });

  const copyOf = (value: Value, span: Op['span']): Op => {
    const copy = narrow(value);
    copies.set(value.id, copy.id);
    return { kind: 'cast', attrs: { to: 'float' }, operands: [value.id], results: [copy], span };
  };

  /** The ops that make of copies what an operand is of what they copy. */
  const viewsOf = (id: ValueId): readonly Op[] => {
    const origin = lookup.origins.get(id);
    if (copies.has(id) || origin?.kind !== 'op' || !isView(origin.op) || !wide.has(behindViews(lookup, id))) return [];
    const before = viewsOf(operandOf(origin.op, 0));
    const copy = fresh(resultOf(origin.op, 0));
    copies.set(id, copy.id);
    return [
      ...before,
      { ...origin.op, operands: [present(copies.get(operandOf(origin.op, 0)), 'a copy')], results: [copy] },
    ];
  };

  const visitLoop = (loop: Loop): Loop => {
    const { body } = loop.attrs;
    const isSlice = (index: number): boolean => slicedWeight(lookup, { kind: 'param', loop, index }) !== undefined;
    const added = body.params.flatMap((param, index) => {
      const weight = wide.has(param.id) ? slicedWeight(lookup, { kind: 'param', loop, index }) : undefined;
      if (weight === undefined) return [];
      const slice = narrow(param);
      copies.set(param.id, slice.id);
      return [{ slice, operand: present(copies.get(weight), 'the copy of a weight') }];
    });
    const starts = body.params.filter(({ id }, index) => wide.has(id) && !isSlice(index));
    const ops = [...starts.map((param) => copyOf(param, loop.span)), ...body.ops.flatMap(visit)];
    return {
      ...loop,
      operands: [...loop.operands, ...added.map(({ operand }) => operand)],
      attrs: {
        ...loop.attrs,
        body: { ...body, params: [...body.params, ...added.map(({ slice }) => slice)], ops },
      },
    };
  };

  const visit = (op: Op): readonly Op[] => {
    const views = isGiven(op) ? op.operands.flatMap(viewsOf) : [];
    const made = isGiven(op) ? { ...op, operands: op.operands.map((id) => copies.get(id) ?? id) } : op;
    const whole = made.kind === 'loop' ? visitLoop(made) : made;
    const copied = op.results.filter(({ id }) => wide.has(id) || sliced.has(id));
    return [...views, whole, ...copied.map((result) => copyOf(result, op.span))];
  };
  return { ...graph.block, ops: graph.block.ops.flatMap(visit) };
}
