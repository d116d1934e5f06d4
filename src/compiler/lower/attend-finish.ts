import type { Kernel } from '../ir/kernel.ts';
import type { OpRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import type { AttendOp } from '../ops/attend-shapes.ts';
import { maskBounds, pairsWithin } from '../ops/mask-bounds.ts';
import { type AttendParts, pairFlops } from './attend-parts.ts';
import { regionCost } from './cost.ts';
import { regionDoc } from './doc.ts';
import { keepRolled } from './keep-rolled.ts';
import type { KernelWriter } from './writer.ts';

/** How many products with rows of the head, and of the values, a pair of a query and a key takes. */
export interface PairWork {
  readonly head: number;
  readonly value: number;
}

/** How the work is spread: invocations of a workgroup, workgroups, and what the header says of it. */
export interface AttendSpread {
  readonly lanes: number;
  readonly groups: number;
  readonly text: string;
  /** Whether lanes of a subgroup pass values round. */
  readonly shuffles: boolean;
}

export function finishAttend(
  writer: KernelWriter,
  region: OpRegion,
  op: AttendOp,
  parts: AttendParts,
  { lanes, groups, text, shuffles }: AttendSpread,
  work: PairWork,
): Kernel {
  const { limits } = writer.context;
  const pairs = elementsOf(parts.outer) * pairsWithin(maskBounds(op.attrs), parts.over.size);
  const kernel = writer.finish({
    name: region.name,
    doc: regionDoc(writer.context, region, text),
    workgroup: lanes,
    groups,
    features: shuffles ? ['subgroups'] : [],
    ...regionCost(writer.context, region),
    flops: pairs * pairFlops(parts, work.head, work.value),
  });
  return limits.deviceClass === 'cpu' ? keepRolled(kernel) : kernel;
}
