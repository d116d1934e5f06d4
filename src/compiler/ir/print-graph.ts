/**
 * The text form of a graph: one op a line, `%0: float[batch 3] "x" = kind attributes (operands)`. Values are numbered in
 * the order in which they are defined, so that equal graphs print equal.
 */
import { present } from '../support/invariant.ts';
import type {
  Axis,
  AxisId,
  Block,
  Graph,
  Op,
  OpAttrs,
  OpName,
  OpShape,
  Value,
  ValueId,
  WeightMember,
} from './graph.ts';
import { describeAxes, describeType } from './tensor-type.ts';
import { blocksOf } from './walk-graph.ts';

type Names = Map<ValueId, string>;

const LONG = 8;

function numbers(values: readonly number[]): string {
  const shown = values.length > LONG ? [...values.slice(0, LONG), `… ${values.length} in all`] : values;
  return shown.join(' ');
}

const ids = (axes: readonly AxisId[]): string => axes.join(' ');
const sized = (axes: readonly Axis[]): string => describeAxes(axes);
const place = (axis: Axis): string => `${axis.id} ${axis.size}`;

const attention = (a: OpAttrs['attend']): string => `over ${a.over} key ${place(a.key)} on ${a.on} scale ${a.scale}`;

/** What stands between the name of an op and its operands. */
const ATTRS: { readonly [K in OpName]: (attrs: OpAttrs[K]) => string } = {
  input: (a) => a.name,
  weight: (a) => a.weight,
  constant: (a) => numbers(a.values),
  index: () => '',
  random: (a) => a.path,
  runtime: (a) => a.scalar,
  unary: (a) => a.fn,
  binary: (a) => a.fn,
  where: () => '',
  cast: (a) => a.to,
  expand: (a) => sized(a.axes),
  rename: (a) => `${a.from} -> ${place(a.to)}`,
  split: (a) => `${a.from} -> ${a.into.map(place).join(' * ')}`,
  merge: (a) => `${a.from.join(' * ')} -> ${place(a.into)}`,
  permute: (a) => ids(a.axes),
  slice: (a) => `${a.from} from ${a.start} -> ${place(a.into)}`,
  pad: (a) => `${a.from} before ${a.before} -> ${place(a.into)}`,
  pick: (a) => `${a.axis} at ${a.index}`,
  stack: (a) => place(a.axis),
  sum: (a) => ids(a.axes),
  max: (a) => ids(a.axes),
  argmax: (a) => a.axis,
  contract: (a) => a.terms.map((over) => `[${ids(over)}]`).join(' + '),
  gather: (a) => a.axis,
  scatter_add: (a) => `${a.axis.id} of ${sized(a.axes)}`,
  put: (a) => a.axis,
  recur: (a) => `${a.over}${a.reverse ? ' reverse' : ''}`,
  stop_gradient: () => '',
  step_total: () => '',
  attend: attention,
  attend_backward_query: attention,
  attend_backward_key: attention,
  loop: (a) => `${place(a.axis)}${a.reverse ? ' reverse' : ''} carries ${a.carried}`,
};

function attrsText<K extends OpName>(op: OpShape<K>): string {
  return ATTRS[op.kind](op.attrs);
}

function define({ id, type, name }: Value, names: Names): string {
  const number = `%${names.size}`;
  names.set(id, number);
  return `${number}: ${describeType(type)}${name === undefined ? '' : ` "${name}"`}`;
}

function printBlock(block: Block, label: string, indent: string, names: Names): readonly string[] {
  const nameOf = (id: ValueId): string => present(names.get(id), `name of ${id}`);
  const params = block.params.map((param) => `${indent}  param ${define(param, names)}`);
  const body = block.ops.flatMap((op) => printOp(op, `${indent}  `, names));
  const results = block.results.map(nameOf).join(', ');
  return [`${indent}${label}:`, ...params, ...body, `${indent}  gives ${results}`];
}

function printOp(op: Op, indent: string, names: Names): readonly string[] {
  const operands = op.operands.map((id) => present(names.get(id), `name of ${id}`)).join(', ');
  const labels = op.kind === 'loop' ? ['body'] : ['mask', 'score'];
  const blocks = blocksOf(op).flatMap((block, i) => printBlock(block, labels[i] ?? 'block', `${indent}  `, names));
  const results = op.results.map((result) => define(result, names)).join(', ');
  const attrs = attrsText(op);
  return [`${indent}${results} = ${op.kind}${attrs && ` ${attrs}`} (${operands})`, ...blocks];
}

function memberText({ name, init, ...factors }: WeightMember): string {
  const { kind, ...settings } = init;
  const said = Object.entries({ ...settings, ...factors }).map(([key, value]) => `${key} ${value}`);
  return `${name} ~ ${kind} ${said.join(' ')}`;
}

export function printGraph(graph: Graph): string {
  const names: Names = new Map();
  const inputs = graph.inputs.map((input) => `input ${input.name}: ${describeType(input.type)}`);
  const weights = graph.weights.flatMap(({ id, axes, stacked, members }) => [
    `weight ${id}: ${sized(stacked ? [stacked, ...axes] : axes)}`,
    ...members.map((member) => `  ${memberText(member)}`),
  ]);
  const body = graph.block.ops.flatMap((op) => printOp(op, '', names));
  const outputs = graph.outputs.map(({ name, value }) => `output ${name} = ${names.get(value)}`);
  return `${[...inputs, ...weights, ...body, ...outputs].join('\n')}\n`;
}
