import type { Axis } from '../ir/graph.ts';
import type { Expr } from '../ir/kernel.ts';
import { binary, builtin, u32 } from '../ir/kernel-expr.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import { add, bounded, indicesAt, mul } from './index-math.ts';
import type { Env, KernelWriter } from './writer.ts';

/** Invocations of a workgroup that do not work together. */
export const LANES = 64;

/** Names the position of this invocation and leaves when there is no element for it. */
export function beginInvocation(writer: KernelWriter, axes: readonly Axis[], wish: string): Env {
  return indicesAt(beginPosition(writer, elementsOf(axes), wish), axes);
}

/** The number of this invocation, which is below `count`. */
export function beginPosition(writer: KernelWriter, count: number, wish: string): Expr {
  const position = writer.let(wish, add(mul(builtin('group'), LANES), builtin('local')));
  if (count % LANES !== 0) writer.when(binary('ge', position, u32(count)), () => writer.exit());
  return bounded(position, count - 1);
}
