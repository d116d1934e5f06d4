import type { ValueId } from '../ir/graph.ts';
import { type Placement, regionsOf } from './placement.ts';
import { copyOf, type Location } from './storage.ts';

/**
 * Copies of what loops carried out, for kernels that read it beside the stack of which it is the last slice: the stack and
 * the slice are two bindings of one launch, which must not overlap.
 *
 * @param compact Stacks that kernels outside loops read elsewhere, where nothing overlaps.
 */
export function placeApart(p: Placement, compact: ReadonlyMap<ValueId, Location>): ReadonlyMap<ValueId, Location> {
  const apart = new Map<ValueId, Location>();
  for (const step of p.fused.steps) {
    const isWhole = step.kind === 'region';
    const seen = (id: ValueId): Location | undefined => (isWhole ? compact.get(id) : undefined) ?? p.locations.get(id);
    for (const { reads } of isWhole ? [step.region] : regionsOf(step.body)) {
      const values = [...new Set(reads.map(p.resolve))];
      for (const id of values) {
        const maker = p.definition(id);
        const at = p.locations.get(id);
        if (maker?.kind !== 'loop' || !at || at.rows || apart.has(id)) continue;
        if (!values.some((other) => other !== id && overlaps(at, seen(other)))) continue;
        const copy: Location = { storage: p.newStorage(at.bytes), offset: 0, bytes: at.bytes };
        apart.set(id, copy);
        p.addCopy('after', maker, copyOf(at, copy));
      }
    }
  }
  return apart;
}

/** Whether two locations may share bytes, in any iteration. */
function overlaps(a: Location, b: Location | undefined): boolean {
  if (!b || a.storage !== b.storage) return false;
  const reach = b.move ? (b.move.modulus - 1) * b.move.stride : 0;
  return a.offset < b.offset + reach + b.bytes && b.offset < a.offset + a.bytes;
}
