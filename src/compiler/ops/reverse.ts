/** Reverse-mode differentiation of a list of ops. */
import type { Op, OpName, OpOf, OpShape, ValueId } from '../ir/graph.ts';
import type { Builder } from './builder.ts';
import { add } from './make.ts';
import type { GradientOf } from './op-def.ts';
import { ops as table } from './table.ts';

/** The gradients known so far, each of its value's type. */
export interface Gradients {
  readonly get: (id: ValueId) => ValueId | undefined;
  /** Adds a part to the gradient of `id`. */
  readonly give: (id: ValueId, part: ValueId) => void;
}

/** `names` receives, for each gradient, the name of what it is the gradient of, with `grad.` before it. */
export function makeGradients(b: Builder, names: Map<ValueId, string> = new Map()): Gradients {
  const known = new Map<ValueId, ValueId>();
  return {
    get: (id) => known.get(id),
    give: (id, part) => {
      const before = known.get(id);
      const gradient = before === undefined ? part : add(b, before, part);
      const name = b.nameOf(id);
      if (name !== undefined && !names.has(gradient)) names.set(gradient, `grad.${name}`);
      known.set(id, gradient);
    },
  };
}

function makersOf<K extends OpName>(
  b: Builder,
  op: OpShape<K>,
  gradients: readonly (ValueId | undefined)[],
): readonly (GradientOf | undefined)[] {
  return table[op.kind].vjp?.({ b, op, gradients }) ?? [];
}

export interface ReverseOptions {
  /** Whether the gradient of a value is wanted. */
  readonly active: (id: ValueId) => boolean;
  /** Gives the gradients of a loop's operands and captures. */
  readonly onLoop: (op: OpOf<'loop'>) => void;
}

/** Walks `list` from its end and gives the gradient of each active operand of what has a gradient. */
export function reverseOps(
  b: Builder,
  list: readonly Op[],
  gradients: Gradients,
  { active, onLoop }: ReverseOptions,
): void {
  for (const op of list.toReversed()) {
    const given = op.results.map((r) => gradients.get(r.id));
    if (given.every((g) => g === undefined)) continue;
    if (op.kind === 'loop') {
      b.at(op.span, () => onLoop(op));
      continue;
    }
    const makers = makersOf(b, op, given);
    op.operands.forEach((operand, i) => {
      const make = makers[i];
      if (make && active(operand)) b.at(op.span, () => gradients.give(operand, make()));
    });
  }
}
