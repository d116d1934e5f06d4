/** Short ways to say the common ops. */
import type { Axis, AxisId, BinaryFunction, UnaryFunction, ValueId } from '../ir/graph.ts';
import { floats, sameAxes, tensor, withoutIds } from '../ir/tensor-type.ts';
import type { Builder, Note } from './builder.ts';

export function unary(b: Builder, fn: UnaryFunction, x: ValueId, note?: Note): ValueId {
  return b.op('unary', { fn }, [x], note);
}

export function binary(b: Builder, fn: BinaryFunction, x: ValueId, y: ValueId, note?: Note): ValueId {
  return b.op('binary', { fn }, [x, y], note);
}

export function add(b: Builder, x: ValueId, y: ValueId, note?: Note): ValueId {
  return binary(b, 'add', x, y, note);
}

export function mul(b: Builder, x: ValueId, y: ValueId, note?: Note): ValueId {
  return binary(b, 'mul', x, y, note);
}

export function where(b: Builder, condition: ValueId, then: ValueId, otherwise: ValueId, note?: Note): ValueId {
  return b.op('where', {}, [condition, then, otherwise], note);
}

/** A float without axes. */
export function scalar(b: Builder, value: number, note?: Note): ValueId {
  return b.leaf('constant', { values: [value] }, floats([]), note);
}

/** An int without axes. */
export function intScalar(b: Builder, value: number, note?: Note): ValueId {
  return b.leaf('constant', { values: [value] }, tensor('int', []), note);
}

/** A number for each iteration of a loop, to be sliced by it. */
export function table(b: Builder, axis: Axis, values: readonly number[], note?: Note): ValueId {
  return b.leaf('constant', { values }, floats([axis]), note);
}

/** int positions, row-major over several axes. */
export function index(b: Builder, axes: readonly Axis[], note?: Note): ValueId {
  return b.leaf('index', {}, tensor('int', axes), note);
}

export function sum(b: Builder, x: ValueId, axes: readonly AxisId[], note?: Note): ValueId {
  return axes.length === 0 ? x : b.op('sum', { axes }, [x], note);
}

export function expand(b: Builder, x: ValueId, axes: readonly Axis[], note?: Note): ValueId {
  return axes.length === 0 ? x : b.op('expand', { axes }, [x], note);
}

/** `x` with `axes`, all of which it has, in this order. */
export function permute(b: Builder, x: ValueId, axes: readonly Axis[], note?: Note): ValueId {
  return sameAxes(b.typeOf(x).axes, axes) ? x : b.op('permute', { axes: axes.map((a) => a.id) }, [x], note);
}

/** The sum of x * y over the axes `over`, which both have. */
export function contract(b: Builder, x: ValueId, y: ValueId, over: readonly AxisId[], note?: Note): ValueId {
  return b.op('contract', { terms: [over] }, [x, y], note);
}

/** `x` summed over what `axes` lacks and spread over what it lacks, with its axes in the order of `axes`. */
export function conform(b: Builder, x: ValueId, axes: readonly Axis[], note?: Note): ValueId {
  const has = b.typeOf(x).axes;
  const extra = withoutIds(
    has,
    axes.map((a) => a.id),
  );
  const summed = sum(
    b,
    x,
    extra.map((a) => a.id),
  );
  const missing = withoutIds(
    axes,
    has.map((a) => a.id),
  );
  return permute(b, expand(b, summed, missing), axes, note);
}
