import { type HostScalars, RUNTIME_SCALARS } from '../../compiler/ir/plan.ts';
import type { ProgramRun } from '../device.ts';
import type { MemoryRange } from './expand-program.ts';
import { writeWord } from './write-word.ts';

/** Bytes of the scalars that the host gives to a run. */
export const HOST_BYTES = RUNTIME_SCALARS.length * 4;

/** Where the scalars and inputs of several runs lie in one block, which goes to the device in one piece. */
export interface RunLayout {
  /** Equal for runs of the same programs whose inputs are of the same sizes and go to the same places. */
  readonly key: string;
  readonly bytes: number;
  readonly runs: readonly LaidOutRun[];
}

export interface LaidOutRun {
  readonly program: string;
  readonly scalarsAt: number;
  readonly inputs: readonly { readonly at: number; readonly to: MemoryRange }[];
}

/** Places runs one behind the other, each piece at a multiple of `alignment` bytes. */
export function layOutRuns(runs: readonly ProgramRun[], alignment: number): RunLayout {
  let bytes = 0;
  const place = (length: number): number => {
    const at = bytes;
    bytes += Math.ceil(length / alignment) * alignment;
    return at;
  };
  const laidOut = runs.map(
    ({ program, inputs }): LaidOutRun => ({
      program,
      scalarsAt: place(HOST_BYTES),
      inputs: inputs.map(({ segment, offset, data }) => ({
        at: place(data.byteLength),
        to: { segment, offset, bytes: data.byteLength },
      })),
    }),
  );
  const key = laidOut.map(({ program, inputs }) => [
    program,
    ...inputs.map(({ to }) => `${to.segment}+${to.offset}:${to.bytes}`),
  ]);
  return { key: key.map((words) => words.join(' ')).join(', '), bytes, runs: laidOut };
}

/** The block of runs that are laid out so. */
export function packRuns(layout: RunLayout, runs: readonly ProgramRun[]): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(layout.bytes);
  layout.runs.forEach(({ scalarsAt, inputs }, r) => {
    const run = runs[r];
    if (!run) return;
    block.set(packScalars(run.scalars), scalarsAt);
    inputs.forEach(({ at }, i) => {
      const data = run.inputs[i]?.data;
      if (data) block.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    });
  });
  return block;
}

function packScalars(scalars: HostScalars): Uint8Array {
  const bytes = new Uint8Array(HOST_BYTES);
  const view = new DataView(bytes.buffer);
  RUNTIME_SCALARS.forEach(({ name, type }, i) => {
    writeWord(view, 4 * i, { type, value: scalars[name] });
  });
  return bytes;
}
