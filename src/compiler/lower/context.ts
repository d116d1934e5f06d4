/** What lowering looks up in the fused graph. */
import type { Axis, Block, Op, OpOf, Value, ValueId } from '../ir/graph.ts';
import type { Precision, Rounding, TargetLimits } from '../ir/kernel.ts';
import type { FusedGraph } from '../ir/region.ts';
import { NO_TILES, type TileTable } from '../ir/tiling.ts';
import { blocksOf } from '../ir/walk-graph.ts';
import { writtenAxes } from '../ir/written-axes.ts';
import { present } from '../support/invariant.ts';

export type LoopOp = OpOf<'loop'>;

/** Where a value comes from: an op, or a parameter of a loop's body or of a block of `attend`. */
export type Definition =
  | { readonly kind: 'op'; readonly op: Op; readonly loop: LoopOp | undefined }
  | { readonly kind: 'param'; readonly owner: Op; readonly index: number };

export interface LowerContext {
  readonly fused: FusedGraph;
  readonly limits: TargetLimits;
  /** In which type products multiply. */
  readonly precision: Precision;
  readonly rounding: Rounding;
  /** Tiles that were measured to be best. */
  readonly tiles: TileTable;
  value(id: ValueId): Value;
  definition(id: ValueId): Definition;
  /** The stored value in whose memory `id` lies: itself, unless it is an alias. */
  memoryOf(id: ValueId): ValueId;
  /** The value whose buffer has the elements of `id`: that in whose memory it lies, or to which a loop adds it in place. */
  bufferOf(id: ValueId): ValueId;
  /** The order in which the elements of a stored value lie, row-major. */
  layoutOf(id: ValueId): readonly Axis[];
  /** Of those, the axes over which a kernel works that stores the value. */
  writtenAxes(id: ValueId): readonly Axis[];
}

/** Looks up every value of `fused` once; lowering many regions shares the result. */
export function lowerContext(fused: FusedGraph, limits: TargetLimits, tiles: TileTable = NO_TILES): LowerContext {
  const values = new Map<ValueId, Value>();
  const definitions = new Map<ValueId, Definition>();
  const define = (value: Value, definition: Definition): void => {
    values.set(value.id, value);
    definitions.set(value.id, definition);
  };
  const visitBlock = (block: Block, owner: Op | undefined, loop: LoopOp | undefined): void => {
    for (const [index, param] of block.params.entries()) if (owner) define(param, { kind: 'param', owner, index });
    for (const op of block.ops) {
      for (const result of op.results) define(result, { kind: 'op', op, loop });
      for (const inner of blocksOf(op)) visitBlock(inner, op, op.kind === 'loop' ? op : loop);
    }
  };
  visitBlock(fused.graph.block, undefined, undefined);

  const value = (id: ValueId): Value => present(values.get(id), `value ${id}`);
  const memoryOf = (id: ValueId): ValueId => {
    const target = fused.aliases.get(id);
    return target === undefined ? id : memoryOf(target);
  };
  const layoutOf = (id: ValueId): readonly Axis[] => fused.layouts.get(id) ?? value(id).type.axes;
  return {
    fused,
    limits,
    precision: fused.precision,
    rounding: fused.rounding,
    tiles,
    value,
    definition: (id) => present(definitions.get(id), `definition of value ${id}`),
    memoryOf,
    bufferOf: (id) => fused.inPlace.get(memoryOf(id)) ?? memoryOf(id),
    layoutOf,
    writtenAxes: (id) => {
      const definition = definitions.get(id);
      return writtenAxes(definition?.kind === 'op' ? definition.op : undefined, layoutOf(id));
    },
  };
}

/** `context` with the results of ops that the graph lacks, such as a derivative that only a kernel needs. */
export function extendedContext(context: LowerContext, ops: readonly Op[]): LowerContext {
  const made = new Map(ops.flatMap((op) => op.results.map((result) => [result.id, { op, result }] as const)));
  return {
    ...context,
    value: (id) => made.get(id)?.result ?? context.value(id),
    definition(id) {
      const op = made.get(id)?.op;
      return op ? { kind: 'op', op, loop: undefined } : context.definition(id);
    },
  };
}

/** The op of which a value is a result; undefined for parameters. */
export function opOf(context: LowerContext, id: ValueId): Op | undefined {
  const definition = context.definition(id);
  return definition.kind === 'op' ? definition.op : undefined;
}
