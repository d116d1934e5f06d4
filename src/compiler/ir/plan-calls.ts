import type { Launch, MatmulCall, Program } from './plan.ts';

/** What a program runs, each once: launches and products of a library, those in loops too. */
export function callsIn({ steps }: Program): readonly (Launch | MatmulCall)[] {
  return steps.flatMap((step) => {
    if (step.kind === 'clear') return [];
    return step.kind === 'loop' ? step.body : [step];
  });
}

/** Of these, the launches. */
export function launchesIn(program: Program): readonly Launch[] {
  return callsIn(program).filter((call) => call.kind === 'launch');
}
