import type { TargetLimits } from '../ir/kernel.ts';

/** Places of a sum for which the lanes of a subgroup load elements of a row at once; 0 where they share nothing. */
export function stripOf({ deviceClass, subgroupSize }: TargetLimits): number {
  return deviceClass === 'cpu' ? subgroupSize : 0;
}
