import type { TargetLimits } from '../ir/kernel.ts';
import type { FusedGraph, Region } from '../ir/region.ts';
import { invariant, present } from '../support/invariant.ts';
import { placeApart } from './place-apart.ts';
import { placeLoop } from './place-loop.ts';
import { type FixedPlace, type FixedPlaces, makePlacement, type Placement, regionsOf } from './placement.ts';
import type { ProgramSource } from './program-source.ts';
import {
  type Copy,
  copyOf,
  isCompact,
  type Location,
  type PlacedMatmuls,
  type PlacedProgram,
  type PlacedRegion,
  type PlacedStep,
  spanOf,
} from './storage.ts';

/**
 * Gives every stored value of a program a location, and adds the copies that this needs.
 *
 * Inputs and weights lie where the world outside put them; outputs are written in place by the kernel that makes them
 * when that is possible. Loops go before other kernels, because what they carry decides where their neighbours write.
 */
export function placeValues(
  fused: FusedGraph,
  { kernels, matmuls }: Pick<ProgramSource, 'kernels' | 'matmuls'>,
  fixed: FixedPlaces,
  limits: TargetLimits,
): PlacedProgram {
  const p = makePlacement(fused, fixed, limits);
  placeLeaves(p, fixed);
  for (const op of fused.graph.block.ops) if (op.kind === 'loop') placeLoop(p, op);
  for (const step of fused.steps) {
    const regions = step.kind === 'region' ? [step.region] : regionsOf(step.body);
    const loop = step.kind === 'loop' ? step.op : undefined;
    for (const root of regions.flatMap((r) => r.roots)) p.locate(p.resolve(root), loop);
  }
  const compact = placeCompact(p);
  const apart = placeApart(p, compact);
  const ends = copyOutputs(p, fixed);
  const starts = fused.graph.block.ops.flatMap((op) => (op.kind === 'weight' ? p.copies('after', op) : []));

  const region = (r: Region): PlacedRegion | PlacedMatmuls => {
    const given = matmuls.get(r);
    if (given) return { kind: 'matmuls', region: r, matmuls: given };
    return { kind: 'region', region: r, kernel: present(kernels.get(r), `kernel of ${r.name}`) };
  };
  const steps = fused.steps.flatMap((step): readonly PlacedStep[] => {
    if (step.kind === 'region') return [region(step.region)];
    const body = [...regionsOf(step.body).map(region), ...p.copies('inside', step.op)];
    return [...p.copies('before', step.op), { kind: 'loop', op: step.op, body }, ...p.copies('after', step.op)];
  });
  return { steps: [...starts, ...steps, ...ends], storages: p.storages, locations: p.locations, compact, apart };
}

function placeLeaves(p: Placement, fixed: FixedPlaces): void {
  for (const op of p.fused.graph.block.ops) {
    if (op.kind !== 'weight' && op.kind !== 'input') continue;
    const { id } = present(op.results[0], 'a result');
    const place: FixedPlace = op.kind === 'weight' ? fixed.weight(op) : fixed.input(op.attrs.name);
    const bytes = place.rows ? spanOf(place.rows) : p.sizeOf(id);
    const rows = place.rows ? { rows: place.rows } : {};
    p.put(id, { storage: p.newStorage(bytes, place), offset: 0, bytes, ...rows });
  }
}

/** Kernels outside loops read stacked values whole, without gaps: where they lie so. */
function placeCompact(p: Placement): PlacedProgram['compact'] {
  const compact = new Map<PlacedRegion['region']['reads'][number], Location>();
  for (const step of p.fused.steps) {
    if (step.kind !== 'region') continue;
    for (const read of step.region.reads.map(p.resolve)) {
      const location = p.locations.get(read);
      if (!location || isCompact(location.rows) || compact.has(read)) continue;
      const maker = p.definition(read);
      invariant(maker?.kind === 'loop' || maker?.kind === 'weight', 'a loop, or a weight, that is a stack');
      const rows = present(location.rows, 'the rows of a stack');
      const bytes = rows.count * rows.bytes;
      const whole = { storage: p.newStorage(bytes), offset: 0, bytes };
      compact.set(read, whole);
      p.addCopy('after', maker, copyOf(location, whole));
    }
  }
  return compact;
}

/** Copies of outputs that their kernels could not write in place. */
function copyOutputs(p: Placement, fixed: FixedPlaces): readonly Copy[] {
  return p.fused.graph.outputs.flatMap(({ name, value }) => {
    const place = fixed.output(name);
    const location = p.locate(p.resolve(value));
    if (liesAt(location, place)) return [];
    const whole = location.rows ? location.rows.count * location.rows.bytes : location.bytes;
    const bytes = place.rows ? spanOf(place.rows) : whole;
    const rows = place.rows ? { rows: place.rows } : {};
    return [copyOf(location, { storage: p.newStorage(bytes, place), offset: 0, bytes, ...rows })];
  });
}

function liesAt(location: Location, place: FixedPlace): boolean {
  const { fixed } = location.storage;
  if (!fixed || fixed.segment !== place.segment || fixed.offset !== place.offset || location.offset !== 0) return false;
  return isCompact(location.rows) === isCompact(place.rows);
}
