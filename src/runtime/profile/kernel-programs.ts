/** A plan in which each kernel of a training step can be run by itself, so that it can be timed. */
import type { Clear, Launch, Plan, PlanLoop, Program } from '../../compiler/ir/plan.ts';

/** Programs of a training step. */
const PARTS = ['begin', 'prepare', 'micro', 'update'] as const;

export interface KernelUse {
  /** Name of the program that does what the step does with this kernel. */
  readonly program: string;
  /** Index into the plan's kernels. */
  readonly kernel: number;
  /** Launches in a step. */
  readonly launches: number;
  /** Bytes that they are bound to: what kernels move whose text does not tell, since they work on runs of any length. */
  readonly moved: number;
}

/** The plan with a program for each kernel: all its launches of one step, on the memory that they use in the step. */
export function withKernelPrograms(plan: Plan): { readonly plan: Plan; readonly uses: readonly KernelUse[] } {
  const uses: KernelUse[] = [];
  const programs: Record<string, Program> = {};
  for (const kernel of plan.kernels.keys()) {
    const steps = PARTS.flatMap((name) => {
      const found = plan.programs[name]?.steps.flatMap((step) => onlyOf(step, kernel)) ?? [];
      const times = name === 'prepare' || name === 'micro' ? plan.accumulation : 1;
      return Array.from({ length: times }, () => found).flat();
    });
    if (steps.length === 0) continue;
    const program = `kernel ${kernel}`;
    programs[program] = { steps, inputs: [], outputs: [], liveBytes: 0 };
    const launches = steps.flatMap(launchesOf);
    const moved = launches.reduce((sum, { addresses }) => sum + addresses.reduce((n, { bytes }) => n + bytes, 0), 0);
    uses.push({ program, kernel, launches: launches.length, moved });
  }
  return { plan: { ...plan, programs: { ...plan.programs, ...programs } }, uses };
}

function onlyOf(step: Launch | PlanLoop | Clear, kernel: number): readonly (Launch | PlanLoop)[] {
  switch (step.kind) {
    case 'clear':
      return [];
    case 'launch':
      return step.kernel === kernel ? [step] : [];
    case 'loop': {
      const body = step.body.filter((launch) => launch.kernel === kernel);
      return body.length === 0 ? [] : [{ ...step, body }];
    }
  }
}

function launchesOf(step: Launch | PlanLoop): readonly Launch[] {
  return step.kind === 'loop' ? Array.from({ length: step.count }, () => step.body).flat() : [step];
}
