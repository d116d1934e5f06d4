import type { UniformWord } from '../../compiler/ir/plan.ts';
import { writeWord } from '../shared/write-word.ts';
import type { CudaStep, DevicePointer } from './driver.ts';

const POINTER_BYTES = 8;

/** The arguments of a launch as they lie in memory: pointers, the struct of its uniforms, a pointer to the host's scalars. */
export function packArguments(
  buffers: readonly DevicePointer[],
  uniforms: readonly UniformWord[],
  host: DevicePointer | undefined,
): Pick<Extract<CudaStep, { kind: 'launch' }>, 'args' | 'offsets'> {
  const uniformsAt = POINTER_BYTES * buffers.length;
  const hostAt = Math.ceil((uniformsAt + 4 * uniforms.length) / POINTER_BYTES) * POINTER_BYTES;
  const args = new Uint8Array(hostAt + (host === undefined ? 0 : POINTER_BYTES));
  const view = new DataView(args.buffer);
  buffers.forEach((pointer, i) => {
    view.setBigUint64(POINTER_BYTES * i, pointer, true);
  });
  uniforms.forEach((word, i) => {
    writeWord(view, uniformsAt + 4 * i, word);
  });
  if (host !== undefined) view.setBigUint64(hostAt, host, true);
  const offsets = [
    ...buffers.map((_, i) => POINTER_BYTES * i),
    ...(uniforms.length > 0 ? [uniformsAt] : []),
    ...(host === undefined ? [] : [hostAt]),
  ];
  return { args, offsets };
}
