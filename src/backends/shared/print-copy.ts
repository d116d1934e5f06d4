/** Copies from buffers to workgroup memory that go on while the invocation does other things. */
import type { Statement } from '../../compiler/ir/kernel.ts';
import { mul, u32 } from '../../compiler/ir/kernel-expr.ts';
import { ELEMENT_BYTES } from '../../compiler/ir/storage-type.ts';
import { present } from '../../compiler/support/invariant.ts';
import { type CopyForms, PRECEDENCE, type Printed } from './dialect.ts';
import { arrayOf, nameOf, printExpr, sharedElement, write } from './print-expr.ts';
import type { StatementContext } from './print-statement.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { readonly kind: K }>;

export function printCopy(s: Of<'copy_shared'>, context: StatementContext): string {
  const { copy, copyOrZeros, addressOf } = copiesOf(context);
  const { type } = arrayOf(s.array, context);
  const to = sharedElement(s.array, mul(s.to, u32(s.elements)), context).text;
  const buffer = nameOf('buffer', s.buffer, context.scope);
  const from = `${buffer}[${printExpr(mul(s.from, u32(s.elements)), context, true).text}]`;
  const places = [to, from].map((place) => atom(addressOf(place)));
  const bytes = s.elements * ELEMENT_BYTES[type];
  if (s.inside.kind === 'literal' && s.inside.value === 1) return `${write(copy(bytes), places, context).text};`;
  return `${write(copyOrZeros(bytes), [...places, printExpr(s.inside, context, true)], context).text};`;
}

export function printCommit(context: StatementContext): string {
  return `${write(copiesOf(context).commit, [], context).text};`;
}

export function printWait({ open }: Of<'wait_copies'>, context: StatementContext): string {
  return `${write(copiesOf(context).wait(open), [], context).text};`;
}

function copiesOf({ dialect }: StatementContext): CopyForms {
  return present(dialect.copies, `${dialect.target} copies while it computes`);
}

function atom(text: string): Printed {
  return { text, precedence: PRECEDENCE.atom };
}
