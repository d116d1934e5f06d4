/**
 * Barriers are reached by all invocations of a workgroup or by none: no condition or loop bound around them may differ
 * between invocations, nor may one invocation leave before.
 */
import { invariant } from '../support/invariant.ts';
import type { Expr, Kernel, KernelFunction, Statement } from './kernel.ts';
import { bodiesOf, operandsOf, walkStatements } from './kernel-walk.ts';

/** What declares each visible name. Of a parameter nothing is known: its function stands for it. */
type Declared = ReadonlyMap<string, Statement | KernelFunction>;

export function verifyBarriers(kernel: Kernel): void {
  const waiting = new Set(kernel.functions.filter((fn) => containsBarrier(fn.body)).map((fn) => fn.name));
  const waits = (statement: Statement): boolean =>
    statement.kind === 'barrier' || (statement.kind === 'call' && waiting.has(statement.fn));
  verifyBody(kernel, kernel.body, new Map(), new Set(), waits);
  for (const fn of kernel.functions) {
    const params = new Map(fn.params.map((param) => [param.name, fn] as const));
    verifyBody(kernel, fn.body, params, new Set([fn]), waits);
  }
}

function containsBarrier(statements: readonly Statement[]): boolean {
  let found = false;
  walkStatements(statements, (statement) => {
    if (statement.kind === 'barrier') found = true;
  });
  return found;
}

/** `differing`: the declarations whose value may differ between invocations. */
function verifyBody(
  kernel: Kernel,
  body: readonly Statement[],
  params: Declared,
  differing: Set<Statement | KernelFunction>,
  waits: (statement: Statement) => boolean,
): void {
  const varies = (expr: Expr, declared: Declared): boolean => {
    if (expr.kind === 'local') {
      const declaration = declared.get(expr.name);
      return declaration === undefined || differing.has(declaration);
    }
    if (expr.kind === 'builtin') return expr.name !== 'group';
    if (expr.kind === 'load_shared' || expr.kind === 'element') return true;
    if (expr.kind === 'load' && kernel.buffers.find((b) => b.name === expr.buffer)?.access !== 'read') return true;
    return operandsOf(expr).some((operand) => varies(operand, declared));
  };
  const visit = (
    statements: readonly Statement[],
    outer: Declared,
    diverged: boolean,
    see: (statement: Statement, diverged: boolean) => void,
  ): void => {
    const declared = new Map(outer);
    for (const statement of statements) {
      see(statement, diverged);
      const apart = controlOf(statement).some((expr) => varies(expr, declared));
      if (statement.kind === 'let' || statement.kind === 'var') declared.set(statement.name, statement);
      const target = statement.kind === 'assign' ? declared.get(statement.name) : statement;
      const gives = statement.kind === 'let' || statement.kind === 'var' || statement.kind === 'assign';
      if (gives && target && (diverged || varies(statement.value, declared))) differing.add(target);
      if (statement.kind === 'for' && apart) differing.add(statement);
      const inner = statement.kind === 'for' ? new Map(declared).set(statement.name, statement) : declared;
      for (const list of bodiesOf(statement)) visit(list, inner, diverged || apart, see);
    }
  };
  // A variable that changes in a loop may make an earlier statement of the loop differ: repeat until nothing is new.
  for (let before = -1; before !== differing.size; ) {
    before = differing.size;
    visit(body, params, false, () => undefined);
  }
  let left = false;
  visit(body, params, false, (statement, diverged) => {
    invariant(!waits(statement) || (!diverged && !left), `kernel ${kernel.name}: not all invocations reach a barrier`);
    if (statement.kind === 'return' && diverged) left = true;
  });
}

/** The expressions that decide how often the statements inside run. */
function controlOf(statement: Statement): readonly Expr[] {
  if (statement.kind === 'if') return [statement.condition];
  return statement.kind === 'for' ? [statement.from, statement.to, statement.step] : [];
}
