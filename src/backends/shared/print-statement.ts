import type { Expr, Statement } from '../../compiler/ir/kernel.ts';
import { indexesArrays } from './array-loops.ts';
import { commentText } from './namer.ts';
import { printCommit, printCopy, printWait } from './print-copy.ts';
import { type ExprContext, element, nameOf, printCall, printExpr, printForm, storable, stored } from './print-expr.ts';
import { printLoadFragment, printMultiply, printRoundFragment, printStoreShared } from './print-fragment.ts';

export interface StatementContext extends ExprContext {
  /** Comments are left out of the text from which the hash is made. */
  readonly comments: boolean;
  /** Floats of the local arrays of the function. */
  readonly arrayFloats: number;
}

/**
 * Prints the statements of one block, which has a scope of its own, and what it returns, if anything. Lines are indented
 * relative to it.
 */
export function printBlock(
  statements: readonly Statement[],
  context: StatementContext,
  result?: Expr,
): readonly string[] {
  const within = { ...context, scope: context.scope.inner() };
  const lines = statements.flatMap((s) => printStatement(s, within));
  return result ? [...lines, `return ${printExpr(result, within, true).text};`] : lines;
}

function printStatement(s: Statement, context: StatementContext): readonly string[] {
  const { dialect, scope } = context;
  const text = (e: Expr): string => printExpr(e, context, true).text;
  switch (s.kind) {
    case 'comment':
      return context.comments ? [`// ${commentText(s.text)}`] : [];
    case 'let':
    case 'var': {
      // The value is printed first: it may read an outer name that this one hides.
      const type = s.kind === 'let' ? s.value.type : s.type;
      const value = printExpr(s.value, context, false).text;
      const spell = s.kind === 'let' ? dialect.define : dialect.variable;
      return [spell(type, scope.declare('local', s.name), value)];
    }
    case 'assign':
      return [printAssign(nameOf('local', s.name, scope), s.value, context)];
    case 'array': {
      const values = s.values.map(text);
      return [dialect.array(s.type, scope.declare('local', s.name), s.elements, values)];
    }
    case 'assign_element':
      return [printAssign(element('local', s.array, s.index, context).text, s.value, context)];
    case 'shuffle': {
      const value = printForm(dialect.shuffle, [s.value, s.lane], context);
      return [dialect.define(s.value.type, scope.declare('local', s.name), value)];
    }
    case 'store':
      return [`${placeOf(s, context)} = ${storable(s.buffer, s.value, context)};`];
    case 'store_shared':
      return [printStoreShared(s, context)];
    case 'copy_shared':
      return [printCopy(s, context)];
    case 'commit_copies':
      return [printCommit(context)];
    case 'wait_copies':
      return [printWait(s, context)];
    case 'load_fragment':
      return [printLoadFragment(s, context)];
    case 'round_fragment':
      return [printRoundFragment(s, context)];
    case 'multiply_fragments':
      return [printMultiply(s, context)];
    case 'for':
      return printLoop(s, context);
    case 'if':
      return printIf(s, context);
    case 'call':
      return [`${printCall(s, context)};`];
    case 'barrier':
      return [dialect.barrier];
    case 'return':
      return ['return;'];
  }
}

/** Where one element of a buffer is stored, or four. */
function placeOf({ buffer, index, value }: Extract<Statement, { kind: 'store' }>, context: StatementContext): string {
  if (value.type !== 'vec4') return stored(buffer, index, context).text;
  const { storeFour } = context.dialect;
  if (!storeFour) return element('buffer', buffer, index, context).text;
  const type = context.narrow.get(buffer) ?? 'f32';
  return storeFour(type, nameOf('buffer', buffer, context.scope), printExpr(index, context, true).text);
}

/** `x += y` where the IR says x = x + y. */
function printAssign(target: string, value: Expr, context: StatementContext): string {
  const text = (e: Expr): string => printExpr(e, context, true).text;
  // Printed whole in any case, because that finds the helpers of the addition.
  const whole = text(value);
  const adds = value.kind === 'binary' && value.op === 'add' && text(value.left) === target;
  return adds ? `${target} += ${text(value.right)};` : `${target} = ${whole};`;
}

function printLoop(s: Extract<Statement, { kind: 'for' }>, context: StatementContext): readonly string[] {
  const from = printExpr(s.from, context, false).text;
  const inner = { ...context, scope: context.scope.inner() };
  const name = inner.scope.declare('local', s.name);
  const text = (e: Expr): string => printExpr(e, inner, true).text;
  const step = s.step.kind === 'literal' && s.step.value === 1 ? undefined : text(s.step);
  const head = context.dialect.loop({
    name,
    from,
    to: text(s.to),
    step,
    arrayFloats: indexesArrays(s) ? context.arrayFloats : 0,
  });
  return [...head, ...indent(printBlock(s.body, inner)), '}'];
}

function printIf(s: Extract<Statement, { kind: 'if' }>, context: StatementContext): readonly string[] {
  const head = `if (${printExpr(s.condition, context, true).text}) {`;
  const then = [head, ...indent(printBlock(s.then, context))];
  const [only] = s.else;
  if (!only) return [...then, '}'];
  if (only.kind === 'if' && s.else.length === 1) {
    const [next, ...rest] = printIf(only, context);
    return [...then, `} else ${next}`, ...rest];
  }
  return [...then, '} else {', ...indent(printBlock(s.else, context)), '}'];
}

export function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`));
}
