import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import type { Failure } from '../../compiler/diagnostics/diagnostic.ts';
import type { TargetLimits } from '../../compiler/ir/kernel.ts';
import { InternalError } from '../../compiler/support/invariant.ts';
import type { DeviceInfo } from '../device.ts';
import { closeAtExit } from './close-at-exit.ts';

/** A device with what is known of it, and its failures as ours. */
export interface OpenedDevice {
  readonly gpu: GPUDevice;
  readonly info: DeviceInfo;
  readonly limits: TargetLimits;
  readonly lost: Promise<never>;
  /** Waits for an answer of the device, or for the device to be lost, or throws what went wrong in queued work. */
  readonly answer: <T>(pending: Promise<T>) => Promise<T>;
  readonly close: () => void;
}

/** Watches a device: errors that Dawn reports outside of calls come out of the next `answer`. */
export function watchDevice(gpu: GPUDevice, info: DeviceInfo, limits: TargetLimits): OpenedDevice {
  let failure: Failure | InternalError | undefined;
  const lost = gpu.lost.then((why): never => {
    failure = deviceFailure('device-lost', { adapter: info.name, reason: why.message || why.reason });
    throw failure;
  });
  // Whoever waits for it sees the failure; nobody has to.
  lost.catch(() => {});
  gpu.addEventListener('uncapturederror', (event) => {
    failure ??= failureOf(event.error);
  });
  return {
    gpu,
    info,
    limits,
    lost,
    async answer(pending) {
      const result = await Promise.race([pending, lost]).catch(async (error: unknown) => {
        // Pending work of a lost device is rejected too, with less to say, and perhaps first.
        await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
        throw failure ?? new InternalError(`the device refuses an answer: ${error}`);
      });
      if (failure) throw failure;
      return result;
    },
    close: closeAtExit(gpu),
  };
}

const GRACE_MS = 50;

/** The part of a device that tells what was wrong with calls. */
export interface ErrorScopes {
  readonly pushErrorScope: (filter: GPUErrorFilter) => undefined;
  readonly popErrorScope: () => Promise<{ readonly message: string } | null>;
}

/** What `make` makes; throws what the device has against it, or `noMemory` when it has none left. */
export async function checked<T>(gpu: ErrorScopes, make: () => T, noMemory: () => Failure): Promise<T> {
  gpu.pushErrorScope('validation');
  gpu.pushErrorScope('out-of-memory');
  const made = make();
  const [memory, validation] = await Promise.all([gpu.popErrorScope(), gpu.popErrorScope()]);
  if (memory) throw noMemory();
  if (validation) throw new InternalError(validation.message);
  return made;
}

function failureOf(error: GPUError): Failure | InternalError {
  return error.constructor.name === 'GPUOutOfMemoryError'
    ? deviceFailure('device-memory', { what: 'queued work', needs: 0 })
    : new InternalError(`the device reports: ${error.message}`);
}
