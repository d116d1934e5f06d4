/** What a step would take if its products were all of it. */
import { median } from './median.ts';
import { type MicroCase, product } from './micro-cases.ts';
import type { Size } from './sizes.ts';

/** A product of the model, and how often a step has it: forward once and backward twice each time. */
export interface ProductUse {
  readonly case: MicroCase;
  readonly count: number;
}

/** A use, measured: the medians of its rounds, in ms. */
export interface MeasuredUse extends ProductUse {
  readonly rounds: readonly number[];
}

/** The products with weights; those of a row that share their operand are one. Those within attention are not among them. */
export function productsOf({ vocab, width, depth, hidden, time, batch }: Size): readonly ProductUse[] {
  const rows = batch * time;
  return [
    { case: product(rows, width, 3 * width), count: depth },
    { case: product(rows, width, width), count: depth },
    { case: product(rows, width, 2 * hidden), count: depth },
    { case: product(rows, hidden, width), count: depth },
    { case: product(rows, width, vocab), count: 1 },
  ];
}

/** Milliseconds of all products of a step, and the operations of a second in them, in GFLOP. */
export function ceilingOf(uses: readonly MeasuredUse[]): { readonly ms: number; readonly rate: number } {
  const ms = uses.reduce((sum, { count, rounds }) => sum + count * median(rounds), 0);
  const flops = uses.reduce((sum, { count, case: { flops } }) => sum + count * flops, 0);
  return { ms, rate: flops / ms / 1e6 };
}
