/** Structural identity of kernel expressions: equal expressions have equal numbers, whatever objects they are. */
import type { Expr } from './kernel.ts';
import { operandsOf } from './kernel-walk.ts';

export type Interner = (expr: Expr) => number;

function head(expr: Expr): string {
  switch (expr.kind) {
    case 'literal':
      return `${expr.type}:${Object.is(expr.value, -0) ? '-0' : expr.value}`;
    case 'local':
    case 'uniform':
    case 'builtin':
      return `${expr.kind}:${expr.name}`;
    case 'load':
      return `load:${expr.type}:${expr.buffer}`;
    case 'load_shared':
      return `shared:${expr.array}`;
    case 'element':
      return `element:${expr.array}`;
    case 'call':
      return `call:${expr.fn}`;
    case 'unary':
    case 'binary':
      return `${expr.kind}:${expr.op}:${expr.type}`;
    case 'random':
      return `random:${expr.key}`;
    case 'component':
      return `component:${expr.index}`;
    case 'select':
    case 'vector':
      return expr.kind;
    case 'cast':
      return `cast:${expr.type}`;
  }
}

/** Makes a function that numbers structures, for one kernel. */
export function makeInterner(): Interner {
  const numbers = new WeakMap<Expr, number>();
  const byText = new Map<string, number>();
  const structureOf = (expr: Expr): number => {
    const known = numbers.get(expr);
    if (known !== undefined) return known;
    const text = `${head(expr)}(${operandsOf(expr).map(structureOf).join(',')})`;
    const number = byText.get(text) ?? byText.size;
    byText.set(text, number);
    numbers.set(expr, number);
    return number;
  };
  return structureOf;
}

/** Whether two expressions are written alike. */
export function sameExpr(a: Expr, b: Expr): boolean {
  if (a === b) return true;
  if (head(a) !== head(b)) return false;
  const [inA, inB] = [operandsOf(a), operandsOf(b)];
  return inA.length === inB.length && inA.every((e, i) => inB[i] !== undefined && sameExpr(e, inB[i]));
}
