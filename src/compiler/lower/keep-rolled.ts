import type { Expr, Kernel, Statement } from '../ir/kernel.ts';
import { add, binary, builtin, local, u32 } from '../ir/kernel-expr.ts';
import { mapStatement, namesIn, walkStatements } from '../ir/kernel-walk.ts';
import { freeName } from './names.ts';

/** Iterations up to which a software driver unrolls a loop. */
const UNROLLED = 32;

/**
 * Keeps the loops of a kernel rolled. Software drivers unroll every loop of at most 32 iterations that they can count,
 * whatever is in it: a norm over 24 elements then takes 6.6 s to compile on lavapipe, and 0.8 s when it stays rolled. So
 * such a loop ends at its count plus a number that is 0, which the driver cannot know.
 */
export function keepRolled(kernel: Kernel): Kernel {
  let isNeeded = false;
  walkStatements(kernel.body, (statement) => {
    isNeeded ||= isCounted(statement);
  });
  if (!isNeeded) return kernel;
  const taken = namesIn(kernel);
  const name = freeName('zero', (candidate) => taken.has(candidate));
  const zero = local(name, 'u32');
  const body: readonly Statement[] = [
    { kind: 'comment', text: 'Always 0, which the driver cannot know: it would take seconds to unroll short loops.' },
    { kind: 'let', name, value: binary('div', builtin('group'), u32(2 ** 31)) },
    ...rolled(kernel.body, zero),
  ];
  return { ...kernel, body };
}

function rolled(statements: readonly Statement[], zero: Expr): readonly Statement[] {
  return statements.map((statement) => {
    const inner = mapStatement(
      statement,
      (expr) => expr,
      (body) => rolled(body, zero),
    );
    return inner.kind === 'for' && isCounted(inner) ? { ...inner, to: add(inner.to, zero) } : inner;
  });
}

/** A loop whose few iterations the driver can count. */
function isCounted(statement: Statement): boolean {
  if (statement.kind !== 'for') return false;
  const { from, to, step } = statement;
  if (from.kind !== 'literal' || to.kind !== 'literal' || step.kind !== 'literal') return false;
  return (to.value - from.value) / step.value <= UNROLLED;
}
