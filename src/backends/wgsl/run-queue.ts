import { present } from '../../compiler/support/invariant.ts';
import type { ProgramRun } from '../device.ts';
import { HOST_BYTES, layOutRuns, packRuns } from '../shared/lay-out-runs.ts';
import { USAGE } from './gpu.ts';
import { encode, type RecordedStep } from './record.ts';
import type { Segments } from './segments.ts';
import type { Uniforms } from './uniforms.ts';

/** Offsets and lengths of copies between buffers are multiples of this. */
const COPY_ALIGNMENT = 4;

/** Submits runs of programs. */
export interface RunQueue {
  readonly submit: (runs: readonly ProgramRun[]) => void;
  /** Of the buffer through which what the host gives to runs goes. */
  readonly allocatedBytes: () => number;
  readonly destroy: () => void;
}

/**
 * Several runs are one upload and one submit: all that the host gives to them goes to a buffer of its own, from which each run's
 * part is copied to its place before the run begins.
 */
export function makeRunQueue(
  gpu: GPUDevice,
  programs: ReadonlyMap<string, readonly RecordedStep[]>,
  segments: Segments,
  uniforms: Uniforms,
): RunQueue {
  let upload: GPUBuffer | undefined;
  const uploadOf = (bytes: number): GPUBuffer => {
    if (upload && upload.size >= bytes) return upload;
    upload?.destroy();
    upload = gpu.createBuffer({ label: 'inputs of runs', size: bytes, usage: USAGE.copySource | USAGE.copyTarget });
    return upload;
  };
  return {
    submit(runs) {
      const layout = layOutRuns(runs, COPY_ALIGNMENT);
      const from = uploadOf(layout.bytes);
      // In the order of the queue: after what was submitted before, before what comes now.
      gpu.queue.writeBuffer(from, 0, packRuns(layout, runs));
      const encoder = gpu.createCommandEncoder({ label: layout.key });
      const { buffer: host, offset } = uniforms.bindHost;
      for (const { program, scalarsAt, inputs } of layout.runs) {
        encoder.copyBufferToBuffer(from, scalarsAt, host, offset, HOST_BYTES);
        for (const { at, to } of inputs) {
          const place = segments.place(to);
          encoder.copyBufferToBuffer(from, at, place.buffer, place.offset, to.bytes);
        }
        encode(encoder, present(programs.get(program), `program ${program}`));
      }
      gpu.queue.submit([encoder.finish()]);
    },
    allocatedBytes: () => upload?.size ?? 0,
    destroy: () => upload?.destroy(),
  };
}
