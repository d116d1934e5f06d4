/**
 * A sum of contractions with the same result axes, each used nowhere else, becomes one contraction of several terms: one
 * accumulator adds them all up, and no part of the sum is ever stored. The order of the terms is that of the sum; other
 * terms of the sum are added after.
 */
import type { Block, Graph, Op, OpOf, Value, ValueId } from '../ir/graph.ts';
import { resultOf } from '../ir/op-parts.ts';
import { printGraph } from '../ir/print-graph.ts';
import { isSubset, sameType } from '../ir/tensor-type.ts';
import { allOps, blocksOf, nextValueId } from '../ir/walk-graph.ts';
import { inferTypes } from '../ops/infer.ts';
import { verifyGraph } from '../ops/verify-graph.ts';
import type { Pass } from '../pass.ts';
import { present } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';

export const mergeContracts: Pass<Graph, Graph> = {
  name: 'merge-contracts',
  summary: 'makes one contraction of a sum of contractions',
  run: mergeGraph,
  verify: verifyGraph,
  print: printGraph,
};

interface State {
  /** How often a value is mentioned, in the whole graph. */
  readonly uses: ReadonlyMap<ValueId, number>;
  readonly definitions: ReadonlyMap<ValueId, Op>;
  readonly values: ReadonlyMap<ValueId, Value>;
  nextId: number;
}

function mergeGraph(graph: Graph): Graph {
  const uses = new Map<ValueId, number>();
  const definitions = new Map<ValueId, Op>();
  const values = new Map<ValueId, Value>();
  const count = (ids: readonly ValueId[]): void => {
    for (const id of ids) uses.set(id, (uses.get(id) ?? 0) + 1);
  };
  count(graph.block.results);
  for (const op of allOps(graph.block)) {
    count(op.operands);
    for (const block of blocksOf(op)) {
      count(block.results);
      for (const param of block.params) values.set(param.id, param);
    }
    for (const result of op.results) {
      definitions.set(result.id, op);
      values.set(result.id, result);
    }
  }
  const state = { uses, definitions, values, nextId: nextValueId(graph) };
  return { ...graph, block: mergeBlock(state, graph.block) };
}

function mergeBlock(state: State, block: Block): Block {
  const here = new Set(block.ops);
  const gone = new Set<Op>();
  const made = new Map<Op, readonly Op[]>();
  // From the end, so that the whole of a sum is seen before its parts.
  for (const op of block.ops.toReversed()) {
    if (gone.has(op) || !isSum(op)) continue;
    const sum = termsOf(state, op, here);
    const merged = mergeSum(state, op, sum.terms);
    if (!merged) continue;
    made.set(op, merged);
    for (const part of sum.inner) gone.add(part);
    for (const term of sum.terms) {
      const contract = term.contract;
      if (contract) gone.add(contract);
    }
  }
  const ops = block.ops.flatMap((op) => (gone.has(op) ? [] : (made.get(op) ?? [withMergedBody(state, op)])));
  return { ...block, ops };
}

function withMergedBody(state: State, op: Op): Op {
  return op.kind === 'loop' ? { ...op, attrs: { ...op.attrs, body: mergeBlock(state, op.attrs.body) } } : op;
}

function isSum(op: Op | undefined): op is OpOf<'binary'> {
  return op?.kind === 'binary' && op.attrs.fn === 'add';
}

/** A term of a sum; `contract` when it is a contraction that nothing else uses. */
interface Term {
  readonly value: ValueId;
  readonly contract: OpOf<'contract'> | undefined;
}

/** The terms of a sum in order, seen through sums that nothing else uses, which are `inner`. */
function termsOf(state: State, root: OpOf<'binary'>, here: ReadonlySet<Op>): { terms: Term[]; inner: Op[] } {
  const terms: Term[] = [];
  const inner: Op[] = [];
  const type = resultOf(root, 0).type;
  const visit = (value: ValueId): void => {
    const op = state.definitions.get(value);
    const alone = op !== undefined && here.has(op) && state.uses.get(value) === 1;
    if (alone && isSum(op) && sameType(resultOf(op, 0).type, type)) {
      inner.push(op);
      op.operands.forEach(visit);
      return;
    }
    const full = op?.kind === 'contract' && isSubset(type.axes, resultOf(op, 0).type.axes);
    const contract = alone && full && op.attrs.terms.every((over) => over.length > 0) ? op : undefined;
    terms.push({ value, contract });
  };
  root.operands.forEach(visit);
  return { terms, inner };
}

/** The ops that make `root`'s value from its terms; undefined when there are no two contractions to merge. */
function mergeSum(state: State, root: OpOf<'binary'>, terms: readonly Term[]): readonly Op[] | undefined {
  const contracts = terms.flatMap((term) => term.contract ?? []);
  if (contracts.length < 2) return undefined;
  const result = resultOf(root, 0);
  const typeOf = (id: ValueId) => present(state.values.get(id), `value ${id}`).type;
  const shape = {
    kind: 'contract',
    attrs: { terms: contracts.flatMap((c) => c.attrs.terms) },
    operands: contracts.flatMap((c) => c.operands),
    results: [],
    span: spanOver(root.span, contracts),
  } as const;
  const type = present(inferTypes(shape, typeOf)[0], 'a type');
  const others = terms.filter((term) => !term.contract).map((term) => term.value);
  return sameType(type, result.type) ? addAll(state, shape, others, root) : undefined;
}

/** From the first to the last of the ops that stand in the same source as `span`. */
function spanOver(span: Span, ops: readonly Op[]): Span {
  const spans = [span, ...ops.map((op) => op.span).filter(({ source }) => source === span.source)];
  return {
    source: span.source,
    start: Math.min(...spans.map(({ start }) => start)),
    end: Math.max(...spans.map(({ end }) => end)),
  };
}

/** The contraction, and the sums that add the other terms to it; the last gives the value of `root`. */
function addAll(
  state: State,
  contract: Omit<OpOf<'contract'>, 'results'>,
  others: readonly ValueId[],
  root: OpOf<'binary'>,
): readonly Op[] {
  const result = resultOf(root, 0);
  const values = [...others, undefined].map((_, i): Value => {
    if (i === others.length) return result;
    const id = state.nextId as ValueId;
    state.nextId += 1;
    return { id, type: result.type, name: undefined };
  });
  const valueAt = (i: number): Value => present(values[i], 'a partial sum');
  const sums = others.map((id, i): Op => {
    const operands = [valueAt(i).id, id];
    return { kind: 'binary', attrs: { fn: 'add' }, operands, results: [valueAt(i + 1)], span: root.span };
  });
  return [{ ...contract, results: [valueAt(0)] }, ...sums];
}
