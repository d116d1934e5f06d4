/** What kernels do with narrow workgroup memory and with fragments of matrices. */
import type { Statement } from '../../compiler/ir/kernel.ts';
import { isNarrow } from '../../compiler/ir/storage-type.ts';
import { PRECEDENCE, type Printed } from './dialect.ts';
import { arrayOf, element, formsOf, matricesOf, nameOf, printExpr, sharedElement, write } from './print-expr.ts';
import type { StatementContext } from './print-statement.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>;

/** An element that is stored, or four of a narrow array at once. */
export function printStoreShared(s: Of<'store_shared'>, context: StatementContext): string {
  const { type, name } = arrayOf(s.array, context);
  const value = printExpr(s.value, context, true);
  if (!isNarrow(type)) return `${sharedElement(s.array, s.index, context).text} = ${value.text};`;
  if (s.value.type !== 'vec4') {
    const { round } = formsOf(type, context.dialect);
    return `${sharedElement(s.array, s.index, context).text} = ${write(round, [value], context).text};`;
  }
  const { fourAt, four } = matricesOf(context.dialect);
  return `${fourAt(name, printExpr(s.index, context, true).text)} = ${write(four[type], [value], context).text};`;
}

export function printLoadFragment(s: Of<'load_fragment'>, context: StatementContext): string {
  const { loadFragment, defineFragment, addressOf } = matricesOf(context.dialect);
  const from = atom(addressOf(sharedElement(s.array, s.index, context).text));
  const value = write(loadFragment[s.side][s.along], [from, atom(`${s.stride}`)], context).text;
  return defineFragment(context.scope.declare('local', s.name), value);
}

export function printRoundFragment(s: Of<'round_fragment'>, context: StatementContext): string {
  const { roundFragment, defineFragment, addressOf } = matricesOf(context.dialect);
  const sums = atom(addressOf(element('local', s.from, s.first, context).text));
  const value = write(roundFragment[s.type], [sums], context).text;
  return defineFragment(context.scope.declare('local', s.name), value);
}

export function printMultiply(s: Of<'multiply_fragments'>, context: StatementContext): string {
  const { multiply, addressOf } = matricesOf(context.dialect);
  const sums = atom(addressOf(element('local', s.into, s.first, context).text));
  const fragments = [s.row, s.column].map((name) => atom(nameOf('local', name, context.scope)));
  return `${write(multiply[s.type], [sums, ...fragments], context).text};`;
}

function atom(text: string): Printed {
  return { text, precedence: PRECEDENCE.atom };
}
