import { EXIT } from './diagnostic.ts';
import { entry } from './entry.ts';
import { failuresOf } from './fail.ts';

export const kernelEntries = {
  'too-many-bindings': entry<{ kernel: string; needs: number; has: number }>({
    severity: 'error',
    message: ({ kernel, needs, has }) =>
      `kernel ${kernel} binds ${needs} buffers, and the device allows ${has} in one kernel`,
    help: () => 'run it on a device with higher limits; `tfm doctor` prints those of this one',
    explain:
      'A kernel reads and writes tensors through bindings, and an adapter allows a certain number of them. The compiler ' +
      'fuses within that limit, and a tensor larger than one binding takes several. This kernel still needs more than ' +
      'there are: its tensors are too large for the size that the adapter allows for one binding.',
    exit: EXIT.environment,
  }),
  'workgroup-memory-exceeded': entry<{ kernel: string; needs: number; has: number }>({
    severity: 'error',
    message: ({ kernel, needs, has }) =>
      `kernel ${kernel} needs ${needs} bytes of workgroup memory, and the device has ${has}`,
    help: () => 'run it on a device with higher limits; `tfm doctor` prints those of this one',
    explain:
      'The invocations of a workgroup exchange partial results through a small fast memory, whose size the adapter sets. ' +
      'WebGPU promises 16 KiB; this device offers less than this kernel needs.',
    exit: EXIT.environment,
  }),
  'workgroup-too-large': entry<{ kernel: string; needs: number; has: number }>({
    severity: 'error',
    message: ({ kernel, needs, has }) =>
      `kernel ${kernel} runs ${needs} invocations together, and the device allows ${has} in a workgroup`,
    help: () => 'run it on a device with higher limits; `tfm doctor` prints those of this one',
    explain:
      'A kernel runs in workgroups of a fixed size. WebGPU promises 256 invocations in one; this device allows fewer ' +
      'than this kernel was written for.',
    exit: EXIT.environment,
  }),
};

export const kernelFailure = failuresOf(kernelEntries);
