import type { Expr, Kernel, KernelFunction, Statement } from '../ir/kernel.ts';
import { add, binary, builtin, local, u32 } from '../ir/kernel-expr.ts';
import { mapStatement, namesIn, walkStatements } from '../ir/kernel-walk.ts';
import { freeName } from '../support/free-name.ts';

/** Iterations up to which a software driver unrolls a loop. */
const UNROLLED = 32;

/**
 * Keeps the loops of a kernel rolled. Software drivers unroll every loop of at most 32 iterations that they can count,
 * whatever is in it: a norm over 24 elements then takes 6.6 s to compile on lavapipe, and 0.8 s when it stays rolled. So
 * such a loop ends at its count plus a number that is 0, which the driver cannot know; unless it is one to be unrolled.
 */
export function keepRolled(kernel: Kernel): Kernel {
  const needy = needyFunctions(kernel.functions);
  if (!isNeedy(kernel.body, needy)) return kernel;
  const taken = namesIn(kernel);
  const name = freeName('zero', (candidate) => taken.has(candidate));
  const zero = local(name, 'u32');
  const functions = kernel.functions.map((fn): KernelFunction => {
    if (!needy.has(fn.name)) return fn;
    return { ...fn, params: [...fn.params, { name, type: 'u32' }], body: rolled(fn.body, zero, needy) };
  });
  const body: readonly Statement[] = [
    { kind: 'comment', text: 'Always 0, which the driver cannot know: it would take seconds to unroll short loops.' },
    { kind: 'let', name, value: binary('div', builtin('group'), u32(2 ** 31)) },
    ...rolled(kernel.body, zero, needy),
  ];
  return { ...kernel, functions, body };
}

/** The functions without a result that have loops to be kept rolled, or call one that has; callees come first. */
function needyFunctions(functions: readonly KernelFunction[]): ReadonlySet<string> {
  const needy = new Set<string>();
  for (const fn of functions) if (!fn.result && isNeedy(fn.body, needy)) needy.add(fn.name);
  return needy;
}

function isNeedy(statements: readonly Statement[], needy: ReadonlySet<string>): boolean {
  let found = false;
  walkStatements(statements, (statement) => {
    found ||= isCounted(statement) || (statement.kind === 'call' && needy.has(statement.fn));
  });
  return found;
}

function rolled(statements: readonly Statement[], zero: Expr, needy: ReadonlySet<string>): readonly Statement[] {
  return statements.map((statement) => {
    const inner = mapStatement(
      statement,
      (expr) => expr,
      (body) => rolled(body, zero, needy),
    );
    if (inner.kind === 'call' && needy.has(inner.fn)) return { ...inner, args: [...inner.args, zero] };
    return inner.kind === 'for' && isCounted(inner) ? { ...inner, to: add(inner.to, zero) } : inner;
  });
}

/** A loop whose few iterations the driver can count. */
function isCounted(statement: Statement): boolean {
  if (statement.kind !== 'for' || statement.unrolled) return false;
  const { from, to, step } = statement;
  if (from.kind !== 'literal' || to.kind !== 'literal' || step.kind !== 'literal') return false;
  return (to.value - from.value) / step.value <= UNROLLED;
}
