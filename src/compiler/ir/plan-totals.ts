/** Sums over a plan: launches, operations and bytes, with loops counted out. */
import { present } from '../support/invariant.ts';
import type { Plan, Program } from './plan.ts';

export interface Work {
  readonly launches: number;
  /** Floating point operations. */
  readonly flops: number;
  /** Bytes read and written by kernels. */
  readonly bytes: number;
}

/** The work of one run of a program. */
export function programWork(plan: Plan, program: Program): Work {
  const work = { launches: 0, flops: 0, bytes: 0 };
  const add = (kernel: number, times: number): void => {
    const { flops, bytes } = present(plan.kernels[kernel], `kernel ${kernel}`);
    work.launches += times;
    work.flops += times * flops;
    work.bytes += times * bytes;
  };
  for (const step of program.steps) {
    if (step.kind === 'launch') add(step.kernel, 1);
    if (step.kind === 'loop') for (const launch of step.body) add(launch.kernel, step.count);
  }
  return work;
}

/** The work of a training step: `begin`, `prepare` and `micro` for each micro-batch, `update`. */
export function stepWork(plan: Plan): Work {
  const runs: readonly (readonly [string, number])[] = [
    ['begin', 1],
    ['prepare', plan.accumulation],
    ['micro', plan.accumulation],
    ['update', 1],
  ];
  return runs.reduce<Work>(
    (sum, [name, times]) => {
      const program = plan.programs[name];
      if (!program) return sum;
      const { launches, flops, bytes } = programWork(plan, program);
      return {
        launches: sum.launches + times * launches,
        flops: sum.flops + times * flops,
        bytes: sum.bytes + times * bytes,
      };
    },
    { launches: 0, flops: 0, bytes: 0 },
  );
}
