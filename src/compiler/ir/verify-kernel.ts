/** The rules of the Kernel IR. What breaks one is a defect of lowering, so that printing a kernel cannot fail. */
import { invariant, present } from '../support/invariant.ts';
import { FRAGMENT, FRAGMENT_LANES, LANE_SUMS } from './fragment.ts';
import type {
  Expr,
  Kernel,
  KernelFunction,
  KernelType,
  NarrowType,
  ScalarType,
  SharedArray,
  Statement,
} from './kernel.ts';
import { bodiesOf, expressionsOf, operandsOf } from './kernel-walk.ts';
import { ELEMENT_BYTES, isNarrow, LOADED } from './storage-type.ts';
import { verifyBarriers } from './verify-barriers.ts';
import { verifyCopies } from './verify-copies.ts';

interface Local {
  readonly type: KernelType;
  readonly kind: 'constant' | 'variable' | 'array' | 'row_fragment' | 'column_fragment';
  /** Of an array. */
  readonly elements?: number;
  /** Of a fragment. */
  readonly holds?: NarrowType;
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
    const params = fn.params.map((param) => [param.name, { type: param.type, kind: 'constant' }] as const);
    const result: readonly Statement[] = fn.result ? [{ kind: 'let', name: '', value: fn.result }] : [];
    verifyList({ ...kernel, functions: kernel.functions.slice(0, i) }, [...fn.body, ...result], new Map(params));
  });
  for (const array of kernel.shared) verifyShared(kernel, array);
  verifyList(kernel, kernel.body, new Map());
  verifyBarriers(kernel);
  verifyCopies(kernel);
}

function check(kernel: Kernel, condition: boolean, rule: string): void {
  invariant(condition, `kernel ${kernel.name}: ${rule}`);
}

function verifyShared(kernel: Kernel, { name, type, elements, over }: SharedArray): void {
  if (over === undefined) return;
  const below = kernel.shared.find((a) => a.name === over);
  check(kernel, below !== undefined && below.over === undefined, `${name} lies over ${over}, which is no memory`);
  const fits = below && elements * ELEMENT_BYTES[type] <= below.elements * ELEMENT_BYTES[below.type];
  check(kernel, fits === true, `${name} does not fit over ${over}`);
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
    const inner = new Map(locals);
    if (statement.kind === 'for') inner.set(statement.name, { type: 'u32', kind: 'constant' });
    for (const body of bodiesOf(statement)) verifyList(kernel, body, inner);
    if (statement.kind === 'let') declare(statement.name, { type: statement.value.type, kind: 'constant' });
    if (statement.kind === 'shuffle') declare(statement.name, { type: statement.value.type, kind: 'constant' });
    if (statement.kind === 'array')
      declare(statement.name, { type: statement.type, kind: 'array', elements: statement.elements });
    if (statement.kind === 'load_fragment') declare(statement.name, fragmentOf(kernel, statement));
    if (statement.kind === 'round_fragment')
      declare(statement.name, { type: 'f32', kind: 'row_fragment', holds: statement.type });
    if (statement.kind === 'var') declare(statement.name, { type: statement.type, kind: 'variable' });
  }
}

function verifyStatement(kernel: Kernel, statement: Statement, locals: Locals): void {
  switch (statement.kind) {
    case 'var':
      check(kernel, statement.type === statement.value.type, `${statement.name} begins with another type`);
      return;
    case 'assign': {
      const local = locals.get(statement.name);
      check(kernel, local?.kind === 'variable', `${statement.name} is assigned and is no variable`);
      check(kernel, local?.type === statement.value.type, `${statement.name} is assigned another type`);
      return;
    }
    case 'shuffle':
      check(kernel, statement.value.type === 'f32' && statement.lane.type === 'u32', 'a shuffle is of an f32 by a u32');
      check(kernel, kernel.features.includes('subgroups'), 'a shuffle needs subgroups');
      return;
    case 'store': {
      const buffer = kernel.buffers.find((b) => b.name === statement.buffer);
      check(kernel, buffer?.access === 'read_write', `${statement.buffer} is stored to and is not writable`);
      const isFour = statement.value.type === 'vec4';
      const type = isFour ? vectorType(kernel, statement.buffer) : buffer && LOADED[buffer.type];
      check(kernel, type === statement.value.type, `${statement.buffer} is stored another type`);
      check(kernel, statement.index.type === 'u32', `an index of ${statement.buffer} is no u32`);
      return;
    }
    case 'store_shared': {
      const array = kernel.shared.find((a) => a.name === statement.array);
      const stored = statement.value.type;
      const isFour = stored === 'vec4' && array !== undefined && isNarrow(array.type) && array.elements % 4 === 0;
      check(kernel, isFour || (array && LOADED[array.type]) === stored, `${statement.array} is stored another type`);
      check(kernel, statement.index.type === 'u32', `an index of ${statement.array} is no u32`);
      return;
    }
    case 'copy_shared':
      verifyCopy(kernel, statement);
      return;
    case 'wait_copies':
      check(kernel, Number.isInteger(statement.open) && statement.open >= 0, 'a wait leaves no number of groups open');
      return;
    case 'load_fragment':
      check(kernel, kernel.workgroup % FRAGMENT_LANES === 0, 'a fragment needs whole subgroups');
      return;
    case 'multiply_fragments': {
      const { into, first } = statement;
      const [sums, row, column] = [into, statement.row, statement.column].map((name) => locals.get(name));
      check(kernel, row?.kind === 'row_fragment', `${statement.row} is no fragment of a left operand`);
      check(kernel, column?.kind === 'column_fragment', `${statement.column} is no fragment of a right operand`);
      const isTyped = row?.holds === statement.type && column?.holds === statement.type;
      check(kernel, isTyped, `fragments of another type than ${statement.type} are multiplied`);
      verifySquare(kernel, into, sums, first);
      return;
    }
    case 'round_fragment':
      check(kernel, kernel.workgroup % FRAGMENT_LANES === 0, 'a fragment needs whole subgroups');
      verifySquare(kernel, statement.from, locals.get(statement.from), statement.first);
      return;
    case 'array': {
      const { name, type, elements, values } = statement;
      check(kernel, values.length === 0 || values.length === elements, `${name} begins with another size`);
      for (const value of values) check(kernel, value.type === type, `${name} begins with another type`);
      return;
    }
    case 'assign_element': {
      const type = elementType(kernel, statement.array, statement.index, locals);
      check(kernel, type === statement.value.type, `${statement.array} is assigned another type`);
      return;
    }
    case 'for':
      for (const bound of expressionsOf(statement)) check(kernel, bound.type === 'u32', 'a loop counts in u32');
      return;
    case 'if':
      check(kernel, statement.condition.type === 'bool', 'a condition is no bool');
      return;
    case 'call':
      check(
        kernel,
        calledFunction(kernel, statement).result === undefined,
        `the result of ${statement.fn} is not used`,
      );
      return;
    default:
      return;
  }
}

function verifyCopy(kernel: Kernel, copy: Extract<Statement, { kind: 'copy_shared' }>): void {
  const { elements, to, from, inside } = copy;
  const array = kernel.shared.find((a) => a.name === copy.array);
  const buffer = kernel.buffers.find((b) => b.name === copy.buffer);
  check(kernel, buffer?.access === 'read', `${copy.buffer} is copied and not only read`);
  check(kernel, array !== undefined && array.type === buffer?.type, `${copy.array} is copied another type`);
  const bytes = elements * (array ? ELEMENT_BYTES[array.type] : 0);
  check(kernel, [4, 8, 16].includes(bytes), `${bytes} bytes are copied to ${copy.array}`);
  const isWhole = [array, buffer].every((memory) => memory !== undefined && memory.elements % elements === 0);
  check(kernel, isWhole, `${copy.array} or ${copy.buffer} ends within a copy`);
  check(kernel, to.type === 'u32' && from.type === 'u32', 'an index of a copy is no u32');
  check(kernel, inside.type === 'bool', 'a condition of a copy is no bool');
}

/** The 8 elements of a square of sums, from `first` of a local array. */
function verifySquare(kernel: Kernel, name: string, sums: Local | undefined, first: Expr): void {
  check(kernel, sums?.kind === 'array' && sums.type === 'f32', `${name} is no array of f32`);
  const last = (sums?.elements ?? 0) - LANE_SUMS;
  const isWithin = first.kind !== 'literal' || (first.value % LANE_SUMS === 0 && first.value <= last);
  check(kernel, first.type === 'u32' && isWithin, `${name} does not hold the sums of a fragment`);
}

function fragmentOf(kernel: Kernel, statement: Extract<Statement, { kind: 'load_fragment' }>): Local {
  const { name, side, array, index, stride } = statement;
  const memory = kernel.shared.find((a) => a.name === array);
  check(kernel, memory !== undefined && isNarrow(memory.type), `${name} is a fragment of what is not narrow`);
  check(kernel, index.type === 'u32' && (index.kind !== 'literal' || index.value % 8 === 0), `${name} begins askew`);
  check(kernel, stride % 8 === 0 && stride >= FRAGMENT, `${name} has lines that are askew`);
  const holds = memory !== undefined && isNarrow(memory.type) ? { holds: memory.type } : {};
  return { type: 'f32', kind: `${side}_fragment`, ...holds };
}

function calledFunction(kernel: Kernel, call: { readonly fn: string; readonly args: readonly Expr[] }): KernelFunction {
  const fn = present(
    kernel.functions.find((f) => f.name === call.fn),
    `function ${call.fn} of kernel ${kernel.name}`,
  );
  const types = fn.params.map((param) => param.type).join();
  check(kernel, types === call.args.map((arg) => arg.type).join(), `${call.fn} takes other arguments`);
  return fn;
}

function elementType(kernel: Kernel, array: string, index: Expr, locals: Locals): KernelType | undefined {
  const local = locals.get(array);
  check(kernel, local?.kind === 'array', `${array} is no array`);
  check(kernel, index.type === 'u32', `an index of ${array} is no u32`);
  return local?.type;
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
    case 'local': {
      const local = present(locals.get(expr.name), `local ${expr.name} of kernel ${kernel.name}`);
      check(kernel, local.kind === 'constant' || local.kind === 'variable', `${expr.name} is read as a whole`);
      return local.type;
    }
    case 'element':
      return present(elementType(kernel, expr.array, expr.index, locals), `type of ${expr.array}`);
    case 'call':
      return present(calledFunction(kernel, expr).result, `result of ${expr.fn}`).type;
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
      if (expr.type === 'vec4') return expr.kind === 'load' ? vectorType(kernel, name) : sharedVectorType(kernel, name);
      const memory: readonly { readonly name: string; readonly type: ScalarType }[] =
        expr.kind === 'load'
          ? kernel.buffers.map((b) => ({ name: b.name, type: LOADED[b.type] }))
          : kernel.shared.map((a) => ({ name: a.name, type: LOADED[a.type] }));
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

/** Of four elements of a buffer. */
function vectorType(kernel: Kernel, name: string): 'vec4' {
  const buffer = kernel.buffers.find((b) => b.name === name);
  const isFloat = buffer && LOADED[buffer.type] === 'f32';
  check(kernel, isFloat === true && buffer.elements % 4 === 0, `${name} does not hold fours of floats`);
  return 'vec4';
}

function sharedVectorType(kernel: Kernel, name: string): 'vec4' {
  const array = kernel.shared.find((a) => a.name === name);
  check(kernel, array?.type === 'f32' && array.elements % 4 === 0, `${name} does not hold fours of floats`);
  return 'vec4';
}

function binaryType(kernel: Kernel, expr: Expr & { readonly kind: 'binary' }): KernelType {
  const { op, left, right } = expr;
  if (isScaling(expr)) return 'vec4';
  check(kernel, left.type === right.type, `${op} of ${left.type} and ${right.type}`);
  if (op === 'and' || op === 'or') check(kernel, left.type === 'bool', `${op} of a ${left.type}`);
  const compares = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'and', 'or'].includes(op);
  check(kernel, compares || left.type !== 'bool', `${op} of a bool`);
  return compares ? 'bool' : left.type;
}

/** Arithmetic of a vector with one number for all of it. */
function isScaling({ op, left, right }: Expr & { readonly kind: 'binary' }): boolean {
  const types = [left.type, right.type];
  return types.includes('vec4') && types.includes('f32') && ['add', 'sub', 'mul', 'div'].includes(op);
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
