/** Building the body of a loop from the first iteration of its run. */
import type { Axis, Block, Op, OpOf, Value, ValueId } from '../../ir/graph.ts';
import { tensor } from '../../ir/tensor-type.ts';
import type { Builder, LoopBuilder } from '../../ops/builder.ts';
import { present } from '../../support/invariant.ts';
import type { Run, Slot } from './runs.ts';

export interface BodyContext {
  readonly builder: Builder;
  readonly loop: LoopBuilder;
  readonly axis: Axis;
  /** The value of a slot within the body. */
  readonly slotValue: (slot: Slot) => ValueId;
  readonly named: (value: Value) => Value;
}

/** Adds the ops of an iteration; gives what each of its values is in the body. */
export function buildBody(run: Run, context: BodyContext): ReadonlyMap<ValueId, ValueId> {
  const { builder, named } = context;
  const first = present(run.shapes[0], 'an iteration');
  const replaced = new Map<ValueId, ValueId>();
  const tables = makeTables(run, context);
  let mention = 0;
  for (const op of first.ops) {
    const operands = op.operands.map((id) => {
      if (first.local.has(id)) return replaced.get(id) ?? id;
      mention += 1;
      return context.slotValue(present(run.slots[mention - 1], 'a slot'));
    });
    const results = op.results.map(named);
    if (op.kind === 'constant') {
      const table = tables.next(results[0]);
      if (table === undefined) builder.append({ ...op, results });
      else for (const result of results) replaced.set(result.id, table);
    } else if (op.kind === 'attend') {
      builder.append(withTables({ ...op, operands, results }, tables, builder));
    } else builder.append({ ...op, operands, results });
  }
  return replaced;
}

interface Tables {
  /** The slice of the next constant's table, or undefined when it is the same in all iterations. */
  readonly next: (value: Value | undefined) => ValueId | undefined;
}

/** Constants that differ between iterations become tables with a number for each. */
function makeTables({ shapes }: Run, { builder, loop, axis }: BodyContext): Tables {
  let at = 0;
  return {
    next: (value) => {
      const values = shapes.map((shape) => present(shape.constants[at], 'a constant'));
      at += 1;
      const [first] = values;
      if (value === undefined || values.every((other) => Object.is(other, first))) return undefined;
      const type = tensor(value.type.kind, [axis]);
      const table = loop.outer(() => builder.leaf('constant', { values }, type, { name: value.name }));
      return loop.slice(table);
    },
  };
}

/** Constants in the blocks of an attend that differ become captures. */
function withTables(op: OpOf<'attend'>, tables: Tables, builder: Builder): Op {
  const tabled: { readonly value: Value; readonly slice: ValueId }[] = [];
  const keep = (block: Block): readonly Op[] =>
    block.ops.filter((inner) => {
      const [value] = inner.results;
      const slice = inner.kind === 'constant' ? tables.next(value) : undefined;
      if (slice !== undefined && value) tabled.push({ value, slice });
      return slice === undefined;
    });
  const [maskOps, scoreOps] = [keep(op.attrs.mask), keep(op.attrs.score)];
  if (tabled.length === 0) return op;
  const block = (before: Block, ops: readonly Op[]): Block => {
    const own = new Set(before.ops.flatMap((inner) => inner.results.map((r) => r.id)));
    const captures = tabled.map(({ value }) => (own.has(value.id) ? value : freshLike(value, builder)));
    return { ...before, params: [...before.params, ...captures], ops };
  };
  const operands = [...op.operands, ...tabled.map((t) => t.slice)];
  const attrs = { ...op.attrs, mask: block(op.attrs.mask, maskOps), score: block(op.attrs.score, scoreOps) };
  return { ...op, operands, attrs };
}

function freshLike({ type, name }: Value, builder: Builder): Value {
  const { params } = builder.block([{ type, name }], (given) => given);
  return present(params[0], 'a parameter');
}
