/**
 * One loop that takes four elements at a time.
 *
 * Its index x is then 4 f, 4 f + 1, 4 f + 2 and 4 f + 3 at once, f being what it counts. An expression of x is the *same* number for
 * all four, or grows by one from a multiple of four, as the places of *neighbours* do, or is a vector. What has no form for
 * vectors, such as a comparison or a draw, is written for each of the four.
 */

import { sameExpr } from '../ir/intern.ts';
import type { BinaryOp, Expr, Statement } from '../ir/kernel.ts';
import { add, binary, component, f32, local, mul, select, u32, unary, vector } from '../ir/kernel-expr.ts';
import { mapOperands, mapStatement, operandsOf, walkStatements } from '../ir/kernel-walk.ts';
import { type Counted, isMultipleOfFour, type Multiples, quarterOf } from './fours.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;
type Load = Extract<Expr, { kind: 'load' | 'load_shared' }>;

export interface WideningScope {
  /** Buffers that may be used in fours. */
  readonly buffers: ReadonlySet<string>;
  /** Arrays of workgroup memory that may be. */
  readonly arrays: ReadonlySet<string>;
  readonly multiples: Multiples;
  /** A name that the kernel does not have. */
  readonly fresh: (wish: string) => string;
  /** Whether nothing follows the loop where it stands. */
  readonly isLast: boolean;
}

/** What takes the loop's place; undefined where it has to stay as it is. */
export function widenLoop(loop: Of<'for'>, scope: WideningScope): readonly Statement[] | undefined {
  const bounds = boundsOf(loop, scope.multiples);
  if (!bounds) return undefined;
  try {
    const { before, body, after } = widenBody(loop, scope);
    const isOne = loop.isShared !== true && sameExpr(bounds.to, add(bounds.from, u32(1)));
    if (isOne && scope.isLast) return [...before, ...body.map((s) => substituted(s, loop.name, bounds.from)), ...after];
    return [...before, { ...loop, ...bounds, body }, ...after];
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** Some part of the loop has no form in fours. */
class Refusal extends Error {}

function refuse(): never {
  throw new Refusal();
}

/** Of the loop that counts fours. */
function boundsOf(
  { from, to, step, isShared }: Of<'for'>,
  multiples: Multiples,
): { readonly from: Expr; readonly to: Expr } | undefined {
  if (!isMultipleOfFour(to, multiples)) return undefined;
  const end = quarterOf(to, multiples);
  if (isShared) return { from: laneOf(from, multiples), to: end };
  const isWhole = step.kind === 'literal' && step.value === 1 && isMultipleOfFour(from, multiples);
  return isWhole ? { from: quarterOf(from, multiples), to: end } : undefined;
}

/** Lanes that share elements share the fours: the lane stays, and what it is counted from is quartered. */
function laneOf(from: Expr, multiples: Multiples): Expr {
  const isBlock = from.kind === 'binary' && from.op === 'add' && isMultipleOfFour(from.left, multiples);
  return isBlock ? add(quarterOf(from.left, multiples), from.right) : from;
}

function substituted(statement: Statement, name: string, value: Expr): Statement {
  const inExpr = (expr: Expr): Expr => {
    if (expr.kind === 'local' && expr.name === name) return value;
    const own = mapOperands(expr, inExpr);
    return own.kind === 'binary' && own.op === 'add' ? add(own.left, own.right) : own;
  };
  return mapStatement(statement, inExpr, (body) => body.map((s) => substituted(s, name, value)));
}

const COMPONENTS = [0, 1, 2, 3] as const;
type Component = (typeof COMPONENTS)[number];

/** Nodes of an expression that is written for each of the four. */
const LARGEST_WRITTEN_OUT = 24;

/** Operations with a vector on one side and a number for all four on the other. */
const SCALING: ReadonlySet<BinaryOp> = new Set(['add', 'sub', 'mul', 'div']);

interface Widened {
  readonly before: readonly Statement[];
  readonly body: readonly Statement[];
  readonly after: readonly Statement[];
}

function widenBody(loop: Of<'for'>, { buffers, arrays, multiples: outer, fresh }: WideningScope): Widened {
  const four = local(loop.name, 'u32');
  const multiples = new Set(outer);
  const vectors = new Set<string>();
  /** Numbers that are no floats and differ among the four: they are written where they are used. */
  const written = new Map<string, Expr>();
  const loaded: { readonly load: Expr; readonly name: string }[] = [];
  const { storedAt, readings } = surveyOf(loop.body);
  const before: Statement[] = [];
  const body: Statement[] = [];
  const after: Statement[] = [];
  let isWorthIt = false;

  const resolve = (expr: Expr): Expr =>
    (expr.kind === 'local' ? written.get(expr.name) : undefined) ?? mapOperands(expr, resolve);
  const varies = (expr: Expr): boolean =>
    expr.kind === 'local' ? expr.name === loop.name || vectors.has(expr.name) : operandsOf(expr).some(varies);
  const isMultiple = (expr: Expr): boolean => isMultipleOfFour(expr, multiples);

  const areNeighbours = (expr: Expr): boolean => {
    if (expr.kind === 'local') return expr.name === loop.name;
    if (expr.kind === 'select') return isSame(expr.condition) && areNeighbours(expr.then) && areNeighbours(expr.else);
    if (expr.kind !== 'binary') return false;
    const { op, left, right } = expr;
    const isBeside = (a: Expr, b: Expr): boolean => areNeighbours(a) && isSame(b) && isMultiple(b);
    if (op === 'add') return isBeside(left, right) || isBeside(right, left);
    if (op === 'sub') return isBeside(left, right);
    return op === 'mod' && right.kind === 'literal' && isBeside(left, right);
  };
  const isSame = (expr: Expr): boolean => {
    if (expr.kind === 'load' && storedAt.has(expr.buffer)) return false;
    if (!varies(expr)) return true;
    if (expr.kind === 'local') return false;
    const isQuotient = expr.kind === 'binary' && expr.op === 'div' && expr.right.kind === 'literal';
    if (isQuotient && isMultiple(expr.right) && areNeighbours(expr.left)) return true;
    return operandsOf(expr).every(isSame);
  };

  /** For one of the four; for the first, what is the same for all. */
  const partOf = (expr: Expr, c: Component): Expr => {
    if (expr.kind === 'local') {
      if (expr.name === loop.name) return add(mul(four, u32(4)), u32(c));
      return vectors.has(expr.name) ? component(local(expr.name, 'vec4'), c) : expr;
    }
    const isLoad = expr.kind === 'load' || expr.kind === 'load_shared';
    if (isLoad && expr.type === 'f32' && !isSame(expr)) return component(nameOf(fourOf(expr)), c);
    return mapOperands(expr, (e) => partOf(e, c));
  };
  const counted: Counted = { index: loop.name, count: four, whole: (expr) => partOf(expr, 0) };
  const fourOf = (load: Load): Load => {
    const { index } = load;
    if (load.kind === 'load_shared') {
      if (!arrays.has(load.array) || !areNeighbours(index)) refuse();
      return { ...load, type: 'vec4', index: quarterOf(index, multiples, counted) };
    }
    const { buffer } = load;
    const place = storedAt.get(buffer);
    // What is stored before it is loaded for another element must have been stored.
    const isOwn = place === undefined || sameExpr(resolve(place), index);
    if (!buffers.has(buffer) || !areNeighbours(index) || !isOwn) refuse();
    isWorthIt = true;
    return { kind: 'load', type: 'vec4', buffer, index: quarterOf(index, multiples, counted) };
  };
  const nameOf = (load: Load): Expr => {
    const known = loaded.find((other) => sameExpr(other.load, load));
    if (known) return local(known.name, 'vec4');
    const name = fresh(`${load.kind === 'load' ? load.buffer : load.array}_i`);
    loaded.push({ load, name });
    body.push({ kind: 'let', name, value: load });
    return local(name, 'vec4');
  };
  const writeOut = (expr: Expr): Expr => {
    if (nodesOf(expr) > LARGEST_WRITTEN_OUT) refuse();
    return vector(COMPONENTS.map((c) => partOf(expr, c)));
  };

  /** A float for all four, or a vector. */
  const widened = (expr: Expr): Expr => {
    if (isSame(expr)) return partOf(expr, 0);
    switch (expr.kind) {
      case 'local':
        return local(expr.name, 'vec4');
      case 'load':
      case 'load_shared':
        return fourOf(expr);
      case 'unary':
        return unary(expr.op, widened(expr.operand));
      case 'binary':
        return SCALING.has(expr.op)
          ? binary(expr.op, widened(expr.left), widened(expr.right))
          : binary(expr.op, vectorOf(expr.left), vectorOf(expr.right));
      case 'select':
        return isSame(expr.condition)
          ? select(partOf(expr.condition, 0), vectorOf(expr.then), vectorOf(expr.else))
          : writeOut(expr);
      case 'cast':
      case 'random':
      case 'call':
        return writeOut(expr);
      default:
        return refuse();
    }
  };
  const vectorOf = (expr: Expr): Expr => {
    const wide = widened(expr);
    return wide.type === 'vec4' ? wide : vector([wide]);
  };

  const writeLet = (name: string, value: Expr): void => {
    if (value.type !== 'f32' && !isSame(value)) {
      written.set(name, value);
      return;
    }
    if (value.type === 'vec4') refuse();
    const wide = value.type === 'f32' ? widened(value) : partOf(value, 0);
    if (wide.type === 'vec4') vectors.add(name);
    if (isMultiple(wide)) multiples.add(name);
    body.push({ kind: 'let', name, value: wide });
  };
  /** A sum, or the largest of all, which the loop adds up in a variable outside. */
  const writeMeeting = (name: string, value: Expr): void => {
    if (value.kind !== 'binary' || value.type !== 'f32' || readings.get(name) !== 1) refuse();
    const { op, left, right } = value;
    if ((op !== 'add' && op !== 'max') || left.kind !== 'local' || left.name !== name) refuse();
    const own = local(name, 'f32');
    const parts = fresh(`${name}_four`);
    const all = local(parts, 'vec4');
    const pair = (a: Component, b: Component): Expr => binary(op, component(all, a), component(all, b));
    before.push({ kind: 'var', name: parts, type: 'vec4', value: vector([op === 'add' ? f32(0) : own]) });
    body.push({ kind: 'assign', name: parts, value: binary(op, all, vectorOf(right)) });
    after.push({ kind: 'assign', name, value: binary(op, own, binary(op, pair(0, 1), pair(2, 3))) });
  };

  for (const statement of loop.body) {
    switch (statement.kind) {
      case 'comment':
        body.push(statement);
        break;
      case 'let':
        writeLet(statement.name, resolve(statement.value));
        break;
      case 'assign':
        writeMeeting(statement.name, resolve(statement.value));
        break;
      case 'store': {
        const [index, value] = [resolve(statement.index), resolve(statement.value)];
        if (value.type !== 'f32' || !buffers.has(statement.buffer) || !areNeighbours(index)) refuse();
        isWorthIt = true;
        const place = quarterOf(index, multiples, counted);
        body.push({ kind: 'store', buffer: statement.buffer, index: place, value: vectorOf(value) });
        break;
      }
      default:
        refuse();
    }
  }
  if (!isWorthIt) refuse();
  return { before, body, after };
}

/** Where each buffer is stored to, and how often each local is read. */
function surveyOf(statements: readonly Statement[]): {
  readonly storedAt: ReadonlyMap<string, Expr>;
  readonly readings: ReadonlyMap<string, number>;
} {
  const storedAt = new Map<string, Expr>();
  const readings = new Map<string, number>();
  const read = (expr: Expr): Expr => {
    if (expr.kind === 'local') readings.set(expr.name, (readings.get(expr.name) ?? 0) + 1);
    operandsOf(expr).forEach(read);
    return expr;
  };
  walkStatements(statements, (statement) => {
    mapStatement(statement, read, (body) => body);
    if (statement.kind !== 'store') return;
    const known = storedAt.get(statement.buffer);
    if (known && !sameExpr(known, statement.index)) refuse();
    storedAt.set(statement.buffer, statement.index);
  });
  return { storedAt, readings };
}

function nodesOf(expr: Expr): number {
  return operandsOf(expr).reduce((sum, operand) => sum + nodesOf(operand), 1);
}
