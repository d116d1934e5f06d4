import { createHash } from 'node:crypto';
import { availableParallelism, cpus } from 'node:os';
import type { Device } from '../../backends/device.ts';

/** A device as far as the choice of tiles depends on it, with what may change its times. */
export type AdapterIdentity = Readonly<Record<string, string | number>>;

/** What {@link identityOf} looks at. */
export type TunedDevice = Pick<Device, 'target' | 'info' | 'limits'>;

export function identityOf({ target, info, limits }: TunedDevice): AdapterIdentity {
  const { deviceClass, subgroupSize, sharedBytes, invocationsPerGroup, matrixUnits } = limits;
  const { name, vendor, driver, software } = info;
  // An adapter that runs on the processor is as fast as that.
  const processor = software ? { processor: `${cpus()[0]?.model ?? 'unknown'} x ${availableParallelism()}` } : {};
  const facts = { deviceClass, subgroupSize, sharedBytes, invocationsPerGroup, matrixUnits };
  return { target, name, vendor, driver, ...processor, ...facts };
}

/** A name for a file, the same for equal identities. */
export function identityHash(identity: AdapterIdentity): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
}
