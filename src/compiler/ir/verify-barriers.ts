/**
 * Barriers, shuffles, groups of copies and what is done with fragments are reached by all invocations of a workgroup or by none: no
 * condition or loop bound around them may differ between invocations, nor may one invocation leave before.
 */
import { invariant, present } from '../support/invariant.ts';
import type { Expr, Kernel, KernelFunction, Statement } from './kernel.ts';
import { bodiesOf, operandsOf, walkStatements } from './kernel-walk.ts';

type Param = KernelFunction['params'][number];

/** What declares each visible name. */
type Declared = ReadonlyMap<string, Statement | Param>;

export function verifyBarriers(kernel: Kernel): void {
  const waiting = new Set(kernel.functions.filter((fn) => containsBarrier(fn.body)).map((fn) => fn.name));
  const waits = (statement: Statement): boolean =>
    isTogether(statement) || (statement.kind === 'call' && waiting.has(statement.fn));
  const differing = new Set<Statement | Param>();
  verifyBody(kernel, kernel.body, new Map(), differing, waits);
  // A function calls only those before it, so all calls of one have been seen when it is looked at.
  for (const fn of kernel.functions.toReversed()) {
    const params = new Map(fn.params.map((param) => [param.name, param] as const));
    verifyBody(kernel, fn.body, params, differing, waits);
  }
}

const TOGETHER: ReadonlySet<Statement['kind']> = new Set([
  'barrier',
  'commit_copies',
  'wait_copies',
  'shuffle',
  'load_fragment',
  'round_fragment',
  'multiply_fragments',
]);

/** Whether all invocations have to reach it. */
function isTogether({ kind }: Statement): boolean {
  return TOGETHER.has(kind);
}

function containsBarrier(statements: readonly Statement[]): boolean {
  let found = false;
  walkStatements(statements, (statement) => {
    if (isTogether(statement)) found = true;
  });
  return found;
}

/** `differing`: the declarations whose value may differ between invocations; gains those of the body, and of what it calls. */
function verifyBody(
  kernel: Kernel,
  body: readonly Statement[],
  params: Declared,
  differing: Set<Statement | Param>,
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
      if (statement.kind === 'let' || statement.kind === 'var' || statement.kind === 'shuffle')
        declared.set(statement.name, statement);
      if (statement.kind === 'shuffle') differing.add(statement);
      const target = statement.kind === 'assign' ? declared.get(statement.name) : statement;
      const gives = statement.kind === 'let' || statement.kind === 'var' || statement.kind === 'assign';
      if (gives && target && (diverged || varies(statement.value, declared))) differing.add(target);
      if (statement.kind === 'for' && apart) differing.add(statement);
      if (statement.kind === 'call') {
        paramsOf(kernel, statement.fn).forEach((param, i) => {
          if (varies(present(statement.args[i], 'argument'), declared)) differing.add(param);
        });
      }
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
    invariant(
      !waits(statement) || (!diverged && !left),
      `kernel ${kernel.name}: not all invocations reach a barrier, shuffle, fragment or group of copies`,
    );
    if (statement.kind === 'return' && diverged) left = true;
  });
}

function paramsOf(kernel: Kernel, name: string): readonly Param[] {
  const fn = kernel.functions.find((f) => f.name === name);
  return present(fn, `function ${name} of kernel ${kernel.name}`).params;
}

/** The expressions that decide how often the statements inside run. */
function controlOf(statement: Statement): readonly Expr[] {
  if (statement.kind === 'if') return [statement.condition];
  return statement.kind === 'for' ? [statement.from, statement.to, statement.step] : [];
}
