/** Sums over a plan: launches, operations and bytes, with loops counted out. */
import { present } from '../support/invariant.ts';
import type { Plan, PlanStep, Program } from './plan.ts';

export interface Work {
  readonly launches: number;
  /** Products that a library computes. */
  readonly matmuls: number;
  /** Floating point operations, those of a library too. */
  readonly flops: number;
  /** Of these, what a library computes. */
  readonly libraryFlops: number;
  /** Bytes read and written by kernels and by a library. */
  readonly bytes: number;
}

const NONE: Work = { launches: 0, matmuls: 0, flops: 0, libraryFlops: 0, bytes: 0 };

function plus(sum: Work, times: number, work: Work): Work {
  return {
    launches: sum.launches + times * work.launches,
    matmuls: sum.matmuls + times * work.matmuls,
    flops: sum.flops + times * work.flops,
    libraryFlops: sum.libraryFlops + times * work.libraryFlops,
    bytes: sum.bytes + times * work.bytes,
  };
}

/** Of the memory of a plan: what a library works in. */
export function workspaceBytes({ segments }: Plan): number {
  return segments.reduce((sum, { role, bytes }) => (role === 'workspace' ? sum + bytes : sum), 0);
}

/** The work of one run of a program. */
export function programWork(plan: Plan, program: Program): Work {
  return program.steps.reduce((sum, step) => plus(sum, 1, stepWorkOf(plan, step)), NONE);
}

function stepWorkOf(plan: Plan, step: PlanStep): Work {
  switch (step.kind) {
    case 'clear':
      return NONE;
    case 'launch': {
      const { flops, bytes } = present(plan.kernels[step.kernel], `kernel ${step.kernel}`);
      return { ...NONE, launches: 1, flops, bytes };
    }
    case 'matmul': {
      const { flops, bytes } = present(plan.matmuls[step.matmul], `product ${step.matmul}`);
      return { ...NONE, matmuls: 1, flops, libraryFlops: flops, bytes };
    }
    case 'loop':
      return step.body.reduce((sum, inner) => plus(sum, step.count, stepWorkOf(plan, inner)), NONE);
  }
}

/** The work of a training step: `begin`, `prepare` and `micro` for each micro-batch, `update`. */
export function stepWork(plan: Plan): Work {
  const runs: readonly (readonly [string, number])[] = [
    ['begin', 1],
    ['prepare', plan.accumulation],
    ['micro', plan.accumulation],
    ['update', 1],
  ];
  return runs.reduce((sum, [name, times]) => {
    const program = plan.programs[name];
    return program ? plus(sum, times, programWork(plan, program)) : sum;
  }, NONE);
}
