import type { Kernel } from '../ir/kernel.ts';
import type { OpRegion } from '../ir/region.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import type { AttendOp } from '../ops/attend-shapes.ts';
import { maskBounds, pairsWithin } from '../ops/mask-bounds.ts';
import { type AttendParts, pairFlops } from './attend-parts.ts';
import { lanesOver, tilesOver } from './attend-rows.ts';
import { regionCost } from './cost.ts';
import { regionDoc } from './doc.ts';
import { keepRolled } from './keep-rolled.ts';
import { stripOf } from './product-tile.ts';
import type { KernelWriter } from './writer.ts';

/** How many products with rows of the head, and of the values, a pair of a query and a key takes. */
export interface PairWork {
  readonly head: number;
  readonly value: number;
}

/** `wish`: what an invocation owns four of. `batches`: how many times all of them are gone through. */
export function finishAttend(
  writer: KernelWriter,
  region: OpRegion,
  op: AttendOp,
  parts: AttendParts,
  wish: string,
  batches: number,
  work: PairWork,
): Kernel {
  const { limits } = writer.context;
  const lanes = lanesOver(limits);
  const pairs = elementsOf(parts.outer) * pairsWithin(maskBounds(op.attrs), parts.over.size);
  const kernel = writer.finish({
    name: region.name,
    doc: regionDoc(writer.context, region, `${4 * lanes} ${wish} per workgroup, 4 per invocation.`),
    workgroup: lanes,
    groups: tilesOver(lanes, parts.over) * batches,
    features: stripOf(limits) > 0 ? ['subgroups'] : [],
    ...regionCost(writer.context, region),
    flops: pairs * pairFlops(parts, work.head, work.value),
  });
  return limits.deviceClass === 'cpu' ? keepRolled(kernel) : kernel;
}
