import { readPlanState } from './checkpoint/plan-state.ts';
import { saveCheckpoint } from './checkpoint/save.ts';
import { diverged } from './divergence.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { openBatches } from './open-batches.ts';
import { readProbes } from './probes.ts';
import { configHash, kernelsHash } from './run-settings.ts';
import { finishStep, queueGradients } from './run-step.ts';
import { startWeights } from './start-weights.ts';
import { stepScalars } from './step-scalars.ts';
import type { StopSignal } from './stop-request.ts';
import type { TrainEvent } from './train-event.ts';
import type { TrainJob } from './train-job.ts';

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

  while (step < config.steps && !stop.signal()) {
    const began = performance.now();
    const batch = batches(step);
    const scalars = stepScalars(config, step);
    queueGradients(loaded, batch, scalars);
    step += 1;
    const due = (every: number): boolean => step % every === 0 || step === config.steps;
    // Gradients are there until the update.
    const ofGradients = due(config.probeEvery) ? await readProbes(loaded, 'gradient_probes', batch, scalars) : {};
    const numbers = await finishStep(loaded, scalars);
    if (!numbers.finite) throw await diverged(loaded, step, numbers, checkpoint);
    loss = numbers.loss;
    const seconds = (performance.now() - began) / 1000;
    const tokens = step * batch.tokens.length;
    const { gradNorm } = numbers;
    emit({ kind: 'step', step, steps: config.steps, loss, gradNorm, lr: scalars.lr, tokens, seconds });

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
