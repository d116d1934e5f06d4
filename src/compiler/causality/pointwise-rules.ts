/** Pointwise ops: what they need is what their operands need; masks say where. */
import type { BinaryFunction, UnaryFunction } from '../ir/graph.ts';
import { type Bounds, both, combined, either, isConstant, type Line, scaled, whenFails, whenHolds } from './bounds.ts';
import { restricted } from './dependence.ts';
import { type Flow, joinedNeeds, mapNeeds, UNKNOWN } from './flow.ts';
import { type Guess, productFlow } from './rule-parts.ts';

/** Functions that are 0 at 0. */
const KEEPS_ZERO: readonly UnaryFunction[] = ['neg', 'sin', 'tanh', 'erf', 'sqrt', 'abs', 'floor'];

export function unaryFlow(fn: UnaryFunction, x: Flow): Flow {
  const plain: Flow = { ...UNKNOWN, needs: x.needs, positional: x.positional };
  if (fn === 'not') return { ...plain, whenTrue: x.whenFalse, whenFalse: x.whenTrue };
  if (fn === 'exp') return { ...plain, nonzero: x.notLow };
  const line = fn === 'neg' && x.line ? scaled(x.line, -1) : undefined;
  return { ...plain, line, nonzero: KEEPS_ZERO.includes(fn) ? x.nonzero : [] };
}

export function binaryFlow(fn: BinaryFunction, x: Flow, y: Flow, guess: Guess): Flow {
  const needs = joinedNeeds([x, y]);
  const positional = (x.positional || y.positional) && needs.size === 0;
  const plain: Flow = { ...UNKNOWN, needs, line: lineOf(fn, x.line, y.line), positional };
  switch (fn) {
    case 'add':
      // A mask that is added makes low whatever it is added to.
      return { ...plain, nonzero: either(x.nonzero, y.nonzero), notLow: both(x.notLow, y.notLow) };
    case 'sub':
      return { ...plain, nonzero: either(x.nonzero, y.nonzero), notLow: x.notLow };
    case 'mul':
      return { ...productFlow(x, y), line: plain.line, positional };
    case 'div':
      return {
        ...plain,
        needs: joinedNeeds([x, { needs: mapNeeds(y, (d) => restricted(d, x.nonzero)) }]),
        nonzero: x.nonzero,
      };
    case 'and':
      return { ...plain, whenTrue: both(x.whenTrue, y.whenTrue), whenFalse: either(x.whenFalse, y.whenFalse) };
    case 'or':
      return { ...plain, whenTrue: either(x.whenTrue, y.whenTrue), whenFalse: both(x.whenFalse, y.whenFalse) };
    case 'max':
    case 'min':
      return positional && guess === 'none' ? { ...plain, nonzero: 'never' } : plain;
    default:
      return { ...plain, ...compared(fn, x, y, guess) };
  }
}

/** A comparison of positions in which no inequality is found may hide everything, or nothing. */
function compared(fn: BinaryFunction, x: Flow, y: Flow, guess: Guess): Pick<Flow, 'whenTrue' | 'whenFalse'> {
  const isGuessed = guess === 'none' && (x.positional || y.positional);
  const known = (bounds: Bounds): Bounds => (isGuessed && bounds.length === 0 ? 'never' : bounds);
  if (!x.line || !y.line) return { whenTrue: known([]), whenFalse: known([]) };
  return { whenTrue: known(whenHolds(fn, x.line, y.line)), whenFalse: known(whenFails(fn, x.line, y.line)) };
}

function lineOf(fn: BinaryFunction, x: Line | undefined, y: Line | undefined): Line | undefined {
  if (!x || !y) return undefined;
  if (fn === 'add' || fn === 'sub') return combined(x, y, fn === 'add' ? 1 : -1);
  if (fn === 'mul' && isConstant(y)) return scaled(x, y.constant);
  if (fn === 'mul' && isConstant(x)) return scaled(y, x.constant);
  return fn === 'div' && isConstant(y) && y.constant !== 0 ? scaled(x, 1 / y.constant) : undefined;
}

/** What is chosen matters only where it is. */
export function whereFlow(condition: Flow, a: Flow, b: Flow): Flow {
  const chosen = (flow: Flow, where: Bounds) => ({ needs: mapNeeds(flow, (d) => restricted(d, where)) });
  const needs = joinedNeeds([condition, chosen(a, condition.whenTrue), chosen(b, condition.whenFalse)]);
  const whichever = (x: Bounds, y: Bounds): Bounds => either(both(condition.whenTrue, x), both(condition.whenFalse, y));
  return {
    ...UNKNOWN,
    needs,
    positional: [condition, a, b].some((flow) => flow.positional) && needs.size === 0,
    nonzero: whichever(a.nonzero, b.nonzero),
    notLow: whichever(a.notLow, b.notLow),
  };
}
