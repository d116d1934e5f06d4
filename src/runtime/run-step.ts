import type { LoadedPlan, ProgramInput, ProgramRun } from '../backends/device.ts';
import { dataFailure } from '../compiler/diagnostics/data.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars, IoPlace, Plan, Program } from '../compiler/ir/plan.ts';
import { STEP_OUTCOMES, type StepOutcome } from '../compiler/ir/step-outcome.ts';
import { invariant, present } from '../compiler/support/invariant.ts';
import type { Batch } from './data/windows.ts';
import { placeOf, programOf, readOutputs, readScalars } from './plan-io.ts';

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

/** A run of a program on rows first … first + rows - 1 of a batch. */
export function batchRun(plan: Plan, name: string, scalars: HostScalars, batch: Batch, first: number): ProgramRun {
  const program = programOf(plan, name);
  const { rows, time } = batchShape(program);
  const part = (values: Int32Array): Int32Array => values.subarray(first * time, (first + rows) * time);
  const inputs = hostInputs(program).map(({ name: input, address: { segment, offset, bytes } }): ProgramInput => {
    const data = part(input === 'tokens' ? batch.tokens : batch.targets);
    invariant(data.byteLength === bytes, `input ${input} takes ${bytes} bytes`);
    return { segment, offset, data };
  });
  return { program: name, scalars, inputs };
}

/**
 * Forward and backward of all micro-batches of a step. With several, totals are cleared first, and `prepare` sums over all of
 * them what the loss of each divides by. Gradients that were scaled are what they should be after it.
 */
export function gradientRuns({ plan }: LoadedPlan, batch: Batch, scalars: HostScalars): readonly ProgramRun[] {
  const { rows, time } = batchShape(programOf(plan, 'micro'));
  invariant(batch.tokens.length === rows * time * plan.accumulation, 'the batch fills the micro-batches');
  const ofBatch = (name: string): readonly ProgramRun[] =>
    Array.from({ length: plan.accumulation }, (_, k) =>
      batchRun(plan, name, { ...scalars, micro: k }, batch, k * rows),
    );
  return [
    ...(plan.programs.begin ? [{ program: 'begin', scalars, inputs: [] }] : []),
    ...(plan.programs.prepare ? ofBatch('prepare') : []),
    ...ofBatch('micro'),
    ...(plan.programs.unscale ? [{ program: 'unscale', scalars, inputs: [] }] : []),
  ];
}

/** What follows them: norm, clips, the optimizer. */
export function updateRun(scalars: HostScalars): ProgramRun {
  return { program: 'update', scalars, inputs: [] };
}

/** Queues forward and backward of all micro-batches of a step. */
export function queueGradients(loaded: LoadedPlan, batch: Batch, scalars: HostScalars): void {
  loaded.runAll(gradientRuns(loaded, batch, scalars));
}

/** Queues a step. */
export function queueStep(loaded: LoadedPlan, batch: Batch, scalars: HostScalars): void {
  loaded.runAll([...gradientRuns(loaded, batch, scalars), updateRun(scalars)]);
}

export interface StepNumbers {
  readonly loss: number;
  readonly gradNorm: number;
  readonly outcome: StepOutcome;
  /** In f16: by what the loss was multiplied. */
  readonly lossScale: number | undefined;
}

/** Steps whose numbers the device keeps. */
export function historyLength({ plan }: LoadedPlan): number {
  return historyPlace(plan).shape[0] ?? 0;
}

/** The numbers of the last `count` steps before step `end`, oldest first, when what was queued before is done. */
export async function readNumbers(loaded: LoadedPlan, end: number, count: number): Promise<readonly StepNumbers[]> {
  const place = historyPlace(loaded.plan);
  const [length = 1, width = 1] = place.shape;
  invariant(count <= length, 'the device keeps the numbers of so many steps');
  const [values = new Float32Array()] = await readOutputs(loaded, [place]);
  return Array.from({ length: count }, (_, k) => {
    const at = ((end - count + k) % length) * width;
    const [loss = Number.NaN, gradNorm = Number.NaN, number = 0, lossScale] = values.subarray(at, at + width);
    const outcome = STEP_OUTCOMES[number] ?? 'ended';
    // The device's own answer and ours: drivers may assume that no number is NaN.
    const isSo = outcome !== 'applied' || (Number.isFinite(loss) && Number.isFinite(gradNorm));
    return { loss, gradNorm, outcome: isSo ? outcome : 'ended', lossScale };
  });
}

/** Queues the update of step `scalars.step` and reads its numbers. */
export async function finishStep(loaded: LoadedPlan, scalars: HostScalars): Promise<StepNumbers> {
  loaded.runAll([updateRun(scalars)]);
  const [numbers] = await readNumbers(loaded, scalars.step + 1, 1);
  return present(numbers, 'the numbers of a step');
}

function historyPlace(plan: Plan): IoPlace {
  return placeOf(programOf(plan, 'update').outputs, 'history');
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
