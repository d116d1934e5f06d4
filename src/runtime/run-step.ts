import type { LoadedPlan } from '../backends/device.ts';
import { dataFailure } from '../compiler/diagnostics/data.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars, IoPlace, Program } from '../compiler/ir/plan.ts';
import { invariant } from '../compiler/support/invariant.ts';
import type { Batch } from './data/windows.ts';
import { placeOf, programOf, readScalars, writeInput } from './plan-io.ts';

export interface BatchShape {
  /** Sequences of one run of the program. */
  readonly rows: number;
  readonly time: number;
}

/**
 * What `tokens` and `targets` of a program look like; it may need only one of them. Fails with `input-not-provided` when
 * the model wants something else.
 */
export function batchShape(program: Program): BatchShape {
  const places = hostInputs(program);
  for (const { name, shape, axes } of places) {
    if ((name !== 'tokens' && name !== 'targets') || shape.length !== 2) {
      throw dataFailure('input-not-provided', { name, shape: `[${axes.join(', ')}]` });
    }
  }
  const [rows = 1, time = 1] = places[0]?.shape ?? [];
  return { rows, time };
}

/** Inputs that the host writes; totals over micro-batches are written by `prepare`. */
function hostInputs(program: Program): readonly IoPlace[] {
  return program.inputs.filter((p) => !p.name.startsWith('total.'));
}

/** Size of the vocabulary, where the model computes logits; their last axis. */
export function vocabularyOf(programs: Readonly<Record<string, Program>>): number | undefined {
  return programs.logits?.outputs.find((o) => o.name === 'logits')?.shape.at(-1);
}

/** Writes rows first … first + rows - 1 of a batch to the inputs of a program. */
export function writeBatch(loaded: LoadedPlan, program: Program, batch: Batch, first: number): void {
  const { rows, time } = batchShape(program);
  const part = (values: Int32Array): Int32Array => values.subarray(first * time, (first + rows) * time);
  for (const place of hostInputs(program)) {
    writeInput(loaded, place, part(place.name === 'tokens' ? batch.tokens : batch.targets));
  }
}

/**
 * Queues forward and backward of all micro-batches of a step. With several, totals are cleared first, and `prepare`
 * sums over all of them what the loss of each divides by.
 */
export function queueGradients(loaded: LoadedPlan, batch: Batch, scalars: HostScalars): void {
  const { plan } = loaded;
  const micro = programOf(plan, 'micro');
  const { rows, time } = batchShape(micro);
  invariant(batch.tokens.length === rows * time * plan.accumulation, 'the batch fills the micro-batches');
  if (plan.programs.begin) loaded.run('begin', scalars);
  for (const name of ['prepare', 'micro']) {
    const program = plan.programs[name];
    if (!program) continue;
    for (let k = 0; k < plan.accumulation; k += 1) {
      writeBatch(loaded, program, batch, k * rows);
      loaded.run(name, { ...scalars, micro: k });
    }
  }
}

export interface StepNumbers {
  readonly loss: number;
  readonly gradNorm: number;
  /** When false, the update changed nothing. */
  readonly finite: boolean;
}

/** Queues the update and reads the numbers of the step. */
export async function finishStep(loaded: LoadedPlan, scalars: HostScalars): Promise<StepNumbers> {
  loaded.run('update', scalars);
  const update = programOf(loaded.plan, 'update').outputs;
  const [loss = Number.NaN, gradNorm = Number.NaN, finite = 0] = await readScalars(loaded, [
    lossPlace(loaded),
    placeOf(update, 'grad_norm'),
    placeOf(update, 'finite'),
  ]);
  // The device's own answer and ours: drivers may assume that no number is NaN.
  return { loss, gradNorm, finite: finite === 1 && Number.isFinite(loss) && Number.isFinite(gradNorm) };
}

/** Reads the loss of the micro-batches that were queued. */
export async function readLoss(loaded: LoadedPlan): Promise<number> {
  const [loss = Number.NaN] = await readScalars(loaded, [lossPlace(loaded)]);
  return loss;
}

function lossPlace(loaded: LoadedPlan): IoPlace {
  const place = loaded.plan.programs.micro?.outputs.find((o) => o.name === 'loss');
  if (!place) throw runFailure('program-missing', { what: 'training', needs: 'a loss' });
  return place;
}
