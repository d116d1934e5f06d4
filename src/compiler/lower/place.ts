/**
 * Decides which expressions of a kernel get a name, and where.
 *
 * Lowering writes statements whose expressions are trees that repeat themselves. Here an expression becomes a `let`
 * when it is used more than once, when it does not change in the loop that it stands in (its `let` stands before the
 * loop), or when a reader is helped by the name. A `let` never leaves an `if`, whose condition may be what keeps its
 * loads within bounds, and never passes an assignment to a variable that it reads.
 */

import type { Interner } from '../ir/intern.ts';
import type { Expr, Statement } from '../ir/kernel.ts';
import { bodiesOf, expressionsOf, mapOperands, mapStatement, operandsOf, walkStatements } from '../ir/kernel-walk.ts';
import { present } from '../support/invariant.ts';

/** How an expression should be called if it is named, and whether to name it even if it is used once. */
export interface Hint {
  readonly wish: string;
  readonly always: boolean;
}

export interface PlaceOptions {
  readonly structureOf: Interner;
  readonly hintOf: (expr: Expr) => Hint | undefined;
  /** A new name for a local. */
  readonly fresh: (wish: string) => string;
}

/** Nodes of an expression that is written in place; larger ones are cut where they can be named. */
const LONGEST = 10;
/** Nodes of index arithmetic that is repeated rather than named. */
const CHEAP = 7;
/** Nodes from which an intermediate value that the spec names keeps its name. */
const WORTH_ITS_NAME = 4;

interface Level {
  readonly out: Statement[];
  readonly isBranch: boolean;
  /** The locals that stand for expressions, by structure. */
  readonly lets: Map<number, Expr>;
}

export function placeLets(statements: readonly Statement[], options: PlaceOptions): readonly Statement[] {
  const { structureOf, hintOf, fresh } = options;
  const uses = countUses(statements, structureOf);
  const settled = settledTimes(statements, structureOf);
  const levelOfLocal = new Map<string, number>();
  const depths = new Map<number, number>();
  const stack: Level[] = [];
  let depth = 0;
  let now = 0;

  const depthOf = (expr: Expr): number => {
    if (expr.kind === 'local') return levelOfLocal.get(expr.name) ?? 0;
    const key = structureOf(expr);
    const found = depths.get(key) ?? Math.max(0, ...operandsOf(expr).map(depthOf));
    depths.set(key, found);
    return found;
  };
  const homeOf = (expr: Expr): number => {
    const branch = stack.findLastIndex((level, i) => i <= depth && level.isBranch);
    return Math.max(depthOf(expr), branch, 0);
  };
  const named = (key: number): Expr | undefined => {
    for (let i = depth; i >= 0; i--) {
      const local = stack[i]?.lets.get(key);
      if (local) return local;
    }
    return undefined;
  };
  const bind = (expr: Expr, home: number, value: Expr): Expr => {
    const name = fresh(`${hintOf(expr)?.wish ?? wordFor(expr)}#`);
    const level = present(stack[home], 'scope');
    const local: Expr = { kind: 'local', type: expr.type, name };
    level.out.push({ kind: 'let', name, value });
    level.lets.set(structureOf(expr), local);
    levelOfLocal.set(name, home);
    return local;
  };

  /** `last`: the expression ends in a statement that already says what it is. */
  const rewrite = (expr: Expr, last = false): Expr => {
    if (isTrivial(expr)) return expr;
    const key = structureOf(expr);
    const known = named(key);
    if (known) return known;
    const rebuilt = (): Expr => mapOperands(expr, (operand) => rewrite(operand));
    if (now <= settled(expr) || isCheap(expr)) return rebuilt();
    const home = homeOf(expr);
    const shared = (uses.get(key) ?? 0) > 1;
    if (shared || home < depth) {
      const outer = depth;
      depth = home;
      const value = rebuilt();
      depth = outer;
      return bind(expr, home, value);
    }
    const value = rebuilt();
    const length = lengthOf(value);
    const worth = length > LONGEST || (hintOf(expr)?.always === true && length >= WORTH_ITS_NAME);
    return worth && !last ? bind(expr, home, value) : value;
  };

  const rewriteOwn = (statement: Statement): Statement => {
    if (statement.kind !== 'let') {
      const [first] = expressionsOf(statement).slice(-1);
      return mapStatement(
        statement,
        (expr) => rewrite(expr, expr === first),
        (inner) => inner,
      );
    }
    const value = mapOperands(statement.value, (operand) => rewrite(operand));
    const local: Expr = { kind: 'local', type: value.type, name: statement.name };
    if (now > settled(statement.value)) present(stack[depth], 'scope').lets.set(structureOf(statement.value), local);
    return { ...statement, value };
  };

  const list = (inner: readonly Statement[], isBranch: boolean, index?: string): readonly Statement[] => {
    const level: Level = { out: [], isBranch, lets: new Map() };
    stack.push(level);
    depth = stack.length - 1;
    if (index !== undefined) levelOfLocal.set(index, depth);
    for (const statement of inner) {
      now++;
      const own = rewriteOwn(statement);
      if (statement.kind === 'let' || statement.kind === 'var' || statement.kind === 'shuffle')
        levelOfLocal.set(statement.name, depth);
      const loop = statement.kind === 'for' ? statement.name : undefined;
      const whole = mapStatement(
        own,
        (expr) => expr,
        (body) => list(body, statement.kind === 'if', loop),
      );
      level.out.push(whole);
    }
    stack.pop();
    depth = stack.length - 1;
    return level.out;
  };
  return list(statements, false);
}

function isTrivial(expr: Expr): boolean {
  if (expr.kind === 'vector') return expr.parts.every((part) => part.kind === 'literal');
  if (expr.kind === 'component') return expr.vector.kind === 'local';
  return expr.kind === 'literal' || expr.kind === 'local' || expr.kind === 'uniform' || expr.kind === 'builtin';
}

function sizeOf(expr: Expr): number {
  return operandsOf(expr).reduce((n, operand) => n + sizeOf(operand), 1);
}

/** How much a reader has to read: an element of a tensor is one thing, however its index is written. */
function lengthOf(expr: Expr): number {
  return expr.kind === 'load' ? 2 : operandsOf(expr).reduce((n, operand) => n + lengthOf(operand), 1);
}

/** Integer arithmetic and comparisons on what is at hand. */
function isCheap(expr: Expr): boolean {
  const isPlain = (e: Expr): boolean =>
    isTrivial(e) || ((e.type === 'u32' || e.type === 'i32' || e.type === 'bool' || e.kind === 'cast') && noMemory(e));
  const noMemory = (e: Expr): boolean => e.kind !== 'load' && e.kind !== 'load_shared' && operandsOf(e).every(isPlain);
  return isPlain(expr) && sizeOf(expr) <= CHEAP;
}

/** How often each structure is an operand of another one or of a statement. */
function countUses(statements: readonly Statement[], structureOf: Interner): ReadonlyMap<number, number> {
  const uses = new Map<number, number>();
  const visit = (expr: Expr): void => {
    const key = structureOf(expr);
    const before = uses.get(key) ?? 0;
    uses.set(key, before + 1);
    if (before === 0) operandsOf(expr).forEach(visit);
  };
  walkStatements(statements, (statement) => expressionsOf(statement).forEach(visit));
  return uses;
}

/**
 * When an expression stops changing: the number, in the order of the text, of the last statement inside the one that
 * assigns a variable of it for the last time. What reads memory that the kernel writes, or a local array, never does.
 */
function settledTimes(statements: readonly Statement[], structureOf: Interner): (expr: Expr) => number {
  const { variables, written } = changes(statements);
  const times = new Map<number, number>();
  const settled = (expr: Expr): number => {
    if (expr.kind === 'local') return variables.get(expr.name) ?? -1;
    const isWritten = expr.kind === 'load' && written.has(expr.buffer);
    if (isWritten || expr.kind === 'load_shared' || expr.kind === 'element') return Number.POSITIVE_INFINITY;
    const key = structureOf(expr);
    const found = times.get(key) ?? Math.max(-1, ...operandsOf(expr).map(settled));
    times.set(key, found);
    return found;
  };
  return settled;
}

function changes(statements: readonly Statement[]): {
  readonly variables: ReadonlyMap<string, number>;
  readonly written: ReadonlySet<string>;
} {
  const variables = new Map<string, number>();
  const written = new Set<string>();
  let number = 0;
  /** Returns the names that the list assigns and does not declare. */
  const scan = (list: readonly Statement[]): ReadonlySet<string> => {
    const declared = new Set<string>();
    const outer = new Set<string>();
    for (const statement of list) {
      number++;
      if (statement.kind === 'store') written.add(statement.buffer);
      if (statement.kind === 'var') declared.add(statement.name);
      const assigned = new Set(statement.kind === 'assign' ? [statement.name] : []);
      for (const body of bodiesOf(statement)) for (const name of scan(body)) assigned.add(name);
      for (const name of assigned) {
        if (declared.has(name)) variables.set(name, number);
        else outer.add(name);
      }
    }
    return outer;
  };
  scan(statements);
  return { variables, written };
}

/** What to call an expression that nothing else names. */
function wordFor(expr: Expr): string {
  if (expr.kind === 'load') return `${expr.buffer}_i`;
  if (expr.kind === 'call') return expr.fn;
  return expr.type === 'u32' ? 'at' : expr.type === 'bool' ? 'condition' : 'part';
}
