import type { Expr, KernelType, NarrowType } from '../../compiler/ir/kernel.ts';
import { div, mod, u32 } from '../../compiler/ir/kernel-expr.ts';
import { isNarrow } from '../../compiler/ir/storage-type.ts';
import { InternalError, invariant, present } from '../../compiler/support/invariant.ts';
import {
  type Dialect,
  type Form,
  type Helper,
  type MatrixForms,
  type ModuleArray,
  type NarrowForms,
  type PlaceName,
  PRECEDENCE,
  type Precedence,
  type Printed,
} from './dialect.ts';
import type { NameKind, Scope } from './namer.ts';

/** What printing an expression needs, and what it leaves behind. */
export interface ExprContext {
  readonly dialect: Dialect;
  readonly scope: Scope;
  /** Uniforms of the kernel as the text reads them: `launch.scale`. */
  readonly uniforms: ReadonlyMap<string, string>;
  /** What is passed to a function besides its arguments. */
  readonly captured: ReadonlyMap<string, readonly string[]>;
  /** Helpers that the text so far calls, each after those it needs. */
  readonly helpers: Set<Helper>;
  /** Places of the invocation that it reads. */
  readonly places: Set<PlaceName>;
  /** Buffers whose elements are declared in fours. */
  readonly inFours: ReadonlySet<string>;
  /** Buffers whose elements take two bytes. */
  readonly narrow: ReadonlyMap<string, NarrowType>;
  /** Arrays of workgroup memory, with what the text calls them. */
  readonly shared: ReadonlyMap<string, ModuleArray>;
}

/** Prints an expression; a literal is written with its type unless the place `infers` it. */
export function printExpr(e: Expr, context: ExprContext, infers: boolean): Printed {
  const { dialect } = context;
  const inner = (x: Expr): Printed => printExpr(x, context, true);
  switch (e.kind) {
    case 'literal':
      return dialect.literal(e.type, e.value, infers);
    case 'local':
      return atom(nameOf('local', e.name, context.scope));
    case 'uniform':
      return atom(present(context.uniforms.get(e.name), `uniform ${e.name}`));
    case 'builtin':
      context.places.add(e.name);
      return atom(nameOf('place', e.name, context.scope));
    case 'load':
      if (e.type === 'vec4') return fourOf(e.buffer, e.index, context);
      return loadOne(e, context);
    case 'load_shared': {
      const { type, name } = arrayOf(e.array, context);
      if (e.type === 'vec4') return atom(loadFourOf(dialect)(name, inner(e.index).text));
      const found = sharedElement(e.array, e.index, context);
      return isNarrow(type) ? write(formsOf(type, dialect).widen, [found], context) : found;
    }
    case 'element':
      return element('local', e.array, e.index, context);
    case 'call':
      return atom(printCall(e, context));
    case 'unary':
      return apply(dialect.unary[e.op](e.operand.type), [e.operand], e.operand.type, context);
    case 'binary':
      return printBinary(e, context);
    case 'select':
      return dialect.select(e.type, inner(e.condition), ...typedPair(e.then, e.else, context));
    case 'cast':
      return printCast(e.operand, e.type, context);
    case 'random': {
      const key: Expr = { kind: 'literal', type: 'u32', value: e.key };
      return write(dialect.random, [key, ...e.counters].map(inner), context);
    }
    case 'vector':
      return write(e.parts.length === 1 ? dialect.splat : dialect.vector, e.parts.map(inner), context);
    case 'component':
      return atom(`${wrap(inner(e.vector), PRECEDENCE.atom)}.${dialect.components[e.index]}`);
  }
}

/** How four are loaded of what is declared one by one; lowering loads none of workgroup memory for a target that cannot. */
function loadFourOf({ loadFour, target }: Dialect): NonNullable<Dialect['loadFour']> {
  return present(loadFour, `fours of ${target}`);
}

/** Four elements of a buffer. */
function fourOf(name: string, index: Expr, context: ExprContext): Printed {
  const { loadFour } = context.dialect;
  const forms = narrowForms(name, context);
  if (!loadFour) {
    const four = element('buffer', name, index, context);
    return forms ? write(forms.widenFour, [four], context) : four;
  }
  const parts = [atom(nameOf('buffer', name, context.scope)), printExpr(index, context, true)] as const;
  return forms ? write(forms.widenFour, parts, context) : atom(loadFour(parts[0].text, parts[1].text));
}

function loadOne(e: Extract<Expr, { kind: 'load' }>, context: ExprContext): Printed {
  const cell = stored(e.buffer, e.index, context);
  const forms = narrowForms(e.buffer, context);
  return forms ? write(forms.widen, [cell], context) : fromStored(e.type, cell, context);
}

/** How elements of a buffer are written that take two bytes. */
function narrowForms(buffer: string, { narrow, dialect }: ExprContext): NarrowForms | undefined {
  const type = narrow.get(buffer);
  return type && formsOf(type, dialect);
}

export function formsOf(type: NarrowType, { narrow, target }: Dialect): NarrowForms {
  return present(narrow[type], `${target} has elements of ${type}`);
}

/** A value as it is put into a buffer. */
export function storable(buffer: string, value: Expr, context: ExprContext): string {
  const forms = narrowForms(buffer, context);
  const printed = printExpr(toStored(value), context, true);
  const round = value.type === 'vec4' ? forms?.roundFour : forms?.round;
  return (round ? write(round, [printed], context) : printed).text;
}

/** One element of a buffer, which may be declared in fours. */
export function stored(name: string, index: Expr, context: ExprContext): Printed {
  if (!context.inFours.has(name)) return element('buffer', name, index, context);
  const four = element('buffer', name, div(index, u32(4)), context);
  return atom(`${four.text}[${printExpr(mod(index, u32(4)), context, true).text}]`);
}

/** `name[index]` of an array of workgroup memory. */
export function sharedElement(name: string, index: Expr, context: ExprContext): Printed {
  return atom(`${arrayOf(name, context).name}[${printExpr(index, context, true).text}]`);
}

export function arrayOf(name: string, { shared }: ExprContext): ModuleArray {
  return present(shared.get(name), `workgroup memory ${name}`);
}

/** What a dialect has of matrices; lowering makes none for a target that has not. */
export function matricesOf({ matrices, target }: Dialect): MatrixForms {
  return present(matrices, `matrices of ${target}`);
}

/** `name[index]` of a buffer or of a local array. */
export function element(kind: 'buffer' | 'local', name: string, index: Expr, context: ExprContext): Printed {
  return atom(`${nameOf(kind, name, context.scope)}[${printExpr(index, context, true).text}]`);
}

/** A call of a function of the kernel, as an expression or a statement. */
export function printCall({ fn, args }: { readonly fn: string; readonly args: readonly Expr[] }, context: ExprContext) {
  const own = args.map((arg) => printExpr(arg, context, true).text);
  return `${nameOf('function', fn, context.scope)}(${[...own, ...(context.captured.get(fn) ?? [])].join(', ')})`;
}

/** Operands in a form. */
export function printForm(form: Form, operands: readonly Expr[], context: ExprContext): string {
  const printed = operands.map((operand) => printExpr(operand, context, true));
  return write(form, printed, context).text;
}

/** A bool as it lies in a buffer. */
function toStored(value: Expr): Expr {
  return value.type === 'bool' ? { kind: 'cast', type: 'u32', operand: value } : value;
}

/** Adds helpers, each after those it needs. */
export function useHelper(helper: Helper, used: Set<Helper>): void {
  for (const needed of helper.needs) useHelper(needed, used);
  used.add(helper);
}

function fromStored(type: KernelType, stored: Printed, context: ExprContext): Printed {
  return type === 'bool' ? write(context.dialect.cast.u32.bool, [stored], context) : stored;
}

function printBinary(e: Extract<Expr, { kind: 'binary' }>, context: ExprContext): Printed {
  const type = e.left.type === 'vec4' ? 'vec4' : e.right.type;
  const form = context.dialect.binary[e.op](type, e.left.type, e.right.type);
  // Only infix operators take a scalar beside a vector.
  const operands = form.kind === 'infix' ? [e.left, e.right] : [e.left, e.right].map((x) => widen(x, type));
  return apply(form, operands, type, context, isAssociative(e) && e.right.kind === 'binary' && e.right.op === e.op);
}

/** Whether a op (b op c) is (a op b) op c to the last bit. */
function isAssociative(e: Extract<Expr, { kind: 'binary' }>): boolean {
  if (e.op === 'and' || e.op === 'or') return true;
  return (e.op === 'add' || e.op === 'mul') && (e.type === 'u32' || e.type === 'i32');
}

function widen(e: Expr, type: KernelType): Expr {
  return type === 'vec4' && e.type !== 'vec4' ? { kind: 'vector', type: 'vec4', parts: [e] } : e;
}

function printCast(operand: Expr, to: Expr['type'], context: ExprContext): Printed {
  const from = operand.type;
  invariant(from !== 'vec4' && to !== 'vec4', 'vectors are not cast');
  return apply(context.dialect.cast[from][to], [operand], from, context);
}

/** Prints operands and puts them in a form. Constants alone are hidden, where a target would refuse to fold them. */
function apply(
  form: Form,
  operands: readonly Expr[],
  type: KernelType,
  context: ExprContext,
  chained = false,
): Printed {
  const constant = operands.every((o) => o.kind === 'literal');
  const printed = operands.map((o) => printExpr(o, context, !constant));
  const { opaque } = context.dialect;
  const [first, ...rest] = printed;
  if (!constant || !opaque || type !== 'f32' || !first) return write(form, printed, context, chained);
  return write(form, [write(opaque, [first], context), ...rest], context);
}

export function write(form: Form, operands: readonly Printed[], context: ExprContext, chained = false): Printed {
  if (form.helper) useHelper(form.helper, context.helpers);
  switch (form.kind) {
    case 'call':
      return atom(`${form.name}(${operands.map((o) => o.text).join(', ')})`);
    case 'prefix':
      // A second prefix operator is wrapped, or two signs would meet.
      return {
        text: `${form.symbol}${wrap(present(operands[0], 'an operand'), PRECEDENCE.atom)}`,
        precedence: PRECEDENCE.prefix,
      };
    case 'infix': {
      const [left, right] = operands;
      if (!left || !right) throw new InternalError(`operator ${form.symbol} needs two operands`);
      return infix(form, left, right, chained);
    }
  }
}

/** Writes the fewest parentheses that keep the order of operations; `chained`: those on the right are not needed. */
function infix(form: Extract<Form, { kind: 'infix' }>, left: Printed, right: Printed, chained: boolean): Printed {
  const { precedence, symbol, operands = precedence } = form;
  const tighter = precedence + 1;
  const { and, or, compare } = PRECEDENCE;
  const isLogical = (p: Precedence): boolean => p === and || p === or;
  const side = (p: Printed, needs: number): string => {
    if (p.precedence === precedence) return wrap(p, needs);
    return isLogical(precedence) && isLogical(p.precedence) ? `(${p.text})` : wrap(p, Math.max(needs, operands));
  };
  const leftText = side(left, precedence === compare ? tighter : precedence);
  return { text: `${leftText} ${symbol} ${side(right, chained ? precedence : tighter)}`, precedence };
}

function wrap(printed: Printed, needs: number): string {
  return printed.precedence < needs ? `(${printed.text})` : printed.text;
}

function atom(text: string): Printed {
  return { text, precedence: PRECEDENCE.atom };
}

/** Two values of one type side by side: neither says the type of the other when both are literals. */
function typedPair(a: Expr, b: Expr, context: ExprContext): [Printed, Printed] {
  const infers = a.kind !== 'literal' || b.kind !== 'literal';
  return [printExpr(a, context, infers), printExpr(b, context, infers)];
}

/** The spelling of a declared name. */
export function nameOf(kind: NameKind, name: string, scope: Scope): string {
  return present(scope.find(kind, name), `declaration of ${kind} ${name}`);
}
