/** What happens in a training run, for progress bars, logs and tests. Steps are counted from 1: `step` steps are done. */
export type TrainEvent = StepEvent | ValidationEvent | ProbeEvent | CheckpointEvent | NoticeEvent;

export interface StepEvent {
  readonly kind: 'step';
  readonly step: number;
  readonly steps: number;
  /** Mean over the counted tokens of the step, before its update. */
  readonly loss: number;
  readonly gradNorm: number;
  readonly lr: number;
  /** Tokens used since the run began. */
  readonly tokens: number;
  /** In f16: by what the loss was multiplied, and whether the update was left out, as gradients were too large for f16. */
  readonly lossScale?: number;
  readonly skipped?: boolean;
  /** Of this step, wall clock. */
  readonly seconds: number;
}

export interface ValidationEvent {
  readonly kind: 'validation';
  readonly step: number;
  /** Sum of losses over number of counted tokens. */
  readonly loss: number;
  readonly perplexity: number;
  /** Undefined for data whose text is not known. */
  readonly bitsPerByte: number | undefined;
  readonly tokens: number;
}

export interface ProbeEvent {
  readonly kind: 'probe';
  readonly step: number;
  /** By the probe's name, row-major. */
  readonly values: Readonly<Record<string, readonly number[]>>;
}

export interface CheckpointEvent {
  readonly kind: 'checkpoint';
  readonly step: number;
  readonly path: string;
  readonly seconds: number;
}

/** Something that the user should know and that stops nothing. */
export interface NoticeEvent {
  readonly kind: 'notice';
  readonly text: string;
}

export type TrainObserver = (event: TrainEvent) => void;
