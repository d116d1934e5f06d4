import type { Axis, Block, Graph, Op, OpOf, Value, ValueId } from '../../ir/graph.ts';
import { writtenAxes } from '../../ir/written-axes.ts';
import { present } from '../../support/invariant.ts';
import { classify, isSoft, type OpClass } from './op-class.ts';

/** The loop in whose body something stands; undefined for the graph's own block. */
export type Home = OpOf<'loop'> | undefined;

export type Definition =
  | { readonly kind: 'op'; readonly op: Op; readonly home: Home }
  | { readonly kind: 'param'; readonly loop: OpOf<'loop'>; readonly index: number; readonly home: Home };

/** What fusion looks up in a graph: definitions, and the users of every value that matters to a result. */
export interface Scope {
  readonly graph: Graph;
  /** Blocks, outer ones first. */
  readonly blocks: readonly { readonly block: Block; readonly home: Home }[];
  definition(id: ValueId): Definition;
  value(id: ValueId): Value;
  axes(id: ValueId): readonly Axis[];
  /** Those over which a kernel works that stores the value. */
  writtenAxes(id: ValueId): readonly Axis[];
  classOf(op: Op): OpClass;
  /** Of the op that makes a value; `memory` for the parameter of a loop. */
  classOfValue(id: ValueId): OpClass;
  /** Whether a kernel that needs the value may compute it on the way. */
  isSoft(id: ValueId): boolean;
  /** The op that makes a value; undefined for the parameter of a loop. */
  op(id: ValueId): Op | undefined;
  /** Live ops with the value as operand, and the loops whose bodies name it from outside. */
  users(id: ValueId): readonly Op[];
  /** Results of blocks. */
  isResult(id: ValueId): boolean;
  /** Whether an op's results reach a result of the graph. */
  isLive(op: Op): boolean;
  /** Place of the value in the text of the graph. */
  order(id: ValueId): number;
  /** Values that a loop's body names and does not define. */
  captures(loop: OpOf<'loop'>): readonly ValueId[];
}

export function makeScope(graph: Graph): Scope {
  const definitions = new Map<ValueId, Definition>();
  const values = new Map<ValueId, Value>();
  const order = new Map<ValueId, number>();
  const blocks: { block: Block; home: Home }[] = [];
  const define = (value: Value, definition: Definition): void => {
    order.set(value.id, order.size);
    values.set(value.id, value);
    definitions.set(value.id, definition);
  };
  const visit = (block: Block, home: Home): void => {
    blocks.push({ block, home });
    for (const [index, p] of block.params.entries()) if (home) define(p, { kind: 'param', loop: home, index, home });
    for (const op of block.ops) {
      if (op.kind === 'loop') visit(op.attrs.body, op);
      for (const result of op.results) define(result, { kind: 'op', op, home });
    }
  };
  visit(graph.block, undefined);

  const definition = (id: ValueId): Definition => present(definitions.get(id), `definition of value ${id}`);
  const captures = new Map<Op, readonly ValueId[]>();
  for (const { block, home } of [...blocks].reverse()) {
    if (!home) continue;
    const named = [...block.ops.flatMap((op) => [...op.operands, ...(captures.get(op) ?? [])]), ...block.results];
    captures.set(
      home,
      [...new Set(named)].filter((id) => definition(id).home !== home),
    );
  }

  const live = findLive(graph, blocks, captures);
  const users = new Map<ValueId, Op[]>();
  const use = (id: ValueId, op: Op): void => {
    const list = users.get(id);
    if (list) list.push(op);
    else users.set(id, [op]);
  };
  const results = new Set<ValueId>();
  for (const { block } of blocks) {
    for (const id of block.results) results.add(id);
    for (const op of block.ops) {
      if (live.has(op)) for (const id of new Set([...op.operands, ...(captures.get(op) ?? [])])) use(id, op);
    }
  }

  const value = (id: ValueId): Value => present(values.get(id), `value ${id}`);
  const axes = (id: ValueId): readonly Axis[] => value(id).type.axes;
  const classes = new Map<Op, OpClass>();
  const classOf = (op: Op): OpClass => {
    const known = classes.get(op) ?? classify(op, axes);
    classes.set(op, known);
    return known;
  };
  const classOfValue = (id: ValueId): OpClass => {
    const d = definition(id);
    return d.kind === 'op' ? classOf(d.op) : 'memory';
  };

  const opOf = (id: ValueId): Op | undefined => {
    const d = definition(id);
    return d.kind === 'op' ? d.op : undefined;
  };

  return {
    graph,
    blocks,
    definition,
    value,
    axes,
    writtenAxes: (id) => writtenAxes(opOf(id), axes(id)),
    classOf,
    classOfValue,
    isSoft: (id) => isSoft(classOfValue(id)),
    op: opOf,
    users: (id) => users.get(id) ?? [],
    isResult: (id) => results.has(id),
    isLive: (op) => live.has(op),
    order: (id) => present(order.get(id), `place of value ${id}`),
    captures: (loop) => captures.get(loop) ?? [],
  };
}

/** Ops that the graph's results need. A loop that is needed keeps its whole body's results alive. */
function findLive(
  graph: Graph,
  blocks: readonly { readonly block: Block; readonly home: Home }[],
  captures: ReadonlyMap<Op, readonly ValueId[]>,
): ReadonlySet<Op> {
  const needed = new Set<ValueId>(graph.block.results);
  const live = new Set<Op>();
  for (const { block, home } of blocks) {
    if (home && !live.has(home)) continue;
    for (const id of block.results) needed.add(id);
    for (let k = block.ops.length - 1; k >= 0; k--) {
      const op = present(block.ops[k], 'an op');
      if (!op.results.some((r) => needed.has(r.id))) continue;
      live.add(op);
      for (const id of [...op.operands, ...(captures.get(op) ?? [])]) needed.add(id);
    }
  }
  return live;
}
