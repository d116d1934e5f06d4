/**
 * The element emitter: the expression of a graph value's element at an index.
 *
 * Lowering pulls. A stored value is a load; a pointwise op is an expression of its operands' elements; a movement op
 * asks its operand at another index; a reduction becomes a loop, written once in the outermost scope that knows its
 * index. Equal questions get equal answers, so that what is shared in the graph is shared in the kernel. What is stored narrow is
 * rounded for its other uses too: a kernel that computes it and one that loads it see the same number, and comparisons agree.
 */
import type { OpOf, Value, ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { binary, cast, i32 } from '../ir/kernel-expr.ts';
import { operandOf, resultOf } from '../ir/op-parts.ts';
import { CELL, isNarrow } from '../ir/storage-type.ts';
import { axisOf } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import { asStored, unrounded } from './as-stored.ts';
import { opOf } from './context.ts';
import { bounded } from './index-math.ts';
import { indexAt } from './movement.ts';
import { shortName } from './names.ts';
import { parameterElement, resultElement } from './pull.ts';
import { type Reduction, reduceInLoops, reductionsOf } from './reduce.ts';
import { applyBinary } from './scalar.ts';
import type { Scope } from './scopes.ts';
import type { Env, KernelWriter } from './writer.ts';

/** Writes the loops of reductions over the same axes at one index, and returns their results. */
export type Reducer = (reductions: readonly Reduction[], at: Env, emitter: Emitter) => readonly Expr[];

export interface EmitterOptions {
  /** The values that are loaded; everything else is computed from them. A region's `reads`. */
  readonly reads: ReadonlySet<ValueId>;
  /** Values that the kernel's own structure provides: accumulators of a product, parameters of a block. */
  readonly known?: ReadonlyMap<ValueId, (at: Env) => Expr>;
  /** Reductions that are best done in one loop with that of a value. */
  readonly siblings?: (value: ValueId) => readonly ValueId[];
  /** How reductions are written; one loop nest for each group unless given. */
  readonly reduce?: Reducer;
}

export interface Emitter {
  readonly writer: KernelWriter;
  /** The element of `value` at `at`, which has an index (u32, within bounds) for each axis of the value. */
  element(value: ValueId, at: Env): Expr;
  /** Computes that element and stores it at its place. */
  store(value: ValueId, at: Env): void;
  /** The sum of all reductions that make a value; for the table of ops. */
  reduced(value: Value, at: Env): Expr;
  /** The number of the iteration of the enclosing loop, which has `size` of them. */
  iteration(size: number): Expr;
}

interface Remembered {
  readonly expr: Expr;
  readonly scope: Scope;
}

export function makeEmitter(writer: KernelWriter, options: EmitterOptions): Emitter {
  const { context } = writer;
  const memory = new Map<string, Remembered>();
  const reduce = options.reduce ?? reduceInLoops;

  const keyOf = (value: Value, at: Env): string =>
    `${value.id}:${value.type.axes.map((axis) => writer.structureOf(indexAt(at, axis.id))).join(',')}`;

  const recall = (key: string): Expr | undefined => {
    const found = memory.get(key);
    return found && writer.isOpen(found.scope) ? found.expr : undefined;
  };
  const remember = (key: string, expr: Expr): Expr => {
    memory.set(key, { expr, scope: writer.scopeOf([expr]) });
    return expr;
  };

  // A region may read a value and mention another view of the same memory.
  const reads = new Set([...options.reads].map(context.memoryOf));
  const isLoaded = (id: ValueId): boolean => reads.has(context.memoryOf(id)) && !options.known?.has(id);
  const compute = (value: Value, at: Env): Expr => {
    const known = options.known?.get(value.id);
    if (known) return known(at);
    const definition = context.definition(value.id);
    return definition.kind === 'op'
      ? resultElement(emitter, definition, value, at)
      : parameterElement(emitter, definition, value, at);
  };

  const settled = ({ id, type }: Value, at: Env, expr: Expr): Expr => {
    if (!isNarrow(CELL[type.storage]) || context.memoryOf(id) !== id) return expr;
    return asStored(context, writer.uniform, id, writer.positionOf(id, at), expr);
  };

  const emitter: Emitter = {
    writer,
    element(id, at) {
      const value = context.value(id);
      const key = keyOf(value, at);
      const before = recall(key);
      if (before) return before;
      if (isLoaded(id)) return remember(key, loaded(writer, value, at));
      const expr = compute(value, at);
      writer.hint(expr, shortName(context, id), value.name !== undefined);
      return remember(key, settled(value, at, expr));
    },
    store(id, at) {
      const op = opOf(context, id);
      if (op?.kind === 'put') {
        const put = placePut(emitter, op, at);
        writer.store(id, writer.positionOf(id, put), emitter.element(operandOf(op, 1), at));
        return;
      }
      writer.store(id, writer.positionOf(id, at), unrounded(emitter.element(id, at)));
    },
    reduced(value, at) {
      const group = [value.id, ...(options.siblings?.(value.id) ?? []).filter((id) => id !== value.id)];
      const reductions = group.flatMap((id) => reductionsOf(context, id));
      const indices = value.type.axes.map((axis) => indexAt(at, axis.id));
      writer.within(writer.scopeOf(indices), () => {
        const results = new Map<Reduction, Expr>();
        for (const together of byAxes(reductions)) {
          reduce(together, at, emitter).forEach((result, i) => {
            results.set(present(together[i], 'reduction'), result);
          });
        }
        for (const id of group) {
          const own = [...results].flatMap(([reduction, result]) => (reduction.value === id ? [result] : []));
          const total = own.reduce((a, b) => applyBinary('add', a, b));
          remember(keyOf(context.value(id), at), settled(context.value(id), at, total));
        }
      });
      return present(recall(keyOf(value, at)), `reduction of value ${value.id}`);
    },
    iteration(size) {
      return bounded(writer.uniform('iteration', 'u32', { kind: 'iteration' }), size - 1);
    },
  };
  return emitter;
}

/** The place of an element that is put: that of the others of its position, which is clamped. */
function placePut(emitter: Emitter, op: OpOf<'put'>, at: Env): Env {
  const { axis } = op.attrs;
  const { size } = axisOf(resultOf(op, 0).type.axes, axis);
  const wanted = emitter.element(operandOf(op, 2), new Map());
  const clamped = binary('min', binary('max', wanted, i32(0)), i32(size - 1));
  return new Map(at).set(axis, bounded(emitter.writer.let('position', cast('u32', clamped)), size - 1));
}

/** Reductions over the same axes; the terms of one contraction may sum over different ones. */
function byAxes(reductions: readonly Reduction[]): Iterable<readonly Reduction[]> {
  const groups = new Map<string, Reduction[]>();
  for (const reduction of reductions) {
    const key = reduction.axes
      .map((axis) => axis.id)
      .sort()
      .join();
    groups.set(key, [...(groups.get(key) ?? []), reduction]);
  }
  return groups.values();
}

function loaded(writer: KernelWriter, value: Value, at: Env): Expr {
  const expr = writer.load(value.id, writer.positionOf(value.id, at));
  writer.hint(expr, `${shortName(writer.context, value.id)}_i`);
  return expr;
}
