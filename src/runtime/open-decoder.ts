import type { LoadedPlan } from '../backends/device.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars, Program } from '../compiler/ir/plan.ts';
import { present } from '../compiler/support/invariant.ts';
import { placeOf, writeInput } from './plan-io.ts';
import { logitsProgram } from './run-logits.ts';

/** Gives the logits after a text that grows. */
export interface Decoder {
  readonly time: number;
  readonly vocab: number;
  /** Whether a token takes a step from what is kept of those before it, or a run of the whole model. */
  readonly decode: 'cached' | 'rerun';
  /** Why the token behind so many tokens takes a run of the whole model; undefined when it does not. */
  readonly rerunAfter: (tokens: number) => string | undefined;
  /**
   * The logits of what follows `tokens`, of which the model sees the last `time`. A text that is longer has other positions in
   * its window each time, so nothing of it is kept.
   */
  readonly next: (tokens: readonly number[]) => Promise<Float32Array<ArrayBuffer>>;
}

/** Fails with `program-missing` when the model computes no logits; `what` needs them. */
export function openDecoder(loaded: LoadedPlan, scalars: HostScalars, what: string): Decoder {
  const { prefill, step, logits } = loaded.plan.programs;
  if (prefill && step) return cachedDecoder(loaded, scalars, prefill, step);
  if (!logits) throw runFailure('program-missing', { what, needs: 'logits' });
  const { time, vocab, run } = logitsProgram(loaded, scalars, what);
  return {
    time,
    vocab,
    decode: 'rerun',
    rerunAfter: () => loaded.plan.rerun ?? 'the plan holds no program for a step',
    next: (tokens) => {
      const seen = tokens.slice(-time);
      return run(windowOf(seen, time), seen.length - 1, 1);
    },
  };
}

function cachedDecoder(loaded: LoadedPlan, scalars: HostScalars, prefill: Program, step: Program): Decoder {
  const time = present(placeOf(prefill.inputs, 'tokens').shape.at(-1), 'the time');
  const run = async (name: 'prefill' | 'step', tokens: Int32Array, position: number) => {
    const program = name === 'step' ? step : prefill;
    writeInput(loaded, placeOf(program.inputs, 'tokens'), tokens);
    const place = program.inputs.find((input) => input.name === 'position');
    // A model may look at no position.
    if (place) writeInput(loaded, place, Int32Array.of(position));
    loaded.run(name, scalars);
    const { segment, offset, bytes } = placeOf(program.outputs, 'logits').address;
    return new Float32Array(await loaded.read(segment, offset, bytes));
  };
  /** Tokens that the states hold. */
  let held: readonly number[] = [];
  const follows = (tokens: readonly number[]): boolean =>
    held.length > 0 && tokens.length === held.length + 1 && held.every((token, i) => token === tokens[i]);
  return {
    time,
    vocab: present(placeOf(step.outputs, 'logits').shape.at(-1), 'the vocabulary'),
    decode: 'cached',
    rerunAfter: (tokens) => (tokens > time ? `the text is longer than the time of the model, ${time}` : undefined),
    next: (tokens) => {
      const last = present(tokens.at(-1), 'a token');
      const isStep = tokens.length <= time && follows(tokens);
      held = tokens.length <= time ? [...tokens] : [];
      if (isStep) return run('step', Int32Array.of(last), tokens.length - 1);
      const seen = tokens.slice(-time);
      return run('prefill', windowOf(seen, time), seen.length - 1);
    },
  };
}

/** Tokens with zeros behind them. */
function windowOf(tokens: readonly number[], time: number): Int32Array {
  const window = new Int32Array(time);
  window.set(tokens);
  return window;
}
