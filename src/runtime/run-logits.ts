import type { LoadedPlan } from '../backends/device.ts';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { HostScalars } from '../compiler/ir/plan.ts';
import { invariant } from '../compiler/support/invariant.ts';
import { placeOf, writeInput } from './plan-io.ts';

/** The forward-only program for one sequence. */
export interface LogitsProgram {
  readonly time: number;
  readonly vocab: number;
  /** Logits of positions first … first + count - 1 for `tokens`, which fill the time; [count, vocab]. */
  readonly run: (tokens: Int32Array, first: number, count: number) => Promise<Float32Array<ArrayBuffer>>;
}

/** Fails with `program-missing` when the model computes no logits; `what` needs them. */
export function logitsProgram(loaded: LoadedPlan, scalars: HostScalars, what: string): LogitsProgram {
  const program = loaded.plan.programs.logits;
  if (!program) throw runFailure('program-missing', { what, needs: 'logits' });
  const input = placeOf(program.inputs, 'tokens');
  const output = placeOf(program.outputs, 'logits');
  const time = input.shape.at(-1) ?? 1;
  const vocab = output.shape.at(-1) ?? 1;
  invariant(output.address.bytes === time * vocab * 4, 'logits are [1, time, vocab]');
  return {
    time,
    vocab,
    run: async (tokens, first, count) => {
      writeInput(loaded, input, tokens);
      loaded.run('logits', scalars);
      const { segment, offset } = output.address;
      return new Float32Array(await loaded.read(segment, offset + first * vocab * 4, count * vocab * 4));
    },
  };
}
