import type { Plan, Program } from '../compiler/ir/plan.ts';

/** Launches of each program, counting every iteration of its loops. */
export function launchCounts(plan: Plan): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(plan.programs).map(([name, program]) => [name, launchesOf(program)]));
}

function launchesOf(program: Program): number {
  const counts = program.steps.map((step) => {
    if (step.kind === 'loop') return step.count * step.body.length;
    return step.kind === 'launch' ? 1 : 0;
  });
  return counts.reduce((a, b) => a + b, 0);
}
