/**
 * Sums that a loop carries and to which each iteration adds a product, such as the gradient of a weight over the pieces of a batch: a
 * library adds to what lies where its result goes, so no kernel has to add behind it.
 */
import type { ValueId } from '../../ir/graph.ts';
import { type FusedGraph, type ProductRegion, type Region, type RegionStep, regionsIn } from '../../ir/region.ts';
import type { Scope } from './scope.ts';

type InPlace = FusedGraph['inPlace'];

/** The same steps, in which a product of a library and the sum in place to which alone it is added are one region. */
export function addByLibrary(scope: Scope, steps: readonly RegionStep[], inPlace: InPlace): readonly RegionStep[] {
  const regions = regionsIn(steps);
  const products = new Map(regions.filter(isOfLibrary).flatMap((r) => r.roots.map((id) => [id, r] as const)));
  const added = new Map<Region, ProductRegion>();
  for (const region of regions) {
    const product = addedBy(scope, region, inPlace, products);
    if (product) added.set(region, product);
  }
  const sums = new Map([...added].map(([region, product]) => [product, withSum(product, region)] as const));
  const inSteps = (list: readonly RegionStep[]): readonly RegionStep[] =>
    list.flatMap((step): readonly RegionStep[] => {
      if (step.kind === 'loop') return [{ ...step, body: inSteps(step.body) }];
      if (added.has(step.region)) return [];
      return [isOfLibrary(step.region) ? { ...step, region: sums.get(step.region) ?? step.region } : step];
    });
  return inSteps(steps);
}

function isOfLibrary(region: Region): region is ProductRegion {
  return region.kind === 'product' && region.library;
}

/** The product that a region adds to a sum in place, when it does nothing else and nothing else needs the product. */
function addedBy(
  scope: Scope,
  { kind, roots: [sum, ...more], members }: Region,
  inPlace: InPlace,
  products: ReadonlyMap<ValueId, ProductRegion>,
): ProductRegion | undefined {
  if (kind !== 'rows' || sum === undefined || !inPlace.has(sum) || more.length > 0 || members.length > 1)
    return undefined;
  const part = scope.op(sum)?.operands.find((id) => id !== inPlace.get(sum));
  if (part === undefined || scope.users(part).length > 1 || scope.isResult(part)) return undefined;
  const [axes, own] = [sum, part].map((id) =>
    scope
      .axes(id)
      .map((axis) => axis.id)
      .join(),
  );
  return axes === own ? products.get(part) : undefined;
}

function withSum(product: ProductRegion, { name, roots, reads, members }: Region): ProductRegion {
  const before = reads.filter((id) => !product.roots.includes(id));
  return {
    ...product,
    roots,
    reads: [...product.reads, ...before],
    members: [...product.members, ...members],
    parts: product.parts.map((part) => ({ ...part, roots })),
    notes: product.notes.filter((note) => !note.startsWith(`before ${name}: `)),
  };
}
