import type { HostScalars } from '../compiler/ir/plan.ts';
import { readPlanState } from './checkpoint/plan-state.ts';
import { saveCheckpoint } from './checkpoint/save.ts';
import type { Batch } from './data/windows.ts';
import { diverged } from './divergence.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { type FinishedStep, followSteps } from './follow-steps.ts';
import { openBatches } from './open-batches.ts';
import { type ProbeValues, readProbes } from './probes.ts';
import { configHash, kernelsHash } from './run-settings.ts';
import { gradientRuns, queueGradients, queueStep, updateRun } from './run-step.ts';
import { startWeights } from './start-weights.ts';
import { stepScalars } from './step-scalars.ts';
import type { StopSignal } from './stop-request.ts';
import type { TrainEvent } from './train-event.ts';
import type { TrainJob } from './train-job.ts';

interface StepInputs {
  readonly batch: Batch;
  readonly scalars: HostScalars;
}

export interface TrainResult {
  /** Steps done. */
  readonly step: number;
  /** Of the last step of this process; undefined when there was none left to do. */
  readonly loss: number | undefined;
  readonly validation: Evaluation | undefined;
  /** Why it ended before its last step. */
  readonly stopped: StopSignal | undefined;
}

/**
 * Trains to the end or until asked to stop. A stop saves first, so `resume` goes on with the next step; weights are then
 * the same, bit for bit, as without the stop. Fails with `diverged`, the codes of `diagnostics/data.ts` and
 * `diagnostics/run.ts`, or what the device fails with; the last checkpoint stays as it is.
 */
export function train(job: TrainJob): Promise<TrainResult> {
  return Promise.race([trainSteps(job), job.lost]);
}

async function trainSteps(job: TrainJob): Promise<TrainResult> {
  const { config, loaded, run, stop } = job;
  const batches = openBatches(loaded.plan, config, job.data);
  const emit = emitter(job);
  const identity = {
    config: configHash(config),
    kernels: kernelsHash(loaded.plan),
    data: job.data.fingerprint,
    code: job.version,
    seed: config.seed,
  };
  const start = startWeights(job, identity);
  run?.beginLogs(start.step);
  for (const text of start.notices) emit({ kind: 'notice', text });

  let { step, checkpoint } = start;
  let loss: number | undefined;
  let validation: Evaluation | undefined;
  const save = async (): Promise<void> => {
    if (!run) return;
    const began = performance.now();
    const state = { ...identity, step, position: step * config.batch };
    checkpoint = saveCheckpoint(
      { ...(await readPlanState(loaded)), state },
      { files: run.files, folder: run.checkpoints, keep: config.keep },
    );
    emit({ kind: 'checkpoint', step, path: checkpoint, seconds: (performance.now() - began) / 1000 });
  };

  const follower = followSteps(loaded, step);
  const inputsOf = (at: number): StepInputs => ({ batch: batches(at), scalars: stepScalars(config, at) });
  const tell = async (finished: readonly FinishedStep[]): Promise<void> => {
    for (const one of finished) {
      const { batch, scalars } = inputsOf(one.step - 1);
      if (one.outcome === 'ended') throw await diverged(loaded, one, gradientRuns(loaded, batch, scalars), checkpoint);
      loss = one.loss;
      const { gradNorm, lossScale, seconds } = one;
      const tokens = one.step * batch.tokens.length;
      const { lr } = scalars;
      const scaling = lossScale === undefined ? {} : { lossScale, skipped: one.outcome === 'skipped' };
      emit({ kind: 'step', step: one.step, steps: config.steps, loss, gradNorm, lr, tokens, ...scaling, seconds });
    }
  };
  /** Those of the next step. When there are none, what went well before is told first. */
  const nextInputs = async (): Promise<StepInputs> => {
    try {
      return inputsOf(step);
    } catch (error) {
      await tell(await follower.rest());
      throw error;
    }
  };

  while (step < config.steps && !stop.signal()) {
    const { batch, scalars } = await nextInputs();
    step += 1;
    const due = (every: number): boolean => step % every === 0 || step === config.steps;
    let ofGradients: ProbeValues = {};
    const finished = await follower.step(async () => {
      if (!due(config.probeEvery) || !loaded.plan.programs.gradient_probes) return queueStep(loaded, batch, scalars);
      // Gradients are there until the update.
      queueGradients(loaded, batch, scalars);
      ofGradients = await readProbes(loaded, 'gradient_probes', batch, scalars);
      loaded.runAll([updateRun(scalars)]);
    });
    await tell(finished);
    if (![config.evalEvery, config.probeEvery, config.saveEvery].some(due)) continue;

    // What follows is of weights that are known to be good.
    await tell(await follower.rest());
    if (due(config.evalEvery) && job.data.validation && loaded.plan.programs.evaluate) {
      validation = await evaluate(loaded, job.data.validation, scalars, config.evalTokens);
      emit({ kind: 'validation', step, ...validation });
    }
    if (due(config.probeEvery)) {
      const values = { ...(await readProbes(loaded, 'probes', batch, scalars)), ...ofGradients };
      if (Object.keys(values).length > 0) emit({ kind: 'probe', step, values });
    }
    if (due(config.saveEvery)) await save();
  }
  await tell(await follower.rest());
  const stopped = step < config.steps ? stop.signal() : undefined;
  if (stopped && step > start.step && step % config.saveEvery !== 0) await save();
  return { step, loss, validation, stopped };
}

/** Tells the observer everything, and the run's logs what is due. */
function emitter({ observe, run, config }: TrainJob): (event: TrainEvent) => void {
  return (event) => {
    const due = event.kind !== 'step' || event.step % config.logEvery === 0 || event.step === config.steps;
    if (due) run?.record(event);
    observe(event);
  };
}
