import { NO_TILES } from '../../src/compiler/ir/tiling.ts';
import type { TrainConfig } from '../../src/compiler/ir/train.ts';
import { openTrainingData } from '../../src/runtime/data/training-data.ts';
import { nodeFiles } from '../../src/runtime/files.ts';
import { createRunFolder, type RunFolder, reopenRunFolder } from '../../src/runtime/run-folder.ts';
import { NEVER_STOP } from '../../src/runtime/stop-request.ts';
import type { TrainJob } from '../../src/runtime/train-job.ts';
import { type FakeOptions, loadFakePlan } from './fake-plan.ts';

export const TEXT = 'the quick brown fox jumps over the lazy dog. '.repeat(40);

export const CONFIG: TrainConfig = {
  data: { kind: 'text', files: ['*.txt'], tokenizer: { kind: 'bytes' } },
  validation: { kind: 'tail', share: 0.2 },
  batch: 4,
  micro: 4,
  memory: undefined,
  sizes: { time: 8 },
  steps: 12,
  optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.99, eps: 1e-8, decay: 0.1 },
  lr: {
    kind: 'apply',
    fn: 'div',
    args: [
      { kind: 'number', value: 1 },
      { kind: 'apply', fn: 'add', args: [{ kind: 'step' }, { kind: 'number', value: 20 }] },
    ],
  },
  causal: true,
  clip: undefined,
  precision: 'f32',
  rounding: 'nearest',
  seed: 3,
  logEvery: 2,
  evalEvery: 5,
  probeEvery: 6,
  saveEvery: 4,
  evalTokens: undefined,
  keep: 2,
};

/** A training run of the bigram model on text beside `folder`; without `path` nothing is written. */
export function bigramJob(
  folder: string,
  config: TrainConfig = CONFIG,
  options: Partial<FakeOptions> = {},
): Omit<TrainJob, 'run' | 'resume'> {
  const accumulation = config.batch / Number(config.micro);
  const base = { vocab: 128, time: 8, rows: Number(config.micro), accumulation, optimizer: config.optimizer };
  return {
    loaded: loadFakePlan({ ...base, ...options }),
    lost: new Promise<never>(() => {}),
    config,
    data: openTrainingData(config, folder),
    version: '0',
    observe: () => {},
    stop: NEVER_STOP,
  };
}

export function openRun(path: string, resume: boolean, config: TrainConfig = CONFIG): RunFolder {
  const open = resume ? reopenRunFolder : createRunFolder;
  return open({ ...nodeFiles, fsync: () => {} }, path, {
    config,
    spec: { 'model.tfm': 'model' },
    environment: {},
    tiles: NO_TILES,
  });
}
