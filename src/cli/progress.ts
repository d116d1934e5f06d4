import { type Options, SingleBar } from 'cli-progress';
import { readableBytes } from '../compiler/diagnostics/memory.ts';
import type { TrainEvent, TrainObserver } from '../runtime/train-event.ts';
import type { Terminal } from './terminal.ts';

export interface Progress {
  readonly observe: TrainObserver;
  /** Takes the bar away, so that lines can follow. */
  readonly stop: () => void;
}

export interface ProgressOptions {
  /** Stands before the bar: the scheme or the name of the run. */
  readonly label: string;
  /** Bytes of device memory that the plan takes. */
  readonly bytes: number;
  /** Without a terminal: steps between lines. */
  readonly logEvery: number;
  readonly quiet: boolean;
}

/**
 * Shows a training run: step and total, loss, validation loss, learning rate, gradient norm, tokens a second, memory and
 * time left. A terminal gets a bar; anything else gets a line every so many steps.
 */
export function showProgress(terminal: Terminal, options: ProgressOptions): Progress {
  if (options.quiet) return { observe: () => {}, stop: () => {} };
  const state = makeState();
  if (!terminal.interactive) {
    return { observe: (event) => tellEvent(terminal, options, state, event), stop: () => {} };
  }
  const bar = new SingleBar(barOptions(options.label, terminal.columns));
  let started = false;
  return {
    observe: (event) => {
      update(state, event);
      if (event.kind === 'notice') terminal.tell(event.text);
      if (event.kind !== 'step') return;
      if (!started) {
        bar.start(event.steps, state.before, { numbers: '' });
        started = true;
      }
      bar.update(event.step, { numbers: numbersOf(state, event, options.bytes) });
    },
    stop: () => {
      if (started) bar.stop();
    },
  };
}

interface State {
  /** Steps that were done before this process saw the first. */
  before: number;
  validation: number | undefined;
  /** Smoothed seconds of a step; the first ones, which compile shaders, are forgotten soon. */
  secondsPerStep: number | undefined;
  tokensPerStep: number;
  lastTokens: number;
}

function makeState(): State {
  return { before: 0, validation: undefined, secondsPerStep: undefined, tokensPerStep: 0, lastTokens: 0 };
}

function update(state: State, event: TrainEvent): void {
  if (event.kind === 'validation') state.validation = event.loss;
  if (event.kind !== 'step') return;
  const old = state.secondsPerStep;
  state.secondsPerStep = old === undefined || old > 3 * event.seconds ? event.seconds : 0.9 * old + 0.1 * event.seconds;
  state.tokensPerStep = event.tokens / event.step;
  if (state.lastTokens === 0) state.before = event.step - 1;
  state.lastTokens = event.tokens;
}

function barOptions(label: string, columns: number): Options {
  return {
    format: `${label} {bar} {value}/{total} {numbers}`,
    barsize: Math.max(8, Math.min(24, columns - 110)),
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    fps: 8,
    stream: process.stderr,
    // The numbers matter more than the bar: cut the line, do not wrap it.
    linewrap: false,
  };
}

function numbersOf(state: State, event: TrainEvent & { readonly kind: 'step' }, bytes: number): string {
  const seconds = state.secondsPerStep ?? event.seconds;
  const parts = [
    `loss ${event.loss.toFixed(4)}`,
    state.validation === undefined ? '' : `val ${state.validation.toFixed(4)}`,
    `lr ${event.lr.toExponential(2)}`,
    event.skipped ? 'no update' : `|g| ${event.gradNorm.toPrecision(3)}`,
    event.lossScale === undefined ? '' : `scale ${event.lossScale}`,
    `${Math.round(state.tokensPerStep / seconds).toLocaleString('en')} tok/s`,
    readableBytes(bytes),
    `${duration((event.steps - event.step) * seconds)} left`,
  ];
  return parts.filter((p) => p !== '').join('  ');
}

function tellEvent(terminal: Terminal, options: ProgressOptions, state: State, event: TrainEvent): void {
  update(state, event);
  if (event.kind === 'notice') terminal.tell(event.text);
  if (event.kind !== 'step') return;
  if (event.step % options.logEvery !== 0 && event.step !== event.steps) return;
  terminal.tell(`${options.label}  step ${event.step}/${event.steps}  ${numbersOf(state, event, options.bytes)}`);
}

/** `1:02:03` or `2:03`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const two = (n: number): string => String(n).padStart(2, '0');
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${two(s % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}
