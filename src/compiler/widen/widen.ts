/**
 * Loops over neighbours, four at a time.
 *
 * Where all that a loop loads and stores lies side by side, it takes fours of elements: memory is moved in vectors, the
 * arithmetic is that of vectors, and a sum has four parts that meet behind the loop. A buffer is used in fours by all of a
 * kernel or by none of it, since WGSL declares it the one way or the other. So does it with workgroup memory, of which only `arrays`
 * are used in fours.
 */
import type { Expr, Kernel, Statement } from '../ir/kernel.ts';
import { expressionsOf, mapStatement, namesIn, operandsOf, walkStatements } from '../ir/kernel-walk.ts';
import { LOADED } from '../ir/storage-type.ts';
import { freeName } from '../support/free-name.ts';
import { isMultipleOfFour, type Multiples } from './fours.ts';
import { widenLoop } from './widen-loop.ts';

/**
 * The kernel with fours where they are possible; itself where they are not.
 *
 * @param arrays Of f32 in workgroup memory, which may be loaded in fours.
 */
export function widen(kernel: Kernel, arrays: ReadonlySet<string> = new Set()): Kernel {
  const buffers = new Set(
    kernel.buffers.filter(({ type, elements }) => LOADED[type] === 'f32' && elements % 4 === 0).map(({ name }) => name),
  );
  for (;;) {
    const wide = widenLoops(kernel, buffers, arrays);
    const mixed = usedBothWays(wide);
    if (mixed.length === 0) return wide;
    for (const name of mixed) buffers.delete(name);
  }
}

function widenLoops(kernel: Kernel, buffers: ReadonlySet<string>, arrays: ReadonlySet<string>): Kernel {
  const taken = namesIn(kernel);
  const fresh = (wish: string): string => {
    const name = freeName(wish, (candidate) => taken.has(candidate));
    taken.add(name);
    return name;
  };
  const inList = (statements: readonly Statement[], outer: Multiples): readonly Statement[] => {
    const multiples = new Set(outer);
    return statements.flatMap((statement, i) => {
      if (statement.kind === 'let' && isMultipleOfFour(statement.value, multiples)) multiples.add(statement.name);
      if (statement.kind !== 'for') return [inside(statement, multiples)];
      const { from, step, name } = statement;
      const isMultiple = isMultipleOfFour(from, multiples) && isMultipleOfFour(step, multiples);
      return (
        widenLoop(statement, { buffers, arrays, fresh, multiples, isLast: i + 1 === statements.length }) ?? [
          inside(statement, isMultiple ? new Set([...multiples, name]) : multiples),
        ]
      );
    });
  };
  const inside = (statement: Statement, multiples: Multiples): Statement =>
    mapStatement(
      statement,
      (expr) => expr,
      (body) => inList(body, multiples),
    );
  const functions = kernel.functions.map((fn) => (fn.result ? fn : { ...fn, body: inList(fn.body, new Set()) }));
  return { ...kernel, functions, body: inList(kernel.body, new Set()) };
}

/** Buffers of which some elements are used in fours and others one by one. */
function usedBothWays(kernel: Kernel): readonly string[] {
  const [wide, single] = [new Set<string>(), new Set<string>()];
  const note = (buffer: string, { type }: Expr): void => void (type === 'vec4' ? wide : single).add(buffer);
  const visit = (expr: Expr): void => {
    if (expr.kind === 'load') note(expr.buffer, expr);
    operandsOf(expr).forEach(visit);
  };
  for (const { body } of [kernel, ...kernel.functions])
    walkStatements(body, (statement) => {
      if (statement.kind === 'store') note(statement.buffer, statement.value);
      expressionsOf(statement).forEach(visit);
    });
  return [...wide].filter((name) => single.has(name));
}
