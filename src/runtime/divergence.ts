import type { LoadedPlan, ProgramRun } from '../backends/device.ts';
import type { Failure } from '../compiler/diagnostics/diagnostic.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { FinishedStep } from './follow-steps.ts';
import { readWeights, trainedWeights } from './plan-io.ts';

/** Names of gradients in the message. */
const NAMED = 3;

type Numbers = Pick<FinishedStep, 'loss' | 'gradNorm'>;

/**
 * The failure of a step that was not finite: finds the gradients that are not. The device may have gone on to later steps, none of
 * which changed a weight, so that the same gradients are computed again.
 *
 * @param gradients The runs that compute them.
 */
export async function diverged(
  loaded: LoadedPlan,
  { step, ...numbers }: Numbers & Pick<FinishedStep, 'step'>,
  gradients: readonly ProgramRun[],
  checkpoint: string | undefined,
): Promise<Failure> {
  loaded.runAll(gradients);
  const { loss } = numbers;
  const values = await readWeights(loaded, loaded.plan.gradients, trainedWeights(loaded.plan));
  const bad = [...values].filter(([, each]) => !each.every(Number.isFinite)).map(([name]) => name);
  return runFailure('diverged', { step, what: whatIsNotFinite(bad, numbers), loss, checkpoint });
}

function whatIsNotFinite(bad: readonly string[], { loss, gradNorm }: Numbers): string {
  const names = bad.slice(0, NAMED).map((n) => `'${n}'`);
  const more = bad.length > NAMED ? ` and ${bad.length - NAMED} more weights` : '';
  if (bad.length) {
    const where = `the gradient of ${names.join(', ')}${more} is not finite`;
    return Number.isFinite(loss) ? where : `the loss is not finite, and ${where}`;
  }
  if (!Number.isFinite(loss)) return 'the loss is not finite';
  return `the gradients are finite, and their norm is ${gradNorm}: a square exceeds the range of float32`;
}
