/** Whose fault an error of a loaded plan is, and by which kernel it came. */
import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import type { Plan } from '../../compiler/ir/plan.ts';
import { InternalError } from '../../compiler/support/invariant.ts';
import type { KernelTexts } from '../device.ts';
import { sourceInHeader } from '../shared/header.ts';

export interface PlanOrigin {
  readonly plan: Plan;
  readonly texts: KernelTexts;
  /** The plan is from a file that someone may have edited; else what is wrong in it is a defect of ours. */
  readonly fromFiles: boolean;
}

/** Runs what a plan asks for. Errors that are no failures yet become one, or a defect that names the kernel. */
export async function blamed<T>(origin: PlanOrigin, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const reason = `${error instanceof Error ? error.message : error}${kernelIn(origin, error)}`;
    if (origin.fromFiles) throw deviceFailure('plan-refused', { reason });
    throw new InternalError(reason, { cause: error });
  }
}

/** The kernel that a message quotes by its name, with the lines of the spec that it computes. */
function kernelIn({ plan, texts }: PlanOrigin, error: unknown): string {
  const kernel = plan.kernels.find(({ name }) => error instanceof Error && error.message.includes(`"${name}"`));
  if (!kernel) return '';
  const source = sourceInHeader(texts[kernel.file] ?? '');
  return `\nThis is the kernel '${kernel.file}'${source === undefined ? '' : ` of ${source}`}.`;
}
