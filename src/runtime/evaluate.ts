import type { LoadedPlan } from '../backends/device.ts';
import { dataFailure } from '../compiler/diagnostics/data.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars, Plan } from '../compiler/ir/plan.ts';
import type { ValidationData } from './data/training-data.ts';
import { readWindows, windowCount } from './data/windows.ts';
import { placeOf, readScalars } from './plan-io.ts';
import { batchRun, batchShape, vocabularyOf } from './run-step.ts';

export interface Evaluation {
  /** Sum of losses over number of counted tokens, natural logarithm. */
  readonly loss: number;
  readonly perplexity: number;
  readonly bitsPerByte: number | undefined;
  /** Tokens counted. */
  readonly tokens: number;
}

/**
 * The loss over the first windows of `data`: as many whole micro-batches as hold `limit` tokens (all when undefined).
 * Sums are added up in float64. Fails with `validation-too-short`.
 */
export async function evaluate(
  loaded: LoadedPlan,
  data: ValidationData,
  scalars: HostScalars,
  limit: number | undefined,
): Promise<Evaluation> {
  const program = loaded.plan.programs.evaluate;
  if (!program) throw runFailure('program-missing', { what: 'evaluation', needs: 'a loss' });
  const { rows, time } = batchShape(program);
  const vocab = vocabularyOf(loaded.plan.programs);
  const all = Math.floor(windowCount(data.source, time) / rows);
  if (all === 0) {
    throw dataFailure('validation-too-short', { tokens: data.source.length, needs: rows * time + 1 });
  }
  const runs = limit === undefined ? all : Math.min(all, Math.max(1, Math.ceil(limit / (rows * time))));
  const places = [placeOf(program.outputs, 'loss.sum'), placeOf(program.outputs, 'loss.count')];
  let sum = 0;
  let count = 0;
  for (let run = 0; run < runs; run += 1) {
    const windows = Array.from({ length: rows }, (_, k) => run * rows + k);
    loaded.runAll([batchRun(loaded.plan, 'evaluate', scalars, readWindows(data.source, windows, time, vocab), 0)]);
    const [runSum = Number.NaN, runCount = 0] = await readScalars(loaded, places);
    sum += runSum;
    count += runCount;
  }
  const loss = sum / count;
  return {
    loss,
    perplexity: Math.exp(loss),
    bitsPerByte: data.bytesPerToken === undefined ? undefined : loss / Math.LN2 / data.bytesPerToken,
    tokens: count,
  };
}

/** Fails early with what {@link evaluate} would fail with. */
export function checkValidation(plan: Plan, data: ValidationData): void {
  const program = plan.programs.evaluate;
  if (!program) return;
  const { rows, time } = batchShape(program);
  if (windowCount(data.source, time) < rows) {
    throw dataFailure('validation-too-short', { tokens: data.source.length, needs: rows * time + 1 });
  }
}
