import type { LoadedPlan } from '../backends/device.ts';
import type { Failure } from '../compiler/diagnostics/diagnostic.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import { readWeights, trainedWeights } from './plan-io.ts';
import type { StepNumbers } from './run-step.ts';

/** Names of gradients in the message. */
const NAMED = 3;

/** The failure of a step (counted from 1) that was not finite: finds the gradients that are not. */
export async function diverged(
  loaded: LoadedPlan,
  step: number,
  numbers: StepNumbers,
  checkpoint: string | undefined,
): Promise<Failure> {
  const { loss } = numbers;
  const gradients = await readWeights(loaded, loaded.plan.gradients, trainedWeights(loaded.plan));
  const bad = [...gradients].filter(([, values]) => !values.every(Number.isFinite)).map(([name]) => name);
  return runFailure('diverged', { step, what: whatIsNotFinite(bad, numbers), loss, checkpoint });
}

function whatIsNotFinite(bad: readonly string[], { loss, gradNorm }: StepNumbers): string {
  const names = bad.slice(0, NAMED).map((n) => `'${n}'`);
  const more = bad.length > NAMED ? ` and ${bad.length - NAMED} more weights` : '';
  if (bad.length) {
    const where = `the gradient of ${names.join(', ')}${more} is not finite`;
    return Number.isFinite(loss) ? where : `the loss is not finite, and ${where}`;
  }
  if (!Number.isFinite(loss)) return 'the loss is not finite';
  return `the gradients are finite, and their norm is ${gradNorm}: a square exceeds the range of float32`;
}
