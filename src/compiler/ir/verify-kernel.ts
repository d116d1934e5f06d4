/** The rules of the Kernel IR. What breaks one is a defect of lowering, so that printing a kernel cannot fail. */
import { invariant, present } from '../support/invariant.ts';
import type { Expr, Kernel, KernelType, ScalarType, Statement } from './kernel.ts';
import { bodiesOf, expressionsOf, operandsOf } from './kernel-walk.ts';
import { verifyBarriers } from './verify-barriers.ts';

interface Local {
  readonly type: KernelType;
  readonly mutable: boolean;
}

/** Names visible in a list of statements. */
type Locals = ReadonlyMap<string, Local>;

/** Throws an `InternalError` that names the kernel and the rule. */
export function verifyKernel(kernel: Kernel): void {
  const names = [...kernel.buffers, ...kernel.uniforms, ...kernel.shared, ...kernel.functions].map((n) => n.name);
  check(kernel, new Set(names).size === names.length, 'two things of the kernel have one name');
  check(kernel, kernel.groups >= 1 && kernel.workgroup >= 1, 'nothing would run');
  check(
    kernel,
    kernel.doc.every((line) => !/[\r\n]/.test(line)),
    'a line of the header has a line break',
  );
  kernel.functions.forEach((fn, i) => {
    const params = fn.params.map((param) => [param.name, { type: param.type, mutable: false }] as const);
    verifyList({ ...kernel, functions: kernel.functions.slice(0, i) }, fn.body, new Map(params));
  });
  verifyList(kernel, kernel.body, new Map());
  verifyBarriers(kernel);
}

function check(kernel: Kernel, condition: boolean, rule: string): void {
  invariant(condition, `kernel ${kernel.name}: ${rule}`);
}

function verifyList(kernel: Kernel, statements: readonly Statement[], outer: Locals): void {
  const locals = new Map(outer);
  const declare = (name: string, local: Local): void => {
    check(kernel, !locals.has(name), `${name} is declared twice`);
    locals.set(name, local);
  };
  for (const statement of statements) {
    for (const expr of expressionsOf(statement)) verifyExpr(kernel, expr, locals);
    verifyStatement(kernel, statement, locals);
    if (statement.kind === 'for') check(kernel, !locals.has(statement.name), `${statement.name} is declared twice`);
    const index = statement.kind === 'for' ? ([[statement.name, { type: 'u32', mutable: false }]] as const) : [];
    for (const body of bodiesOf(statement)) verifyList(kernel, body, new Map([...locals, ...index]));
    if (statement.kind === 'let') declare(statement.name, { type: statement.value.type, mutable: false });
    if (statement.kind === 'var') declare(statement.name, { type: statement.type, mutable: true });
  }
}

function verifyStatement(kernel: Kernel, statement: Statement, locals: Locals): void {
  switch (statement.kind) {
    case 'var':
      check(kernel, statement.type === statement.value.type, `${statement.name} begins with another type`);
      return;
    case 'assign': {
      const local = locals.get(statement.name);
      check(kernel, local?.mutable === true, `${statement.name} is assigned and is no variable`);
      check(kernel, local?.type === statement.value.type, `${statement.name} is assigned another type`);
      return;
    }
    case 'store': {
      const buffer = kernel.buffers.find((b) => b.name === statement.buffer);
      check(kernel, buffer?.access === 'read_write', `${statement.buffer} is stored to and is not writable`);
      check(kernel, buffer?.type === statement.value.type, `${statement.buffer} is stored another type`);
      check(kernel, statement.index.type === 'u32', `an index of ${statement.buffer} is no u32`);
      return;
    }
    case 'store_shared': {
      const array = kernel.shared.find((a) => a.name === statement.array);
      check(kernel, array?.type === statement.value.type, `${statement.array} is stored another type`);
      check(kernel, statement.index.type === 'u32', `an index of ${statement.array} is no u32`);
      return;
    }
    case 'for':
      for (const bound of expressionsOf(statement)) check(kernel, bound.type === 'u32', 'a loop counts in u32');
      return;
    case 'if':
      check(kernel, statement.condition.type === 'bool', 'a condition is no bool');
      return;
    case 'call': {
      const fn = kernel.functions.find((f) => f.name === statement.fn);
      const types = fn?.params.map((param) => param.type).join();
      check(kernel, types === statement.args.map((arg) => arg.type).join(), `${statement.fn} takes other arguments`);
      return;
    }
    default:
      return;
  }
}

function verifyExpr(kernel: Kernel, expr: Expr, locals: Locals): void {
  for (const operand of operandsOf(expr)) verifyExpr(kernel, operand, locals);
  const expected = typeOf(kernel, expr, locals);
  check(kernel, expr.type === expected, `${expr.kind} is typed ${expr.type} and has type ${expected}`);
}

/** The type that an expression has by its parts. */
function typeOf(kernel: Kernel, expr: Expr, locals: Locals): KernelType {
  switch (expr.kind) {
    case 'literal':
      check(kernel, isLiteralOf(expr.type, expr.value), `${expr.value} is no ${expr.type}`);
      return expr.type;
    case 'local':
      return present(locals.get(expr.name), `local ${expr.name} of kernel ${kernel.name}`).type;
    case 'uniform':
      return present(
        kernel.uniforms.find((u) => u.name === expr.name),
        `uniform ${expr.name} of kernel ${kernel.name}`,
      ).type;
    case 'builtin':
      return 'u32';
    case 'load':
    case 'load_shared': {
      check(kernel, expr.index.type === 'u32', 'an index is no u32');
      const name = expr.kind === 'load' ? expr.buffer : expr.array;
      const memory: readonly { readonly name: string; readonly type: ScalarType }[] =
        expr.kind === 'load' ? kernel.buffers : kernel.shared;
      return present(
        memory.find((m) => m.name === name),
        `memory ${name} of kernel ${kernel.name}`,
      ).type;
    }
    case 'unary':
      if (expr.op === 'is_nonfinite') return 'u32';
      check(kernel, (expr.op === 'not') === (expr.operand.type === 'bool'), `${expr.op} of a ${expr.operand.type}`);
      return expr.operand.type;
    case 'binary':
      return binaryType(kernel, expr);
    case 'select':
      check(kernel, expr.condition.type === 'bool' && expr.then.type === expr.else.type, 'a select of unlike things');
      return expr.then.type;
    case 'cast':
      check(kernel, expr.operand.type !== 'vec4', 'a cast of a vector');
      return expr.type;
    case 'random':
      check(
        kernel,
        expr.counters.every((c) => c.type === 'u32'),
        'a counter of a draw is no u32',
      );
      return 'f32';
    case 'vector':
      check(kernel, expr.parts.length === 1 || expr.parts.length === 4, 'a vector has one part or four');
      check(
        kernel,
        expr.parts.every((part) => part.type === 'f32'),
        'a part of a vector is no f32',
      );
      return 'vec4';
    case 'component':
      check(kernel, expr.vector.type === 'vec4', 'a component of a scalar');
      return 'f32';
  }
}

function binaryType(kernel: Kernel, expr: Expr & { readonly kind: 'binary' }): KernelType {
  const { op, left, right } = expr;
  check(kernel, left.type === right.type, `${op} of ${left.type} and ${right.type}`);
  if (op === 'and' || op === 'or') check(kernel, left.type === 'bool', `${op} of a ${left.type}`);
  const compares = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'and', 'or'].includes(op);
  check(kernel, compares || left.type !== 'bool', `${op} of a bool`);
  return compares ? 'bool' : left.type;
}

function isLiteralOf(type: ScalarType, value: number): boolean {
  switch (type) {
    case 'f32':
      return Number.isFinite(Math.fround(value));
    case 'i32':
      return Number.isInteger(value) && Math.abs(value) < 2 ** 31;
    case 'u32':
      return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
    case 'bool':
      return value === 0 || value === 1;
  }
}
