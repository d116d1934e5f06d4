import type { Expr, KernelBuffer, Statement } from '../ir/kernel.ts';
import { add, and, binary, f32, load, mul, u32, unary } from '../ir/kernel-expr.ts';
import { GOOD_UPDATES, LEAST_SCALE, MOST_SCALE, SCALING_NUMBERS, type ScalingNumber } from '../ir/loss-scaling.ts';
import { outcomeNumber } from '../ir/step-outcome.ts';
import type { OptimizerSpec } from '../ir/train.ts';
import { buffer, store, when } from './flat-kernel.ts';

/** The state of loss scaling, as kernels have it. */
export const SCALING_BUFFER: KernelBuffer = buffer('scaling', 'read_write', `[${SCALING_NUMBERS.join(', ')}]`);

const place = (number: ScalingNumber): Expr => u32(SCALING_NUMBERS.indexOf(number));

export function scaling(number: ScalingNumber): Expr {
  return load(SCALING_BUFFER.name, 'f32', place(number));
}

/** Whether gradients that are not finite may be so at a smaller scale, in a step with this loss. */
export function mayShrink(loss: Expr): Expr {
  const hasLoss = binary('eq', unary('is_nonfinite', loss), u32(0));
  return and(hasLoss, binary('gt', scaling('scale'), f32(LEAST_SCALE)));
}

/** Brings the state to where the next step begins, and Adam's corrections to this one. */
export function nextScaling({ beta1, beta2 }: OptimizerSpec, outcome: Expr): readonly Statement[] {
  const is = (o: 'applied' | 'skipped'): Expr => binary('eq', outcome, f32(outcomeNumber(o)));
  const set = (number: ScalingNumber, value: Expr): Statement => store(SCALING_BUFFER.name, place(number), value);
  /** 1 - beta^updates as the moment of a gradient that is always 1: in f32 the difference would lose most of its digits. */
  const correct = (number: 'bias1' | 'bias2', beta: number): Statement =>
    set(number, add(mul(f32(beta), scaling(number)), f32(1 - beta)));
  const doubled = binary('min', mul(f32(2), scaling('scale')), f32(MOST_SCALE));
  return [
    when(is('applied'), [
      correct('bias1', beta1),
      correct('bias2', beta2),
      set('good', add(scaling('good'), f32(1))),
      when(binary('eq', scaling('good'), f32(GOOD_UPDATES)), [set('scale', doubled), set('good', f32(0))]),
    ]),
    when(is('skipped'), [set('scale', mul(f32(0.5), scaling('scale'))), set('good', f32(0))]),
  ];
}
