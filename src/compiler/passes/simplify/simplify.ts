/**
 * Folds constants, applies the rules of each op (`rules.ts`), keeps one of equal ops, takes out of loops what is no
 * state of theirs, and drops what no output needs.
 */
import type { Block, Graph, Op, OpAttrs, OpName, OpOf, TensorType, Value, ValueId } from '../../ir/graph.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { printGraph } from '../../ir/print-graph.ts';
import { nextValueId } from '../../ir/walk-graph.ts';
import { inferTypes } from '../../ops/infer.ts';
import { verifyGraph } from '../../ops/verify-graph.ts';
import type { Pass } from '../../pass.ts';
import { present } from '../../support/invariant.ts';
import { GENERATED, type Span } from '../../support/source.ts';
import { dropDeadCode } from '../dead-code.ts';
import { opKey } from './op-key.ts';
import { makePermute, type Rewriter } from './rewriter.ts';
import { applyRules } from './rules.ts';

export const simplify: Pass<Graph, Graph> = {
  name: 'simplify',
  summary: 'folds constants, keeps one of equal ops, drops what nothing needs',
  run: simplifyGraph,
  verify: verifyGraph,
  print: printGraph,
};

/** A block as it is rewritten: its ops so far, and the values of equal ops by key. */
interface Frame {
  readonly ops: Op[];
  readonly known: Map<string, ValueId>;
  readonly outer: Frame | undefined;
}

interface State {
  readonly types: Map<ValueId, TensorType>;
  readonly definitions: Map<ValueId, Op>;
  /** What stands for a value of the old graph. */
  readonly replaced: Map<ValueId, ValueId>;
  /** Names of replaced values, for what stands for them. */
  readonly names: Map<ValueId, string>;
  nextId: number;
  frame: Frame;
  span: Span;
}

function simplifyGraph(graph: Graph): Graph {
  const frame: Frame = { ops: [], known: new Map(), outer: undefined };
  const state: State = {
    types: new Map(),
    definitions: new Map(),
    replaced: new Map(),
    names: new Map(),
    nextId: nextValueId(graph),
    frame,
    span: GENERATED,
  };
  for (const op of graph.block.ops) visitOp(state, op);
  const current = (id: ValueId): ValueId => state.replaced.get(id) ?? id;
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: current(value) }));
  const block = { params: [], ops: frame.ops, results: outputs.map((o) => o.value) };
  return dropDeadCode(named({ ...graph, outputs, block }, state.names));
}

/** Simplifies `op` with its operands replaced and adds what is left of it to the open block. */
function visitOp(state: State, old: Op): void {
  const operands = old.operands.map((id) => state.replaced.get(id) ?? id);
  state.span = old.span;
  if (old.kind === 'loop') {
    visitLoop(state, { ...old, operands });
    return;
  }
  const op = withBlocks(state, { ...old, operands });
  const [result] = op.results;
  if (result && op.results.length === 1) {
    const value = settle(state, op);
    if (value !== result.id) replace(state, result, value);
  } else append(state, op);
}

function replace(state: State, value: Value, by: ValueId): void {
  state.replaced.set(value.id, by);
  if (state.definitions.get(by)?.kind === 'constant') return;
  if (value.name !== undefined && !state.names.has(by)) state.names.set(by, value.name);
}

function append(state: State, op: Op): void {
  for (const result of op.results) {
    state.types.set(result.id, result.type);
    state.definitions.set(result.id, op);
  }
  state.frame.ops.push(op);
}

/** The value of an op of one result: what a rule says, that of an equal op, or its own, appended. */
function settle(state: State, op: Op): ValueId {
  const result = resultOf(op, 0);
  state.types.set(result.id, result.type);
  const simpler = applyRules(rewriterOf(state), op);
  if (simpler !== undefined) return simpler;
  const key = opKey(op);
  const known = key === undefined ? undefined : lookUp(state.frame, key, op.kind);
  if (known !== undefined) return known;
  if (key !== undefined) state.frame.known.set(key, result.id);
  append(state, op);
  return result.id;
}

/** A draw depends on the iteration, so one outside the loop is another. */
function lookUp(frame: Frame, key: string, kind: OpName): ValueId | undefined {
  const known = frame.known.get(key);
  if (known !== undefined || !frame.outer || kind === 'random') return known;
  return lookUp(frame.outer, key, kind);
}

function rewriterOf(state: State): Rewriter {
  const typeOf = (id: ValueId): TensorType => present(state.types.get(id), `type of ${id}`);
  const fresh = (): ValueId => {
    const id = state.nextId as ValueId;
    state.nextId += 1;
    return id;
  };
  return {
    typeOf,
    definition: (id) => state.definitions.get(id),
    make: <K extends OpName>(kind: K, attrs: OpAttrs[K], operands: readonly ValueId[], declared?: TensorType) => {
      const shape = { kind, attrs, operands, results: leafResults(declared), span: state.span };
      const [type] = inferTypes(shape, typeOf);
      const results = [{ id: fresh(), type: present(type, 'a type'), name: undefined }];
      // The checker does not see that a record of K is one of the union, because it does not know K.
      return settle(state, { ...shape, results } as Op);
    },
  };
}

function leafResults(declared: TensorType | undefined): readonly Value[] {
  return declared ? [{ id: -1 as ValueId, type: declared, name: undefined }] : [];
}

/** Runs `build` in a block of its own. What is known outside is known in it when `inherits`. */
function inBlock<T>(state: State, inherits: boolean, build: () => T): readonly [T, readonly Op[]] {
  const outer = state.frame;
  const frame: Frame = { ops: [], known: new Map(), outer: inherits ? outer : undefined };
  state.frame = frame;
  const result = build();
  state.frame = outer;
  return [result, frame.ops];
}

function visitBlock(state: State, block: Block, inherits: boolean): Block {
  for (const param of block.params) state.types.set(param.id, param.type);
  const [results, ops] = inBlock(state, inherits, () => {
    for (const op of block.ops) visitOp(state, op);
    return block.results.map((id) => state.replaced.get(id) ?? id);
  });
  return { params: block.params, ops, results };
}

function withBlocks(state: State, op: Op): Op {
  switch (op.kind) {
    case 'attend':
    case 'attend_backward_query':
    case 'attend_backward_key': {
      const [mask, score] = [visitBlock(state, op.attrs.mask, false), visitBlock(state, op.attrs.score, false)];
      return { ...op, attrs: { ...op.attrs, mask, score } };
    }
    default:
      return op;
  }
}

/** The value of which `stacked` has one copy for each iteration. */
function repeated(state: State, stacked: ValueId, loop: OpOf<'loop'>): ValueId | undefined {
  const op = state.definitions.get(stacked);
  if (op?.kind === 'permute') return repeated(state, operandOf(op, 0), loop);
  const only = op?.kind === 'expand' && op.attrs.axes.length === 1 && op.attrs.axes[0]?.id === loop.attrs.axis.id;
  return only ? operandOf(op, 0) : undefined;
}

/**
 * A loop without the carried values that it does not change, the stacked values that are all alike, and doubles.
 * Parameters that go are replaced by what they stand for.
 */
function visitLoop(state: State, loop: OpOf<'loop'>): void {
  const { body, carried } = loop.attrs;
  const keptParams: Value[] = [];
  const operands: ValueId[] = [];
  const keptCarried: number[] = [];
  body.params.forEach((param, i) => {
    const operand = operandOf(loop, i);
    const double = operands.indexOf(operand, keptCarried.length);
    const still = i < carried && body.results[i] === param.id;
    const alike = i < carried ? undefined : repeated(state, operand, loop);
    if (still) {
      state.replaced.set(param.id, operand);
      replace(state, resultOf(loop, i), operand);
    } else if (alike !== undefined && fits(state, alike, param)) {
      state.replaced.set(param.id, alike);
    } else if (i >= carried && double >= 0) {
      state.replaced.set(param.id, present(keptParams[double], 'a parameter').id);
    } else {
      if (i < carried) keptCarried.push(i);
      keptParams.push(param);
      operands.push(operand);
    }
  });
  const inner = visitBlock(state, { ...body, params: keptParams }, true);
  finishLoop(state, loop, inner, operands, keptCarried);
}

/** Whether `id` has the very type of the parameter, as it is after a permutation went. */
function fits(state: State, id: ValueId, param: Value): boolean {
  const axes = present(state.types.get(id), 'a type').axes;
  return axes.length === param.type.axes.length && axes.every((axis, i) => axis.id === param.type.axes[i]?.id);
}

/** Appends the loop with the results that are its own; the others are doubles, or the same in every iteration. */
function finishLoop(
  state: State,
  loop: OpOf<'loop'>,
  body: Block,
  operands: readonly ValueId[],
  keptCarried: readonly number[],
): void {
  const { carried, axis } = loop.attrs;
  const own = new Set([...body.params, ...body.ops.flatMap((op) => op.results)].map((value) => value.id));
  const results = keptCarried.map((i) => resultOf(loop, i));
  const given = keptCarried.map((i) => present(body.results[i], 'a result'));
  const outside: { readonly result: Value; readonly value: ValueId }[] = [];
  loop.results.slice(carried).forEach((result, k) => {
    const value = present(body.results[carried + k], 'a result');
    const double = given.indexOf(value, keptCarried.length);
    if (double >= 0) replace(state, result, present(results[double], 'a result').id);
    else if (!own.has(value)) outside.push({ result, value });
    else {
      results.push(result);
      given.push(value);
    }
  });
  const attrs = { ...loop.attrs, carried: keptCarried.length, body: { ...body, results: given } };
  append(state, { ...loop, attrs, operands, results });
  const r = rewriterOf(state);
  for (const { result, value } of outside) {
    replace(state, result, makePermute(r, r.make('expand', { axes: [axis] }, [value]), result.type.axes));
  }
}

/** `graph` with names for values that have none. */
function named(graph: Graph, names: ReadonlyMap<ValueId, string>): Graph {
  const value = (v: Value): Value => ({ ...v, name: v.name ?? names.get(v.id) });
  const block = (b: Block): Block => ({
    ...b,
    params: b.params.map(value),
    ops: b.ops.map((op): Op => {
      const results = op.results.map(value);
      return op.kind === 'loop'
        ? { ...op, attrs: { ...op.attrs, body: block(op.attrs.body) }, results }
        : { ...op, results };
    }),
  });
  return { ...graph, block: block(graph.block) };
}
