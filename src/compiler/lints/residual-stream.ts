/**
 * The residual streams of a program: what a loop over depth carries, and how it gets from one iteration to the next.
 *
 * From a value back to the parameter that carries the stream there may be a path of sums and of factors that do not depend on
 * the stream. With such a path to the next value the stream is a running sum, as in PreNorm; with one that ends at a norm it
 * is normalised, as in PostNorm.
 */
import type { Block, Graph, Op, OpOf, Value, ValueId } from '../ir/graph.ts';
import { operandOf } from '../ir/op-parts.ts';
import { type Constants, constantValues, scalingOf } from './constant-values.ts';
import { type Degrees, degreesFrom } from './scale-degree.ts';

export type Step =
  | { readonly kind: 'sum'; readonly op: OpOf<'binary'> }
  /** `factors` are undefined when a weight is the factor. */
  | { readonly kind: 'scale'; readonly op: OpOf<'binary'>; readonly factors: readonly number[] | undefined };

export interface Stream {
  readonly loop: OpOf<'loop'>;
  readonly body: Block;
  readonly constants: Constants;
  readonly param: Value;
  readonly next: ValueId;
  /** What follows the loop reads. */
  readonly final: Value;
  /** How values of the body depend on the stream. */
  readonly degrees: Degrees;
  /** From the parameter to the next value; undefined when there is no path. */
  readonly path: readonly Step[] | undefined;
}

const found = new WeakMap<Graph, readonly Stream[]>();

export function streamsOf(graph: Graph): readonly Stream[] {
  const known = found.get(graph) ?? findStreams(graph);
  found.set(graph, known);
  return known;
}

function findStreams({ block }: Graph): readonly Stream[] {
  const outer = constantValues(block);
  return block.ops.flatMap((loop) => {
    if (loop.kind !== 'loop') return [];
    const { body, carried } = loop.attrs;
    const constants = constantValues(body, outer, loop);
    return body.params.slice(0, carried).flatMap((param, i): readonly Stream[] => {
      const [next, final] = [body.results[i], loop.results[i]];
      if (next === undefined || !final || param.type.kind !== 'float' || param.type.axes.length === 0) return [];
      const degrees = degreesFrom(body, param.id, constants);
      const part = { loop, body, constants, param, next, final, degrees };
      return [{ ...part, path: pathTo(part, next) }];
    });
  });
}

/** The layers of all loops together: one loop may have been cut into several. */
export function depthOf({ block }: Graph): number {
  return block.ops.reduce((sum, op) => sum + (op.kind === 'loop' ? op.attrs.axis.size : 0), 0);
}

/** The steps from the stream's parameter to a value of the body; undefined when the value is no running sum of it. */
export function pathTo(
  { body, param, degrees, constants }: Pick<Stream, 'body' | 'param' | 'degrees' | 'constants'>,
  value: ValueId,
): readonly Step[] | undefined {
  const made = new Map<ValueId, Op>(body.ops.flatMap((op) => op.results.map((r) => [r.id, op] as const)));
  const refused = new Set<ValueId>();
  const visit = (id: ValueId): readonly Step[] | undefined => {
    if (id === param.id) return [];
    const op = made.get(id);
    if (op?.kind !== 'binary' || refused.has(id)) return undefined;
    refused.add(id);
    const [a, b] = [operandOf(op, 0), operandOf(op, 1)];
    const step = (from: readonly Step[] | undefined, one: Step): readonly Step[] | undefined => from && [...from, one];
    if (op.attrs.fn === 'add') return step(visit(a) ?? visit(b), { kind: 'sum', op });
    if (op.attrs.fn === 'sub') return step(visit(a), { kind: 'sum', op });
    const scaling = scalingOf(op, constants);
    if (scaling) return step(visit(scaling.of), { kind: 'scale', op, factors: scaling.factors });
    if (op.attrs.fn !== 'mul' || (degrees.has(a) && degrees.has(b))) return undefined;
    return step(visit(degrees.has(a) ? a : b), { kind: 'scale', op, factors: undefined });
  };
  return visit(value);
}

/** Sums of the stream and a branch that a norm follows before the next iteration, with the factors of the stream in them. */
export function normalisedSums(
  stream: Stream,
): readonly { readonly op: OpOf<'binary'>; readonly path: readonly Step[] }[] {
  const { body, next, constants, path } = stream;
  if (path) return [];
  return body.ops.flatMap((op) => {
    const [result] = op.results;
    if (op.kind !== 'binary' || op.attrs.fn !== 'add' || !result) return [];
    const to = pathTo(stream, result.id);
    return to && degreesFrom(body, result.id, constants).get(next) === 0 ? [{ op, path: to }] : [];
  });
}
