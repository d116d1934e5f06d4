/** Ways to look into kernel expressions and statements without naming every kind again. */
import type { Expr, Kernel, KernelFunction, Statement } from './kernel.ts';

/** The expressions directly inside `expr`. */
export function operandsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'local':
    case 'uniform':
    case 'builtin':
      return [];
    case 'load':
    case 'load_shared':
    case 'element':
      return [expr.index];
    case 'call':
      return expr.args;
    case 'unary':
    case 'cast':
      return [expr.operand];
    case 'binary':
      return [expr.left, expr.right];
    case 'select':
      return [expr.condition, expr.then, expr.else];
    case 'random':
      return expr.counters;
    case 'vector':
      return expr.parts;
    case 'component':
      return [expr.vector];
  }
}

/** `expr` with `f` applied to the expressions directly inside it; `expr` itself when nothing changes. */
export function mapOperands(expr: Expr, f: (operand: Expr) => Expr): Expr {
  const before = operandsOf(expr);
  const after = before.map(f);
  if (after.every((e, i) => e === before[i])) return expr;
  const at = (i: number): Expr => after[i] ?? expr;
  switch (expr.kind) {
    case 'literal':
    case 'local':
    case 'uniform':
    case 'builtin':
      return expr;
    case 'load':
    case 'load_shared':
    case 'element':
      return { ...expr, index: at(0) };
    case 'call':
      return { ...expr, args: after };
    case 'unary':
    case 'cast':
      return { ...expr, operand: at(0) };
    case 'binary':
      return { ...expr, left: at(0), right: at(1) };
    case 'select':
      return { ...expr, condition: at(0), then: at(1), else: at(2) };
    case 'random':
      return { ...expr, counters: after };
    case 'vector':
      return { ...expr, parts: after };
    case 'component':
      return { ...expr, vector: at(0) };
  }
}

/** The expressions that a statement evaluates itself, without those of the statements inside it. */
export function expressionsOf(statement: Statement): readonly Expr[] {
  switch (statement.kind) {
    case 'comment':
    case 'barrier':
    case 'commit_copies':
    case 'wait_copies':
    case 'return':
      return [];
    case 'copy_shared':
      return [statement.to, statement.from, statement.inside];
    case 'let':
    case 'var':
    case 'assign':
      return [statement.value];
    case 'shuffle':
      return [statement.value, statement.lane];
    case 'store':
    case 'store_shared':
    case 'assign_element':
      return [statement.index, statement.value];
    case 'load_fragment':
      return [statement.index];
    case 'round_fragment':
    case 'multiply_fragments':
      return [statement.first];
    case 'array':
      return statement.values;
    case 'for':
      return [statement.from, statement.to, statement.step];
    case 'if':
      return [statement.condition];
    case 'call':
      return statement.args;
  }
}

/** The lists of statements directly inside `statement`. */
export function bodiesOf(statement: Statement): readonly (readonly Statement[])[] {
  if (statement.kind === 'for') return [statement.body];
  if (statement.kind === 'if') return [statement.then, statement.else];
  return [];
}

/** `statement` with `f` applied to its own expressions and `body` to the lists inside it. */
export function mapStatement(
  statement: Statement,
  f: (expr: Expr) => Expr,
  body: (statements: readonly Statement[]) => readonly Statement[],
): Statement {
  switch (statement.kind) {
    case 'comment':
    case 'barrier':
    case 'commit_copies':
    case 'wait_copies':
    case 'return':
      return statement;
    case 'copy_shared':
      return { ...statement, to: f(statement.to), from: f(statement.from), inside: f(statement.inside) };
    case 'let':
    case 'var':
    case 'assign':
      return { ...statement, value: f(statement.value) };
    case 'shuffle':
      return { ...statement, value: f(statement.value), lane: f(statement.lane) };
    case 'store':
    case 'store_shared':
    case 'assign_element':
      return { ...statement, index: f(statement.index), value: f(statement.value) };
    case 'load_fragment':
      return { ...statement, index: f(statement.index) };
    case 'round_fragment':
    case 'multiply_fragments':
      return { ...statement, first: f(statement.first) };
    case 'array':
      return { ...statement, values: statement.values.map(f) };
    case 'for':
      return {
        ...statement,
        from: f(statement.from),
        to: f(statement.to),
        step: f(statement.step),
        body: body(statement.body),
      };
    case 'if':
      return {
        ...statement,
        condition: f(statement.condition),
        then: body(statement.then),
        else: body(statement.else),
      };
    case 'call':
      return { ...statement, args: statement.args.map(f) };
  }
}

/** `fn` with `f` applied to its body; the result is there a last `let`, so that it is treated as what the body computes. */
export function mapFunction(
  fn: KernelFunction,
  f: (body: readonly Statement[]) => readonly Statement[],
): KernelFunction {
  if (!fn.result) return { ...fn, body: f(fn.body) };
  const body = f([...fn.body, { kind: 'let', name: 'result#', value: fn.result }]);
  const last = body.at(-1);
  return { ...fn, body: body.slice(0, -1), result: last?.kind === 'let' ? last.value : fn.result };
}

/** Calls `visit` for each statement, an outer one before those inside it. */
export function walkStatements(statements: readonly Statement[], visit: (statement: Statement) => void): void {
  for (const statement of statements) {
    visit(statement);
    for (const inner of bodiesOf(statement)) walkStatements(inner, visit);
  }
}

/** Calls `visit` for each expression of a kernel's statements, and for those inside it. */
export function walkExpressions(kernel: Kernel, visit: (expr: Expr) => void): void {
  const walk = (expr: Expr): void => {
    visit(expr);
    operandsOf(expr).forEach(walk);
  };
  for (const { body } of [kernel, ...kernel.functions]) walkStatements(body, (s) => expressionsOf(s).forEach(walk));
  for (const { result } of kernel.functions) if (result) walk(result);
}

/** The buffers of which a kernel loads or stores four elements at once. */
export function usedInFours(kernel: Kernel): ReadonlySet<string> {
  const names = new Set<string>();
  walkExpressions(kernel, (expr) => {
    if (expr.kind === 'load' && expr.type === 'vec4') names.add(expr.buffer);
  });
  for (const { body } of [kernel, ...kernel.functions])
    walkStatements(body, (s) => {
      if (s.kind === 'store' && s.value.type === 'vec4') names.add(s.buffer);
    });
  return names;
}

/** The arrays of workgroup memory of which a kernel moves several elements at once. */
export function movedInPieces(kernel: Kernel): ReadonlySet<string> {
  const names = new Set(copiedArrays(kernel));
  walkExpressions(kernel, (expr) => {
    if (expr.kind === 'load_shared' && expr.type === 'vec4') names.add(expr.array);
  });
  return names;
}

/** The arrays of workgroup memory into which a kernel copies. */
export function copiedArrays({ body, functions }: Pick<Kernel, 'body' | 'functions'>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const statements of [body, ...functions.map((fn) => fn.body)])
    walkStatements(statements, (statement) => {
      if (statement.kind === 'copy_shared') names.add(statement.array);
    });
  return names;
}

/** All names of a kernel, those of locals included. */
export function namesIn(kernel: Kernel): Set<string> {
  const { buffers, uniforms, shared, functions } = kernel;
  const names = new Set([...buffers, ...uniforms, ...shared, ...functions].map((named) => named.name));
  for (const { params } of functions) for (const param of params) names.add(param.name);
  for (const { body } of [kernel, ...functions]) {
    walkStatements(body, (statement) => {
      if ('name' in statement) names.add(statement.name);
    });
  }
  return names;
}
