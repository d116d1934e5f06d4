/**
 * Computes large values between small ones a piece at a time, such as the logits of a model and their gradients, which no output
 * needs: what makes and uses them becomes the body of a loop over pieces of an axis that all of it treats alike. Sums over that axis,
 * such as the gradient of a weight, are carried and added up in f32.
 *
 * The ops that must be done together are found by their large values (`large-set.ts`); a table says how an op works on a piece
 * (`piece-rules.ts`). Where not everything that is large can be done so, the largest may: what is large is raised from one size to the next.
 */
import { readableBytes } from '../../diagnostics/memory.ts';
import type { Graph, Op, ValueId } from '../../ir/graph.ts';
import type { Precision, TargetLimits } from '../../ir/kernel.ts';
import { resultOf } from '../../ir/op-parts.ts';
import { printGraph } from '../../ir/print-graph.ts';
import { describeType } from '../../ir/tensor-type.ts';
import { verifyGraph } from '../../ops/verify-graph.ts';
import type { Pass } from '../../pass.ts';
import { findPieces, type Obstacle } from './find-pieces.ts';
import { factsOf } from './graph-facts.ts';
import { largeSet } from './large-set.ts';
import { isStored, type SizeOf, sizesIn, usualBytes } from './large-values.ts';
import { loopOverPieces } from './loop-over-pieces.ts';

export interface PiecesOptions {
  readonly limits: Pick<TargetLimits, 'deviceClass' | 'bindingBytes' | 'narrow'>;
  readonly precision: Precision;
  /** Is told, in a sentence, what is done in pieces and what is large and cannot be. */
  readonly tell: (note: string) => void;
}

export function piecesPass({ limits, precision, tell }: PiecesOptions): Pass<Graph, Graph> {
  const sizeOf = sizesIn(precision, limits);
  return {
    name: 'pieces',
    summary: 'computes large values between small ones a piece at a time',
    run: (graph) => inPieces(graph, usualBytes(graph, sizeOf, limits), sizeOf, tell),
    verify: verifyGraph,
    print: printGraph,
  };
}

/**
 * @param usual Bytes of a value that is not large.
 * @param tell Is told what is done in pieces, and what is large and stays whole.
 */
export function inPieces(graph: Graph, usual: number, sizeOf: SizeOf, tell: (note: string) => void): Graph {
  const sizes = graph.block.ops.filter(isStored).map((op) => sizeOf(resultOf(op, 0).type));
  const limits = [...new Set([usual, ...sizes.filter((bytes) => bytes > usual)])].toSorted((a, b) => a - b);
  let done: Attempt = { graph, obstacle: undefined };
  for (const limit of limits) {
    const { graph: next, obstacle = done.obstacle } = withoutLarge(done.graph, limit, sizeOf, tell);
    done = { graph: next, obstacle };
  }
  const left = largest(done.graph.block.ops, sizeOf);
  if (left && left.bytes > usual && done.obstacle) tell(`${described(left)} stays whole: ${done.obstacle.why}`);
  return done.graph;
}

interface Attempt {
  readonly graph: Graph;
  /** What stood in the way of a set that stays as it is. */
  readonly obstacle: Obstacle | undefined;
}

function withoutLarge(graph: Graph, usual: number, sizeOf: SizeOf, tell: (note: string) => void): Attempt {
  const facts = factsOf(graph);
  const bytesOf = (id: ValueId): number => sizeOf(facts.typeOf(id));
  const isLarge = (id: ValueId): boolean => bytesOf(id) > usual;
  const seeds = new Set(facts.ops.filter((op) => isStored(op) && isLarge(resultOf(op, 0).id)));
  let obstacle: Obstacle | undefined;
  for (const seed of seeds) {
    const set = largeSet(seed, facts, isLarge);
    for (const op of set) seeds.delete(op);
    const found = findPieces(set, facts, { bytesOf, usual });
    if (found.kind === 'obstacle') {
      obstacle = found;
      continue;
    }
    const most = largest(
      facts.ops.filter((op) => set.has(op)),
      sizeOf,
    );
    if (most) tell(`${described(most)} is computed in ${found.cut.pieces} pieces along ${found.axis.name}`);
    return withoutLarge(loopOverPieces(graph, found), usual, sizeOf, tell);
  }
  return { graph, obstacle };
}

interface Large {
  readonly name: string;
  readonly bytes: number;
}

/** The size of the largest value that ops store, and the first name that a value of that size has. */
function largest(ops: readonly Op[], sizeOf: SizeOf): Large | undefined {
  const bytes = Math.max(...ops.filter(isStored).map((op) => sizeOf(resultOf(op, 0).type)));
  const values = ops.map((op) => resultOf(op, 0)).filter(({ type }) => type.kind === 'float' && sizeOf(type) === bytes);
  const [first] = values;
  return first && { name: values.find(({ name }) => name)?.name ?? `a ${describeType(first.type)}`, bytes };
}

function described({ name, bytes }: Large): string {
  return `${name} (${readableBytes(bytes)})`;
}
