/**
 * Writes one kernel: its buffers, uniforms, workgroup memory and statements.
 *
 * Statements go to the innermost open scope, or with `within` to an outer one: an outer scope's loop that is still open
 * is not yet among its statements, so what is written there comes before it. Locals have unique names while a kernel is
 * written; `finish` shares common subexpressions, moves what does not change out of loops, and gives the final names.
 */
import type { AxisId, ValueId } from '../ir/graph.ts';
import type {
  Expr,
  Kernel,
  KernelBuffer,
  KernelFunction,
  KernelType,
  KernelUniform,
  ScalarType,
  SharedArray,
  Statement,
  UniformSource,
} from '../ir/kernel.ts';
import { binary, cast, u32 } from '../ir/kernel-expr.ts';
import { operandsOf } from '../ir/kernel-walk.ts';
import { invariant, present } from '../support/invariant.ts';
import { elementsOf, type LowerContext } from './context.ts';
import { bounded, boundOf, rowMajor } from './index-math.ts';
import { type Interner, makeInterner } from './intern.ts';
import { longName, makeNamer, sanitised } from './names.ts';
import { placeLets } from './place.ts';
import { CELL } from './scalar.ts';
import { settleNames } from './settle-names.ts';

/** An index for each axis. */
export type Env = ReadonlyMap<AxisId, Expr>;

/** A list of statements that is being written. What is inside an `if` must not move out of it. */
export interface Scope {
  readonly statements: Statement[];
  readonly kind: 'body' | 'loop' | 'if';
}

export interface Variable {
  readonly name: string;
  /** Reads it. */
  readonly value: Expr;
}

/** The parts of a kernel that the writer does not know. */
export type KernelHead = Pick<Kernel, 'name' | 'doc' | 'workgroup' | 'groups' | 'flops' | 'bytes'> &
  Partial<Pick<Kernel, 'features'>>;

export interface KernelWriter {
  readonly context: LowerContext;
  /** Numbers expressions by structure. */
  readonly structureOf: Interner;

  /** The element of a stored value at a position in its memory; of the value's scalar type. */
  load(value: ValueId, position: Expr): Expr;
  /** Writes that element. */
  store(value: ValueId, position: Expr, element: Expr): void;
  /** Where the element of a stored value lies, by its layout. */
  positionOf(value: ValueId, at: Env): Expr;

  /** A uniform as an expression; one for each source. */
  uniform(wish: string, type: KernelUniform['type'], source: UniformSource): Expr;
  shared(wish: string, type: ScalarType, elements: number): string;

  let(wish: string, value: Expr): Expr;
  var(wish: string, value: Expr): Variable;
  assign(variable: Variable, value: Expr): void;
  storeShared(array: string, index: Expr, value: Expr): void;
  /** `index` runs over 0, step, 2 * step, … below `count` (or from `from`). */
  loop(wish: string, count: number | Expr, body: (index: Expr) => void, options?: LoopOptions): void;
  when(condition: Expr, then: () => void, otherwise?: () => void): void;
  comment(text: string): void;
  barrier(): void;
  exit(): void;
  call(fn: string, args: readonly Expr[]): void;
  /** A helper function; its body is written by `body`, which gets the parameters. */
  fn(
    wish: string,
    doc: string,
    params: readonly { readonly name: string; readonly type: KernelType }[],
    body: (params: readonly Expr[]) => void,
  ): string;

  /** The outermost open scope in which `exprs` can be evaluated: that of their locals, but inside any open `if`. */
  scopeOf(exprs: readonly Expr[]): Scope;
  /** Writes to an open outer scope. */
  within(scope: Scope, write: () => void): void;
  isOpen(scope: Scope): boolean;
  /** The scope to which statements go. */
  current(): Scope;
  /** Says how `expr` should be called if it is given a name; `always` asks for a name if it is not trivial. */
  hint(expr: Expr, wish: string, always?: boolean): void;

  finish(head: KernelHead): Kernel;
}

export interface LoopOptions {
  readonly from?: Expr;
  readonly step?: Expr;
  /** The largest value of the index, where count and from do not say it. */
  readonly max?: number;
}

export function makeWriter(context: LowerContext): KernelWriter {
  const structureOf = makeInterner();
  const globalName = makeNamer();
  const localName = makeNamer();
  const buffers = new Map<ValueId, KernelBuffer>();
  const uniforms = new Map<string, KernelUniform>();
  const arrays: SharedArray[] = [];
  const functions: KernelFunction[] = [];
  const hints = new Map<number, { readonly wish: string; readonly always: boolean }>();
  const body: Scope = { statements: [], kind: 'body' };
  const homes = new Map<string, Scope>();
  let open: readonly Scope[] = [body];

  const innermost = (): Scope => present(open.at(-1), 'open scope');
  const emit = (statement: Statement): void => void innermost().statements.push(statement);

  /** A `#` cannot occur in a name of the spec; the final names replace all of these. */
  const local = (wish: string, type: KernelType, scope = innermost()): Expr & { readonly kind: 'local' } => {
    const name = localName(`${sanitised(wish)}#`);
    homes.set(name, scope);
    return { kind: 'local', type, name };
  };

  const nested = (kind: Scope['kind'], write: (scope: Scope) => void): readonly Statement[] => {
    const scope: Scope = { statements: [], kind };
    const outer = open;
    open = [...open, scope];
    write(scope);
    open = outer;
    return scope.statements;
  };

  const bufferOf = (value: ValueId, access: KernelBuffer['access']): KernelBuffer => {
    const holds = context.memoryOf(value);
    const known = buffers.get(holds);
    if (known && (known.access === access || access === 'read')) return known;
    const { type } = context.value(holds);
    const definition = context.definition(holds);
    const name = longName(context.value(holds), definition.kind === 'op' ? definition.op : undefined);
    const buffer: KernelBuffer = {
      name: known?.name ?? globalName(name),
      holds,
      type: CELL[type.kind],
      elements: elementsOf(type.axes),
      access,
      shape: shapeText(context, holds),
    };
    buffers.set(holds, buffer);
    return buffer;
  };

  const depths = new WeakMap<Expr, ReadonlySet<Scope>>();
  const scopesIn = (expr: Expr): ReadonlySet<Scope> => {
    const known = depths.get(expr);
    if (known) return known;
    const found = new Set<Scope>();
    if (expr.kind === 'local') found.add(homes.get(expr.name) ?? body);
    for (const operand of operandsOf(expr)) for (const scope of scopesIn(operand)) found.add(scope);
    depths.set(expr, found);
    return found;
  };

  const scopeOf = (exprs: readonly Expr[]): Scope => {
    let depth = open.findLastIndex((scope) => scope.kind === 'if' || scope.kind === 'body');
    for (const expr of exprs) {
      for (const scope of scopesIn(expr)) {
        const at = open.indexOf(scope);
        invariant(at >= 0, 'an expression names a local whose scope is closed');
        depth = Math.max(depth, at);
      }
    }
    return present(open[depth], 'scope');
  };

  const writer: KernelWriter = {
    context,
    structureOf,
    load(value, position) {
      const buffer = bufferOf(value, 'read');
      const { kind } = context.value(value).type;
      const cell: Expr = { kind: 'load', type: buffer.type, buffer: buffer.name, index: position };
      return kind === 'bool' ? binary('ne', cell, u32(0)) : cell;
    },
    store(value, position, element) {
      const buffer = bufferOf(value, 'read_write');
      emit({ kind: 'store', buffer: buffer.name, index: position, value: cast(buffer.type, element) });
    },
    positionOf(value, at) {
      return rowMajor(context.layoutOf(value), (axis) => present(at.get(axis.id), `index of axis ${axis.name}`));
    },
    uniform(wish, type, source) {
      const key = JSON.stringify(source);
      const uniform = uniforms.get(key) ?? { name: globalName(sanitised(wish)), type, source };
      uniforms.set(key, uniform);
      return { kind: 'uniform', type: uniform.type, name: uniform.name };
    },
    shared(wish, type, elements) {
      const name = globalName(sanitised(wish));
      arrays.push({ name, type, elements });
      return name;
    },
    let(wish, value) {
      const named = local(wish, value.type);
      emit({ kind: 'let', name: named.name, value });
      return bounded(named, boundOf(value));
    },
    var(wish, value) {
      const named = local(wish, value.type);
      emit({ kind: 'var', name: named.name, type: value.type, value });
      return { name: named.name, value: named };
    },
    assign(variable, value) {
      emit({ kind: 'assign', name: variable.name, value });
    },
    storeShared(array, index, value) {
      emit({ kind: 'store_shared', array, index, value });
    },
    loop(wish, count, write, options = {}) {
      const to = typeof count === 'number' ? u32(count) : count;
      let name = '';
      const statements = nested('loop', (scope) => {
        const index = local(wish, 'u32', scope);
        name = index.name;
        const max = options.max ?? (typeof count === 'number' ? count - 1 : Number.POSITIVE_INFINITY);
        write(bounded(index, max));
      });
      const { from = u32(0), step = u32(1) } = options;
      emit({ kind: 'for', name, from, to, step, body: statements });
    },
    when(condition, then, otherwise) {
      const yes = nested('if', then);
      const no = otherwise ? nested('if', otherwise) : [];
      emit({ kind: 'if', condition, then: yes, else: no });
    },
    comment: (text) => emit({ kind: 'comment', text }),
    barrier: () => emit({ kind: 'barrier' }),
    exit: () => emit({ kind: 'return' }),
    call: (fn, args) => emit({ kind: 'call', fn, args }),
    fn(wish, doc, params, write) {
      const name = globalName(sanitised(wish));
      const outer = open;
      const scope: Scope = { statements: [], kind: 'body' };
      open = [scope];
      const locals = params.map((param) => local(param.name, param.type));
      write(locals);
      open = outer;
      const named = params.map((param, i) => ({ name: present(locals[i], 'parameter').name, type: param.type }));
      functions.push({ name, doc, params: named, body: scope.statements });
      return name;
    },
    scopeOf,
    within(scope, write) {
      const outer = open;
      const depth = outer.indexOf(scope);
      invariant(depth >= 0, 'wrote to a scope that is closed');
      open = outer.slice(0, depth + 1);
      write();
      open = outer;
    },
    isOpen: (scope) => open.includes(scope),
    current: innermost,
    hint(expr, wish, always = false) {
      const key = structureOf(expr);
      if (hints.get(key)?.always !== true) hints.set(key, { wish, always });
    },
    finish(head) {
      const placed = (statements: readonly Statement[]) =>
        placeLets(statements, { structureOf, hintOf: (expr) => hints.get(structureOf(expr)), fresh: localName });
      const reads = [...buffers.values()].filter((b) => b.access === 'read');
      const writes = [...buffers.values()].filter((b) => b.access === 'read_write');
      return settleNames({
        features: [],
        ...head,
        buffers: [...reads, ...writes],
        uniforms: [...uniforms.values()],
        shared: arrays,
        functions: functions.map((fn) => ({ ...fn, body: placed(fn.body) })),
        body: placed(body.statements),
      });
    },
  };
  return writer;
}

/** `[batch 8, time 128, width 64]`, in the order in which the elements lie. */
export function shapeText(context: LowerContext, value: ValueId): string {
  return `[${context
    .layoutOf(value)
    .map((axis) => `${axis.name} ${axis.size}`)
    .join(', ')}]`;
}
