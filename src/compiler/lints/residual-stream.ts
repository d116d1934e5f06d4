/**
 * The residual streams of a program: what a loop over depth carries, and how it gets from one iteration to the next.
 *
 * From a value back to the parameter that carries the stream there may be a path of sums and of factors that do not depend on
 * the stream. With such a path to the next value the stream is a running sum, as in PreNorm; with one that ends at a norm it
 * is normalised, as in PostNorm.
 */
import type { Block, Graph, OpOf, Value, ValueId } from '../ir/graph.ts';
import { type Constants, constantValues } from './constant-values.ts';
import { lossesIn } from './losses.ts';
import { type Path, runningSums, type Step, stepsOf } from './running-sums.ts';
import { type Degrees, degreesFrom } from './scale-degree.ts';

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
      const path = runningSums(part).get(next);
      return [{ ...part, path: path && stepsOf(path) }];
    });
  });
}

/** The layers of all loops together: one loop may have been cut into several. */
export function depthOf({ block }: Graph): number {
  return block.ops.reduce((sum, op) => sum + (op.kind === 'loop' ? op.attrs.axis.size : 0), 0);
}

/** Sums of the stream and a branch that a norm follows before the next iteration, with the factors of the stream in them. */
export function normalisedSums(stream: Stream): readonly NormalisedSum[] {
  const known = sums.get(stream) ?? findSums(stream);
  sums.set(stream, known);
  return known;
}

export interface NormalisedSum {
  readonly op: OpOf<'binary'>;
  /** To the sum. */
  readonly path: Path;
}

const sums = new WeakMap<Stream, readonly NormalisedSum[]>();

function findSums(stream: Stream): readonly NormalisedSum[] {
  const { body, next, constants, path } = stream;
  if (path) return [];
  const paths = runningSums(stream);
  const leading = leadingTo(body, next);
  const follows = (id: ValueId): boolean => leading.has(id);
  const isLost = lossesIn(body, constants, { follows, leaving: new Set([next]), mayRead: () => true });
  return body.ops.flatMap((op) => {
    const [result] = op.results;
    if (op.kind !== 'binary' || op.attrs.fn !== 'add' || !result) return [];
    const to = paths.get(result.id);
    return to && follows(result.id) && isLost(result.id) ? [{ op, path: to }] : [];
  });
}

/** The values of a block on which one of them depends, itself among them. */
function leadingTo({ ops }: Block, value: ValueId): ReadonlySet<ValueId> {
  const leading = new Set([value]);
  for (const op of [...ops].reverse())
    if (op.results.some((r) => leading.has(r.id))) for (const id of op.operands) leading.add(id);
  return leading;
}
