import type { Plan } from '../compiler/ir/plan.ts';
import { programWork, type Work } from '../compiler/ir/plan-totals.ts';

/** Launches of each program, or products that a library computes in it, counting every iteration of its loops. */
export function callCounts(
  plan: Plan,
  what: keyof Pick<Work, 'launches' | 'matmuls'>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(plan.programs).map(([name, program]) => [name, programWork(plan, program)[what]]),
  );
}
