/** What two iterations must have in common to be one body. */
import type { Axis, Block, Op, OpAttrs, OpName, OpShape, TensorType, ValueId } from '../../ir/graph.ts';
import type { HirItem } from '../../ir/hir.ts';
import { blocksOf } from '../../ir/walk-graph.ts';

/** An iteration, seen from outside. */
export interface BodyShape {
  readonly ops: readonly Op[];
  /** One text for each op: what it does, and which values of the iteration it uses. */
  readonly parts: readonly string[];
  /** Where in the iteration a value is defined, counting results. */
  readonly local: ReadonlyMap<ValueId, number>;
  /** Values by that number. */
  readonly results: readonly ValueId[];
  /** Every mention of a value of elsewhere, in order. */
  readonly outside: readonly ValueId[];
  /** The values of all constants, in order, those in blocks included. */
  readonly constants: readonly number[];
}

/** Everything of an iteration but its constants, its weights, and what it gets from outside. */
export function bodyShape(items: readonly HirItem[]): BodyShape {
  const ops = flatten(items);
  const local = new Map<ValueId, number>();
  const results: ValueId[] = [];
  const outside: ValueId[] = [];
  const constants: number[] = [];
  const parts = ops.map((op) => {
    const operands = op.operands.map((id) => {
      const place = local.get(id);
      if (place !== undefined) return place;
      outside.push(id);
      return '_';
    });
    constants.push(...constantsOf(op));
    const leaf = op.operands.length === 0 ? op.results.map((r) => typeText(r.type)).join(' ') : '';
    for (const result of op.results) {
      local.set(result.id, results.length);
      results.push(result.id);
    }
    return `${op.kind} ${attrsText(op)} ${leaf} ${operands.join(' ')}`;
  });
  return { ops, parts, local, results, outside, constants };
}

export function flatten(items: readonly HirItem[]): readonly Op[] {
  return items.flatMap((item) => (item.kind === 'for' ? item.iterations.flatMap((it) => flatten(it.items)) : [item]));
}

/** The numbers of the constants that an op is or holds, in order. */
function constantsOf(op: Op): readonly number[] {
  if (op.kind === 'constant') return op.attrs.values;
  if (op.kind !== 'attend') return [];
  return blocksOf(op).flatMap((block) => block.ops.flatMap(constantsOf));
}

function typeText({ kind, axes }: TensorType): string {
  return `${kind}[${ids(axes)}]`;
}

const ids = (axes: readonly Axis[]): string => axes.map((axis) => axis.id).join(' ');

/** A block by the order of its values. */
function blockText(block: Block): string {
  const numbers = new Map<ValueId, number>();
  const text: string[] = [];
  for (const param of block.params) {
    numbers.set(param.id, numbers.size);
    text.push(typeText(param.type));
  }
  for (const op of block.ops) {
    const operands = op.operands.map((id) => numbers.get(id));
    text.push(`${op.kind} ${attrsText(op)} ${operands.join(' ')}`);
    for (const result of op.results) numbers.set(result.id, numbers.size);
  }
  return `{${text.join(';')} -> ${block.results.map((id) => numbers.get(id)).join(' ')}}`;
}

const attention = (a: OpAttrs['attend']): string =>
  `${a.over} ${a.key.id} ${a.on} ${a.scale} ${blockText(a.mask)} ${blockText(a.score)}`;

/** Attributes by identity, without what may differ between iterations. */
const ATTRS: { readonly [K in OpName]: (attrs: OpAttrs[K]) => string } = {
  input: (a) => a.name,
  weight: (a) => a.weight,
  constant: () => '',
  index: () => '',
  random: () => '',
  runtime: (a) => a.scalar,
  unary: (a) => a.fn,
  binary: (a) => a.fn,
  where: () => '',
  cast: (a) => a.to,
  expand: (a) => ids(a.axes),
  rename: (a) => `${a.from} ${a.to.id}`,
  split: (a) => `${a.from} ${ids(a.into)}`,
  merge: (a) => `${a.from.join(' ')} ${a.into.id}`,
  permute: (a) => a.axes.join(' '),
  slice: (a) => `${a.from} ${a.start} ${a.into.id}`,
  pad: (a) => `${a.from} ${a.before} ${a.into.id}`,
  pick: (a) => `${a.axis} ${a.index}`,
  stack: (a) => a.axis.id,
  sum: (a) => a.axes.join(' '),
  max: (a) => a.axes.join(' '),
  argmax: (a) => a.axis,
  contract: (a) => a.terms.map((over) => over.join(' ')).join('+'),
  gather: (a) => a.axis,
  scatter_add: (a) => `${a.axis.id} ${ids(a.axes)}`,
  stop_gradient: () => '',
  step_total: () => '',
  attend: attention,
  attend_backward_query: attention,
  attend_backward_key: attention,
  loop: () => 'loop',
};

function attrsText<K extends OpName>(op: OpShape<K>): string {
  return ATTRS[op.kind](op.attrs);
}
