import type { ValueId } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { binary, u32, unary } from '../ir/kernel-expr.ts';
import { CELL, isNarrow } from '../ir/storage-type.ts';
import { randomKey } from '../support/random.ts';
import type { LowerContext } from './context.ts';
import type { Resources } from './resources.ts';

/**
 * What loads will find of an element that is stored: itself, or what rounding leaves of it. Stochastic rounding draws from the value,
 * the step and the place, so that a kernel that rounds twice gets the same.
 *
 * @param value What has memory of its own.
 */
export function asStored(
  context: LowerContext,
  uniform: Resources['uniform'],
  value: ValueId,
  position: Expr,
  element: Expr,
): Expr {
  const cell = CELL[context.value(value).type.storage];
  if (!isNarrow(cell)) return element;
  if (context.rounding === 'nearest') return unary(`round_${cell}`, unrounded(element));
  const isDone = element.kind === 'binary' && element.op === `dither_${cell}`;
  return isDone ? element : binary(`dither_${cell}`, element, drawAt(context, uniform, value, position));
}

/** What is rounded to the nearest, which a store does itself. */
export function unrounded(expr: Expr): Expr {
  return expr.kind === 'unary' && (expr.op === 'round_f16' || expr.op === 'round_bf16') ? expr.operand : expr;
}

/** Uniform in [0, 1). */
function drawAt(context: LowerContext, uniform: Resources['uniform'], value: ValueId, position: Expr): Expr {
  const host = (name: string): Expr => uniform(name, 'u32', { kind: 'runtime', name });
  const definition = context.definition(value);
  const inLoop = definition.kind === 'op' && definition.loop !== undefined;
  const iteration = inLoop ? uniform('iteration', 'u32', { kind: 'iteration' }) : u32(0);
  const counters = [host('seed'), host('step'), host('micro'), iteration, position];
  return { kind: 'random', type: 'f32', key: randomKey(`rounding ${value}`), counters };
}
