import type { Kernel } from '../ir/kernel.ts';
import type { Region } from '../ir/region.ts';
import type { LowerContext } from './context.ts';
import { lowerOp } from './lower-op.ts';
import { lowerProduct } from './product.ts';
import { lowerRows } from './rows.ts';
import { lowerScan } from './scan.ts';

type Lowering<K extends Region['kind']> = (context: LowerContext, region: Extract<Region, { kind: K }>) => Kernel;

const LOWERINGS: { readonly [K in Region['kind']]: Lowering<K> } = {
  rows: lowerRows,
  product: lowerProduct,
  scan: lowerScan,
  op: lowerOp,
};

/** The kernel of a region, for any limits; `legalise` fits it to those of the target. */
export function lowerRegion(context: LowerContext, region: Region): Kernel {
  // The type checker does not see that a region and the lowering of its kind belong together.
  const lower = LOWERINGS[region.kind] as (context: LowerContext, region: Region) => Kernel;
  return lower(context, region);
}
