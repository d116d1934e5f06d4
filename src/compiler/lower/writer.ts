/**
 * Writes one kernel: its buffers, uniforms, workgroup memory and statements.
 *
 * Locals have unique names while it is written; `finish` shares common subexpressions, moves what does not change out of
 * loops, and gives the final names.
 */
import type { AxisId, ValueId } from '../ir/graph.ts';
import { type Interner, makeInterner } from '../ir/intern.ts';
import type { Expr, Kernel, KernelFunction, KernelType, NarrowType, Statement, StorageType } from '../ir/kernel.ts';
import { binary, cast, u32, vector } from '../ir/kernel-expr.ts';
import { mapFunction } from '../ir/kernel-walk.ts';
import { LOADED } from '../ir/storage-type.ts';
import { present } from '../support/invariant.ts';
import { asStored, unrounded } from './as-stored.ts';
import type { LowerContext } from './context.ts';
import {
  areSideBySide,
  bounded,
  boundOf,
  div,
  greatestCommonDivisor,
  multiple,
  multipleOf,
  rowMajor,
} from './index-math.ts';
import { makeNamer, sanitised } from './names.ts';
import { type Hint, placeLets } from './place.ts';
import { makeResources, type Resources } from './resources.ts';
import { type Local, makeScopes, type Scopes } from './scopes.ts';
import { settleNames } from './settle-names.ts';

/** An index for each axis. */
export type Env = ReadonlyMap<AxisId, Expr>;

/** A local that changes, or an element of a local array. */
export interface Variable {
  /** Reads it. */
  readonly value: Extract<Expr, { kind: 'local' | 'element' }>;
}

export interface LocalArray {
  readonly name: string;
  /** Reads an element: its value at this moment, so give it a name if it is used twice. */
  readonly at: (index: Expr) => Variable['value'];
  readonly assign: (index: Expr, value: Expr) => void;
}

/** The parts of a kernel that the writer does not know. */
export type KernelHead = Pick<Kernel, 'name' | 'doc' | 'workgroup' | 'groups' | 'flops' | 'bytes'> &
  Partial<Pick<Kernel, 'features' | 'resident' | 'tiling'>>;

export interface KernelWriter
  extends Pick<Resources, 'uniform' | 'shared'>,
    Pick<Scopes, 'scopeOf' | 'within' | 'isOpen' | 'current'> {
  readonly context: LowerContext;
  /** Numbers expressions by structure. */
  readonly structureOf: Interner;

  /** The element of a stored value at a position in its memory; of the value's scalar type. */
  load(value: ValueId, position: Expr): Expr;
  /** Writes that element. */
  store(value: ValueId, position: Expr, element: Expr): void;
  /** Where the element of a stored value lies, by its layout. */
  positionOf(value: ValueId, at: Env): Expr;

  /** Where elements of `type` lie side by side in a buffer, the first at a multiple of their number: its number among such pieces. */
  piece(parts: readonly Expr[], type: StorageType): { readonly buffer: string; readonly index: Expr } | undefined;

  /** Four numbers as a vector: one load where they lie side by side in a buffer, the first at a multiple of four. */
  four(parts: readonly Expr[]): Expr;

  let(wish: string, value: Expr): Expr;
  var(wish: string, value: Expr): Variable;
  assign(variable: Variable, value: Expr): void;
  /** A local array of `values`, or of that many zeros. */
  array(wish: string, type: 'f32' | 'vec4', values: number | readonly Expr[]): LocalArray;
  storeShared(array: string, index: Expr, value: Expr): void;
  /** `index` runs over 0, step, 2 * step, … below `count` (or from `from`). A loop of one pass is no loop. */
  loop(wish: string, count: number | Expr, body: (index: Expr) => void, options?: LoopOptions): void;
  when(condition: Expr, then: () => void, otherwise?: () => void): void;
  comment(text: string): void;
  barrier(): void;
  /** Begins to copy elements of a buffer to workgroup memory; a group of copies is closed, and waited for. */
  copyShared(copy: Omit<Of<'copy_shared'>, 'kind'>): void;
  commitCopies(): void;
  waitCopies(open: number): void;
  /** The value that a lane of the subgroup has. */
  shuffle(wish: string, value: Expr, lane: Expr): Expr;
  /** The name of a fragment that is loaded. */
  loadFragment(wish: string, from: Omit<Of<'load_fragment'>, 'kind' | 'name'>): string;
  /** The name of a row fragment of sums. */
  roundFragment(wish: string, type: NarrowType, from: LocalArray, first: Expr): string;
  /** Adds the product of fragments, by their names, to the sums of `into` from `first`. */
  multiplyFragments(
    into: LocalArray,
    first: Expr,
    product: Pick<Of<'multiply_fragments'>, 'type' | 'row' | 'column'>,
  ): void;
  exit(): void;
  call(fn: string, args: readonly Expr[]): void;
  /** A helper function; its body is written by `body`, which gets the parameters and gives the result, if any. */
  fn(
    wish: string,
    doc: string,
    params: readonly { readonly name: string; readonly type: KernelType }[],
    body: (params: readonly Expr[]) => Expr | undefined,
  ): string;

  /** Says how `expr` should be called if it is given a name; `always` asks for a name if it is not trivial. */
  hint(expr: Expr, wish: string, always?: boolean): void;

  finish(head: KernelHead): Kernel;
}

type Of<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>;

export interface LoopOptions {
  readonly from?: Expr;
  readonly step?: Expr;
  /** The largest value of the index, where count and from do not say it. */
  readonly max?: number;
  /** `step` lanes share the numbers below `count`, in any way. */
  readonly isShared?: boolean;
  /** Short, and indexes local arrays: better unrolled. */
  readonly unrolled?: true;
}

export function makeWriter(context: LowerContext): KernelWriter {
  const structureOf = makeInterner();
  const globalName = makeNamer();
  const localName = makeNamer();
  const resources = makeResources(context, globalName);
  const scopes = makeScopes();
  const { emit, nested } = scopes;
  const functions: KernelFunction[] = [];
  const hints = new Map<number, Hint>();
  const body = scopes.current();

  /** A `#` cannot occur in a name of the spec; the final names replace all of these. */
  const local = (wish: string, type: KernelType): Local => scopes.local(localName(`${sanitised(wish)}#`), type);
  const placed = (statements: readonly Statement[]): readonly Statement[] =>
    placeLets(statements, { structureOf, hintOf: (expr) => hints.get(structureOf(expr)), fresh: localName });

  return {
    context,
    structureOf,
    uniform: resources.uniform,
    shared: resources.shared,
    scopeOf: scopes.scopeOf,
    within: scopes.within,
    isOpen: scopes.isOpen,
    current: scopes.current,

    load(value, position) {
      const buffer = resources.buffer(value, 'read');
      const { kind } = context.value(value).type;
      const cell: Expr = { kind: 'load', type: LOADED[buffer.type], buffer: buffer.name, index: position };
      return kind === 'bool' ? binary('ne', cell, u32(0)) : cell;
    },
    store(value, position, element) {
      const buffer = resources.buffer(value, 'read_write');
      const whole = cast(LOADED[buffer.type], element);
      const kept = asStored(context, resources.uniform, context.memoryOf(value), position, whole);
      emit({ kind: 'store', buffer: buffer.name, index: position, value: unrounded(kept) });
    },
    positionOf(value, at) {
      return rowMajor(context.layoutOf(value), (axis) => present(at.get(axis.id), `index of axis ${axis.name}`));
    },

    piece(parts, type) {
      const [first] = parts;
      const buffer = first?.kind === 'load' ? resources.named(first.buffer) : undefined;
      const isWhole = buffer?.type === type && buffer.access === 'read' && buffer.elements % parts.length === 0;
      if (!isWhole || first?.kind !== 'load' || !areSideBySide(parts)) return undefined;
      return { buffer: buffer.name, index: div(first.index, parts.length) };
    },

    four(parts) {
      const [first] = parts;
      const buffer = first?.kind === 'load' ? resources.named(first.buffer) : undefined;
      const isWhole = buffer && LOADED[buffer.type] === 'f32' && buffer.elements % 4 === 0;
      if (!isWhole || first?.kind !== 'load' || !areSideBySide(parts)) return vector(parts);
      return { kind: 'load', type: 'vec4', buffer: first.buffer, index: div(first.index, 4) };
    },

    let(wish, value) {
      const named = local(wish, value.type);
      emit({ kind: 'let', name: named.name, value });
      if (value.type === 'u32') multiple(named, multipleOf(value));
      return bounded(named, boundOf(value));
    },
    var(wish, value) {
      const named = local(wish, value.type);
      emit({ kind: 'var', name: named.name, type: value.type, value });
      return { value: named };
    },
    assign({ value: place }, value) {
      if (place.kind === 'local') emit({ kind: 'assign', name: place.name, value });
      else emit({ kind: 'assign_element', array: place.array, index: place.index, value });
    },
    array(wish, type, values) {
      const { name } = local(wish, type);
      const [elements, list] = typeof values === 'number' ? [values, []] : [values.length, values];
      emit({ kind: 'array', name, type, elements, values: list });
      return {
        name,
        at: (index) => ({ kind: 'element', type, array: name, index }),
        assign: (index, value) => emit({ kind: 'assign_element', array: name, index, value }),
      };
    },
    storeShared: (array, index, value) => emit({ kind: 'store_shared', array, index, value }),
    loop(wish, count, write, { from = u32(0), step = u32(1), max, isShared, unrolled }: LoopOptions = {}) {
      if (count === 1 && from.kind === 'literal') {
        write(from);
        return;
      }
      const last = max ?? (typeof count === 'number' ? count - 1 : Number.POSITIVE_INFINITY);
      let name = '';
      const statements = nested('loop', () => {
        const index = local(wish, 'u32');
        name = index.name;
        const by = step.kind === 'literal' ? greatestCommonDivisor(step.value, multipleOf(from)) : 1;
        write(bounded(multiple(index, by), Math.floor(last / by) * by));
      });
      const to = typeof count === 'number' ? u32(count) : count;
      const how = { ...(isShared ? { isShared } : {}), ...(unrolled ? { unrolled } : {}) };
      emit({ kind: 'for', name, from, to, step, ...how, body: statements });
    },
    when(condition, then, otherwise) {
      const yes = nested('if', then);
      emit({ kind: 'if', condition, then: yes, else: otherwise ? nested('if', otherwise) : [] });
    },
    comment: (text) => emit({ kind: 'comment', text }),
    barrier: () => emit({ kind: 'barrier' }),
    copyShared: (copy) => emit({ kind: 'copy_shared', ...copy }),
    commitCopies: () => emit({ kind: 'commit_copies' }),
    waitCopies: (open) => emit({ kind: 'wait_copies', open }),
    shuffle(wish, value, lane) {
      const named = local(wish, value.type);
      emit({ kind: 'shuffle', name: named.name, value, lane });
      return named;
    },
    loadFragment(wish, from) {
      const { name } = local(wish, 'f32');
      emit({ kind: 'load_fragment', name, ...from });
      return name;
    },
    roundFragment(wish, type, from, first) {
      const { name } = local(wish, 'f32');
      emit({ kind: 'round_fragment', name, type, from: from.name, first });
      return name;
    },
    multiplyFragments: ({ name }, first, product) =>
      emit({ kind: 'multiply_fragments', into: name, first, ...product }),
    exit: () => emit({ kind: 'return' }),
    call: (fn, args) => emit({ kind: 'call', fn, args }),
    fn(wish, doc, params, write) {
      const name = globalName(sanitised(wish));
      let locals: readonly Local[] = [];
      let result: Expr | undefined;
      const statements = scopes.apart(() => {
        locals = params.map((param) => local(param.name, param.type));
        result = write(locals);
      });
      functions.push({
        name,
        doc,
        params: locals.map((param) => ({ name: param.name, type: param.type })),
        body: statements,
        result,
      });
      return name;
    },

    hint(expr, wish, always = false) {
      const key = structureOf(expr);
      if (hints.get(key)?.always !== true) hints.set(key, { wish, always });
    },
    finish(head) {
      return settleNames({
        features: [],
        ...head,
        ...resources.declared(),
        functions: functions.map((fn) => mapFunction(fn, placed)),
        body: placed(body.statements),
      });
    },
  };
}
