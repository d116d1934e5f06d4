/**
 * Which values of the outer block are large: those that take more bytes than anything that has to lie in memory at the same time
 * whatever is done, so that they alone say how much memory a program needs.
 */
import type { Graph, Op, TensorType, Weight } from '../../ir/graph.ts';
import type { Precision, TargetLimits } from '../../ir/kernel.ts';
import { elementBytes } from '../../ir/storage-type.ts';
import { elementsOf } from '../../ir/tensor-type.ts';
import { allOps } from '../../ir/walk-graph.ts';
import { weightOf } from '../effort.ts';

export type SizeOf = (type: TensorType) => number;

/** Bytes of a value as it will be stored. */
export function sizesIn(precision: Precision, limits: Pick<TargetLimits, 'narrow'>): SizeOf {
  return ({ kind, axes, storage }) =>
    elementsOf(axes) * elementBytes(kind === 'float' && precision !== 'f32' ? precision : storage, limits);
}

/** Smaller values are not worth a launch: they stay in a cache, and pieces of them would leave a GPU idle. */
const WORTH_A_LAUNCH: { readonly [C in TargetLimits['deviceClass']]: number } = {
  cpu: 4 * 2 ** 20,
  gpu: 128 * 2 ** 20,
};

/**
 * What a value takes at most that is not large: as much as a weight (of one layer), an input or an output of the graph, and what an
 * iteration of a loop carries or computes. A gradient that pieces add up is thus no larger than a piece, and costs little beside it.
 * What one binding cannot see is large too.
 */
export function usualBytes(
  { inputs, outputs, weights, block }: Graph,
  sizeOf: SizeOf,
  { deviceClass, bindingBytes }: Pick<TargetLimits, 'deviceClass' | 'bindingBytes'>,
): number {
  const ops = [...allOps(block)];
  const outside = new Set<Op>(block.ops);
  const inLoops = ops.filter((op) => !outside.has(op) && isStored(op));
  const given = new Set(outputs.map(({ value }) => value));
  const needed = [
    ...inputs.map(({ type }) => type),
    ...block.ops.flatMap((op) =>
      op.kind === 'loop' ? [] : op.results.filter(({ id }) => given.has(id)).map(({ type }) => type),
    ),
    ...inLoops.flatMap((op) => op.results.map(({ type }) => type)),
    ...ops.flatMap((op) => (op.kind === 'loop' ? op.attrs.body.params.map(({ type }) => type) : [])),
  ];
  const most = Math.max(0, ...weights.map(memberBytes), ...needed.map(sizeOf));
  return Math.min(bindingBytes, Math.max(most, WORTH_A_LAUNCH[deviceClass]));
}

function memberBytes({ axes }: Weight): number {
  return 4 * elementsOf(axes);
}

/** Whether a kernel stores what an op makes, as far as one can tell before they are made: what it would not compute on the way. */
export function isStored(op: Op): boolean {
  return weightOf(op) === 'heavy';
}

/** Whether a value is made on the way, not given: by an op that is no leaf and no loop. */
export function isMade(op: Op | undefined): op is Op {
  const weight = weightOf(op);
  return weight !== 'leaf' && weight !== 'fixed';
}
