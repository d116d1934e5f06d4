/** A plan in which each kernel of a training step can be run by itself, so that it can be timed. */
import { MATRICES } from '../../compiler/ir/matmul.ts';
import type {
  KernelEntry,
  Launch,
  MatmulCall,
  MatmulEntry,
  Plan,
  PlanLoop,
  PlanStep,
  Program,
} from '../../compiler/ir/plan.ts';

/** Programs of a training step. */
const PARTS = ['begin', 'prepare', 'micro', 'update'] as const;

export interface KernelUse {
  /** Name of the program that does what the step does with this kernel. */
  readonly program: string;
  readonly entry: KernelEntry | MatmulEntry;
  /** Whether it is no kernel of ours but a product that a library computes. */
  readonly library: boolean;
  /** Launches in a step. */
  readonly launches: number;
  /** Bytes that they are bound to: what kernels move whose text does not tell, since they work on runs of any length. */
  readonly moved: number;
}

type Call = Launch | MatmulCall;

/** The plan with a program for each kernel and product: all its launches of one step, on the memory that they use in the step. */
export function withKernelPrograms(plan: Plan): { readonly plan: Plan; readonly uses: readonly KernelUse[] } {
  const uses: KernelUse[] = [];
  const programs: Record<string, Program> = {};
  const add = (program: string, entry: KernelUse['entry'], library: boolean, isOf: (call: Call) => boolean): void => {
    const steps = PARTS.flatMap((name) => {
      const found = plan.programs[name]?.steps.flatMap((step) => onlyOf(step, isOf)) ?? [];
      const times = name === 'prepare' || name === 'micro' ? plan.accumulation : 1;
      return Array.from({ length: times }, () => found).flat();
    });
    if (steps.length === 0) return;
    programs[program] = { steps, inputs: [], outputs: [], liveBytes: 0 };
    const calls = steps.flatMap(callsOf);
    uses.push({
      program,
      entry,
      library,
      launches: calls.length,
      moved: calls.reduce((n, call) => n + boundBytes(call), 0),
    });
  };
  for (const [k, entry] of plan.kernels.entries())
    add(`kernel ${k}`, entry, false, (call) => call.kind === 'launch' && call.kernel === k);
  for (const [k, entry] of plan.matmuls.entries())
    add(`product ${k}`, entry, true, (call) => call.kind === 'matmul' && call.matmul === k);
  return { plan: { ...plan, programs: { ...plan.programs, ...programs } }, uses };
}

function onlyOf(step: PlanStep, isOf: (call: Call) => boolean): readonly (Call | PlanLoop)[] {
  switch (step.kind) {
    case 'clear':
      return [];
    case 'launch':
    case 'matmul':
      return isOf(step) ? [step] : [];
    case 'loop': {
      const body = step.body.filter(isOf);
      return body.length === 0 ? [] : [{ ...step, body }];
    }
  }
}

function callsOf(step: Call | PlanLoop): readonly Call[] {
  return step.kind === 'loop' ? Array.from({ length: step.count }, () => step.body).flat() : [step];
}

function boundBytes(call: Call): number {
  const addresses = call.kind === 'launch' ? call.addresses : MATRICES.map((name) => call[name]);
  return addresses.reduce((n, { bytes }) => n + bytes, 0);
}
