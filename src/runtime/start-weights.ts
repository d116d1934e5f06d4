import { dataFailure } from '../compiler/diagnostics/data.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import { beginOptimizer } from './begin-optimizer.ts';
import { type LoadedCheckpoint, loadLatestCheckpoint } from './checkpoint/load.ts';
import type { RunState } from './checkpoint/manifest.ts';
import { writePlanState } from './checkpoint/plan-state.ts';
import { checkpointNames } from './checkpoint/verify.ts';
import { guardFiles } from './files.ts';
import { initialValues } from './init.ts';
import { writeWeights } from './plan-io.ts';
import { stepScalars } from './step-scalars.ts';
import type { TrainJob } from './train-job.ts';

/** What must be equal for a run to go on. */
export type RunIdentity = Omit<RunState, 'step' | 'position'>;

export interface Start {
  /** Steps done before. */
  readonly step: number;
  readonly checkpoint: string | undefined;
  readonly notices: readonly string[];
}

/** Puts weights and the optimizer's state on the device: those of the newest checkpoint when resuming, else the initial ones. */
export function startWeights(job: TrainJob, identity: RunIdentity): Start {
  const checkpoint = job.resume ? newest(job) : undefined;
  if (!checkpoint) {
    const { loaded, config } = job;
    writeWeights(loaded, 'weights', loaded.plan.weights, (p) => initialValues(p, config.seed));
    job.init?.(loaded);
    // What `after` says holds from the first step on, also for weights that were given. Its random numbers are others than
    // those of the first update.
    if (loaded.plan.programs.settle) loaded.run('settle', { ...stepScalars(config, 0), micro: 1 });
    beginOptimizer(loaded);
    const notices = job.resume ? ['no checkpoint was saved before, so the run begins at its first step'] : [];
    return { step: 0, checkpoint: undefined, notices };
  }
  const { state, path, skipped } = checkpoint;
  if (state.config !== identity.config || state.position !== state.step * job.config.batch) {
    throw runFailure('checkpoint-foreign', { path, problems: ['it was saved with other settings'] });
  }
  if (state.data !== identity.data) throw dataFailure('data-changed', { was: state.data, now: identity.data });
  writePlanState(job.loaded, checkpoint);
  const notices = skipped.map((s) => `skipped a checkpoint that is not usable: ${s}`);
  if (state.kernels !== identity.kernels) {
    notices.push('the kernels differ from those that the run began with, so its numbers may differ in their last bits');
  }
  return { step: state.step, checkpoint: path, notices };
}

/** None when the run was killed before it saved any. */
function newest({ run }: TrainJob): LoadedCheckpoint | undefined {
  if (!run) return undefined;
  const { files, checkpoints } = run;
  return guardFiles(checkpoints, () =>
    checkpointNames(files, checkpoints).length ? loadLatestCheckpoint(files, checkpoints) : undefined,
  );
}
