/** Who looks on while a program is elaborated: editors, which show what each expression is. */
import type { Value as IrValue } from '../ir/graph.ts';
import type { HirItem } from '../ir/hir.ts';
import type { Expr } from '../syntax/ast.ts';
import type { Env } from './env.ts';
import type { Place } from './place.ts';
import type { FunctionValue, Value } from './value.ts';

export interface Observer {
  /**
   * An expression was evaluated. A body is elaborated once for each of its calls, and once more where iterations that were
   * elaborated at once part, so an expression may be told of often.
   */
  readonly value: (expr: Expr, value: Value) => void;
  /** A tensor was made: of an op, a weight, or what a loop carries. */
  readonly made: (value: IrValue) => void;
  /** The body of a function was elaborated. */
  readonly body: (body: ObservedBody) => void;
}

export interface ObservedBody {
  readonly fn: FunctionValue;
  /** After the last statement. */
  readonly env: Env;
  /** Where the names of the body begin. */
  readonly base: Env;
  readonly value: Value;
  /** What its statements and calls added to the program. */
  readonly items: readonly HirItem[];
  /** Where its weights belong. */
  readonly place: Place | undefined;
  /** How many numbers the weights of that place have by now, those of the calls in it included. */
  readonly weightElements: () => number;
}
