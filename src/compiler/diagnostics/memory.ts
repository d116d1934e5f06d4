import { EXIT } from './diagnostic.ts';
import { diagnosticsOf, entry } from './entry.ts';

/** Bytes as people read them: `1.5 GiB`. */
export function readableBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 1000 ? Math.round(value) : value.toPrecision(3)} ${units[power]}`;
}

export const memoryEntries = {
  'memory-exceeded': entry<{ needs: number; has: number; allowed: boolean }>({
    severity: 'error',
    message: ({ needs, has, allowed }) =>
      `the plan needs ${readableBytes(needs)} of device memory and ${allowed ? 'train.memory allows' : 'the device offers'} ${readableBytes(has)}`,
    help: ({ allowed }) =>
      `${allowed ? 'allow more, or ' : ''}use a smaller micro-batch (train.micro), a shorter time, or a smaller model`,
    explain:
      'All memory is planned before anything is allocated: weights, gradients, moments, and the activations of one ' +
      'micro-batch laid out by lifetime, of which the backward pass has computed as much again as it can. This plan is larger than what the ' +
      'device says it has, or than the training may take, so nothing was allocated.',
    exit: EXIT.memory,
  }),
  'process-memory': entry<Record<never, never>>({
    severity: 'error',
    message: () => 'this machine has no memory left for the numbers of one tensor',
    help: () => 'use a smaller model, or stop other programs',
    explain:
      'Weights, batches and checkpoints pass through the memory of the process on their way to and from the device, one tensor at a ' +
      'time. The operating system gave it no more.',
    exit: EXIT.memory,
  }),
  'tensor-too-large': entry<{ name: string; needs: number; has: number }>({
    severity: 'error',
    message: ({ name, needs, has }) =>
      `${name} takes ${readableBytes(needs)}, and one buffer of the device holds at most ${readableBytes(has)}`,
    help: () => 'use a smaller micro-batch (train.micro), a shorter time, or a smaller model',
    explain:
      'A tensor (for weights in a depth loop: the tensors of all layers together) must lie in one buffer of the device. ' +
      'The limit is the adapter’s own; `tfm doctor` prints it.',
    exit: EXIT.memory,
  }),
};

export const memoryDiagnostic = diagnosticsOf(memoryEntries);
