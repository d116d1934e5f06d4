import { type UniformWord, uniformBytes } from '../../compiler/ir/plan.ts';
import { HOST_BYTES } from '../shared/lay-out-runs.ts';
import { writeWord } from '../shared/write-word.ts';
import { USAGE } from './gpu.ts';
import { OFFSET_ALIGNMENT } from './limits.ts';

/** The uniform data of a plan: rows that never change, at aligned offsets, and the scalars of the host. */
export interface Uniforms {
  readonly bindRow: (row: number, words: number) => Required<GPUBufferBinding>;
  /** The host's scalars; they are copied there before each run. */
  readonly bindHost: Required<GPUBufferBinding>;
  readonly allocatedBytes: number;
  readonly destroy: () => void;
}

export function makeUniforms(gpu: GPUDevice, rows: readonly (readonly UniformWord[])[]): Uniforms {
  const usage = USAGE.uniform | USAGE.copyTarget;
  const host = gpu.createBuffer({ label: 'host scalars', size: HOST_BYTES, usage });
  const bytes = rows.length * OFFSET_ALIGNMENT;
  const table = gpu.createBuffer({ label: 'uniform rows', size: bytes, usage });
  gpu.queue.writeBuffer(table, 0, packRows(rows, bytes));
  return {
    bindRow: (row, words) => ({ buffer: table, offset: row * OFFSET_ALIGNMENT, size: words * 4 }),
    bindHost: { buffer: host, offset: 0, size: HOST_BYTES },
    allocatedBytes: uniformBytes(rows.length, OFFSET_ALIGNMENT),
    destroy: () => {
      host.destroy();
      table.destroy();
    },
  };
}

function packRows(rows: readonly (readonly UniformWord[])[], bytes: number): ArrayBuffer {
  const packed = new ArrayBuffer(bytes);
  const view = new DataView(packed);
  rows.forEach((row, r) => {
    row.forEach((word, w) => {
      writeWord(view, r * OFFSET_ALIGNMENT + 4 * w, word);
    });
  });
  return packed;
}
