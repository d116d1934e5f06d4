/**
 * In which type stored values lie when a training asks for two bytes (`precision = bf16` or `f16`).
 *
 * Narrow are the activations, what a forward loop saves of them, and their gradients: whatever lies in memory, but for these.
 * - What outlives a step, or is added to: weights and their gradients, totals over micro-batches, what `scatter_add` fills.
 * - The residual stream: what a loop carries, and what lies on the way from there to what it carries on, or from layer to layer where
 *   there is no loop (`streams.ts`). It would lose branches that are small beside it, and more of them with depth.
 * - Partial sums: products that a sum adds up.
 * - The factors of recurrences: near 1, bf16 has a step of 1 / 256, and how long a state lasts would be chance.
 * - What the host gives and gets: inputs, the loss, logits, probes, and the states of decoding.
 * - Tables of positions and the like, which depend on no input and no weight: they are exact, and all layers share them.
 * - Single numbers, and statistics of rows (a mean, the factor of a norm, the logsumexp): they take little, and whole tensors or rows hang on
 *   them.
 * - What a library computes in several terms, or where storing draws how to round: it rounds what it stores, each term, to the nearest.
 * Kernels compute in f32, and all sums are f32; products may round their operands to the narrow type.
 *
 * What says that it is narrow before that, is: a copy for a library (`passes/narrow-copies/narrow-operands.ts`).
 *
 * Values that share memory have one type: a view and what it is a view of, a stack and its slices, a state before and after a
 * `put`. If one of them has to be f32, all of them are.
 */
import type { Block, Op, OpOf, Value, ValueId } from '../../ir/graph.ts';
import type { NarrowType, Precision, Rounding } from '../../ir/kernel.ts';
import type { FusedGraph, Region, RegionStep } from '../../ir/region.ts';
import { isCopy } from '../../ir/state-name.ts';
import { isNarrow } from '../../ir/storage-type.ts';
import type { Pass } from '../../pass.ts';
import { invariant, present } from '../../support/invariant.ts';
import { printFused } from '../fuse/print.ts';
import { verifyFused } from '../fuse/verify.ts';
import { findStored } from './find-stored.ts';
import { wideValues } from './wide-values.ts';

type Loop = OpOf<'loop'>;

/** `rounding`: how what is narrow is rounded when it is stored. */
export function precisionPass(precision: Precision, rounding: Rounding): Pass<FusedGraph, FusedGraph> {
  return {
    name: 'precision',
    summary: 'choose what is stored in two bytes',
    run: (fused) =>
      precision === 'f32' ? fused : { ...withStorage(fused, narrowValues(fused, rounding), precision), rounding },
    verify: (fused) => {
      verifyFused(fused);
      verifyStorage(fused);
    },
    print: printFused,
  };
}

function narrowValues(fused: FusedGraph, rounding: Rounding): ReadonlySet<ValueId> {
  const { values, memoryOf } = findStored(fused);
  const isCopied = (id: ValueId): boolean => isNarrow(present(values.get(id), `value ${id}`).type.storage);
  const wide = new Set([...wideValues(fused, values, rounding)].filter((id) => !isCopied(id)).map(memoryOf));
  const floats = [...fused.stored].filter((id) => values.get(id)?.type.kind === 'float');
  return new Set(floats.filter((id) => !wide.has(memoryOf(id))));
}

/** The same graph with its types changed, and the ops that steps and regions name. */
function withStorage(fused: FusedGraph, narrow: ReadonlySet<ValueId>, storage: NarrowType): FusedGraph {
  const made = new Map<ValueId, Op>();
  const typed = (value: Value): Value =>
    narrow.has(value.id) ? { ...value, type: { ...value.type, storage } } : value;
  const inBlock = (block: Block): Block => ({ ...block, params: block.params.map(typed), ops: block.ops.map(inOp) });
  const inOp = (op: Op): Op => {
    const results = op.results.map(typed);
    const own: Op =
      op.kind === 'loop'
        ? { ...op, attrs: { ...op.attrs, body: inBlock(op.attrs.body) }, results }
        : { ...op, results };
    for (const { id } of results) made.set(id, own);
    return own;
  };
  const graph = { ...fused.graph, block: inBlock(fused.graph.block) };
  const remade = <O extends Op>(op: O, is: (other: Op) => other is O): O => {
    const own = present(made.get(present(op.results[0], 'a result').id), 'the op anew');
    invariant(is(own), `${op.kind} stays what it is`);
    return own;
  };
  const inSteps = (steps: readonly RegionStep[]): readonly RegionStep[] =>
    steps.map((step) => {
      if (step.kind === 'loop') return { ...step, op: remade(step.op, isLoop), body: inSteps(step.body) };
      const { region } = step;
      if (region.kind === 'op') return { ...step, region: { ...region, op: remade(region.op, hasOwnKernel) } };
      if (region.kind !== 'product' || !region.library) return step;
      // A library takes operands of one type; kernels round what they load. What it adds to is no operand.
      const sums = region.roots.map((id) => fused.inPlace.get(id));
      const operands = region.reads.filter((id) => !sums.includes(id));
      return { ...step, region: { ...region, library: operands.every((id) => narrow.has(id)) } };
    });
  return { ...fused, graph, steps: inSteps(fused.steps), precision: storage };
}

function isLoop(op: Op): op is Loop {
  return op.kind === 'loop';
}

function hasOwnKernel(op: Op): op is Extract<Region, { kind: 'op' }>['op'] {
  return ['attend', 'attend_backward_query', 'attend_backward_key', 'scatter_add'].includes(op.kind);
}

/** Throws an `InternalError` unless values that share memory agree, and what the world outside sees is f32. */
function verifyStorage(fused: FusedGraph): void {
  const { values, memoryOf } = findStored(fused);
  const storageOf = (id: ValueId): string => present(values.get(id), `value ${id}`).type.storage;
  for (const id of fused.stored) {
    const memory = memoryOf(id);
    invariant(storageOf(id) === storageOf(memory), `value ${id} lies in memory of ${storageOf(memory)}`);
  }
  for (const { name, value } of fused.graph.outputs) {
    if (isCopy(name)) continue;
    const isWide = values.get(value)?.type.kind !== 'float' || storageOf(value) === 'f32';
    invariant(isWide, `output ${name} is ${storageOf(value)}`);
  }
}
