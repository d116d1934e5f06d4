import type { Op, OpOf, Value, ValueId } from '../ir/graph.ts';
import type { Kernel, TargetLimits } from '../ir/kernel.ts';
import type { FusedGraph, Region, RegionStep } from '../ir/region.ts';
import { invariant, present } from '../support/invariant.ts';
import { alignUp, bytesOf } from './sizes.ts';
import {
  type Copy,
  copyOf,
  isCompact,
  type Location,
  type Place,
  type PlacedLoop,
  type PlacedProgram,
  type PlacedRegion,
  type PlacedStep,
  type Rows,
  type Storage,
} from './storage.ts';

/** Where values of the world outside lie. */
export interface FixedPlaces {
  /** Of an `input` op, by name. */
  readonly input: (name: string) => Place;
  /** Of a `weight` op. Rows when it is stacked. */
  readonly weight: (weight: OpOf<'weight'>) => Place & { readonly rows?: Rows };
  /** Of an output, by name. */
  readonly output: (name: string) => Place & { readonly rows?: Rows };
}

/**
 * Gives every stored value of a program a location, and adds the copies that this needs.
 *
 * Inputs and weights lie where the world outside put them; outputs are written in place by the kernel that makes them
 * when that is possible. Loops go first, because what they carry decides where their neighbours write.
 */
export function placeValues(
  fused: FusedGraph,
  kernels: ReadonlyMap<Region, Kernel>,
  fixed: FixedPlaces,
  limits: TargetLimits,
): PlacedProgram {
  const storages: Storage[] = [];
  const locations = new Map<ValueId, Location>();
  const compact = new Map<ValueId, Location>();
  const before = new Map<Op, Copy[]>();
  const after = new Map<Op, Copy[]>();
  const inBody = new Map<Op, Copy[]>();
  const { block } = fused.graph;
  const values = valuesOf(fused);
  const definedBy = definitionsOf(block.ops);
  const loops = block.ops.filter((op): op is OpOf<'loop'> => op.kind === 'loop');
  const topRoots = new Set(fused.steps.flatMap((s) => (s.kind === 'region' ? s.region.roots : [])).map(resolve));

  function resolve(id: ValueId): ValueId {
    const alias = fused.aliases.get(id);
    return alias === undefined ? id : resolve(alias);
  }

  function newStorage(bytes: number, place?: Place, localTo?: OpOf<'loop'>): Storage {
    const storage = { id: storages.length, fixed: place, bytes, localTo };
    storages.push(storage);
    return storage;
  }

  function sizeOf(id: ValueId): number {
    return bytesOf(present(values.get(id), `value ${id}`).type);
  }

  function add(table: Map<Op, Copy[]>, op: Op, copy: Copy): void {
    table.set(op, [...(table.get(op) ?? []), copy]);
  }

  // Outputs that can be written in place: the first output of each value. The rest is copied at the end.
  const wanted = new Map<ValueId, Place & { readonly rows?: Rows }>();
  for (const output of fused.graph.outputs) {
    const id = resolve(output.value);
    if (!wanted.has(id)) wanted.set(id, fixed.output(output.name));
  }

  for (const op of block.ops) {
    if (op.kind !== 'weight' && op.kind !== 'input') continue;
    const id = present(op.results[0], 'a result').id;
    const place = op.kind === 'weight' ? fixed.weight(op) : { ...fixed.input(op.attrs.name), rows: undefined };
    const bytes = place.rows ? spanOf(place.rows) : sizeOf(id);
    locations.set(id, {
      storage: newStorage(bytes, place),
      offset: 0,
      bytes,
      ...(place.rows ? { rows: place.rows } : {}),
    });
  }

  for (const loop of loops) placeLoop(loop);
  for (const step of fused.steps) {
    const regions = step.kind === 'region' ? [step.region] : regionsOf(step.body);
    for (const root of regions.flatMap((r) => r.roots))
      placeRoot(resolve(root), step.kind === 'loop' ? step.op : undefined);
  }

  /** A value that a kernel makes and that has no location yet. */
  function placeRoot(id: ValueId, loop: OpOf<'loop'> | undefined): void {
    if (locations.has(id)) return;
    const place = wanted.get(id);
    const bytes = sizeOf(id);
    const inPlace =
      place && (!place.rows || isCompact({ storage: newStorageView(), offset: 0, bytes, rows: place.rows }));
    locations.set(id, { storage: newStorage(bytes, inPlace ? place : undefined, loop), offset: 0, bytes });
  }

  function newStorageView(): Storage {
    return { id: -1, fixed: undefined, bytes: 0, localTo: undefined };
  }

  function placeLoop(loop: OpOf<'loop'>): void {
    const { axis, reverse, carried, body } = loop.attrs;
    const n = axis.size;
    const made = new Set(body.ops.flatMap((op) => op.results.map((r) => r.id)));
    const results = body.results.map(resolve);
    for (let k = carried; k < loop.operands.length; k++) {
      placeSliced(loop, present(loop.operands[k], 'an operand'), present(body.params[k], 'a parameter'));
    }
    for (let c = 0; c < carried; c++) {
      const param = present(body.params[c], 'a parameter').id;
      const result = present(results[c], 'a result');
      const init = resolve(present(loop.operands[c], 'an operand'));
      const final = present(loop.results[c], 'a result').id;
      const bytes = sizeOf(param);
      if (result === param) {
        const location = locate(init);
        locations.set(param, location);
        locations.set(final, location);
        continue;
      }
      const stride = alignUp(bytes, limits.offsetAlignment);
      const kept = results.some((r, j) => j >= carried && (r === param || r === result));
      const slots = kept ? n + 1 : 2;
      const storage = newStorage((slots - 1) * stride + bytes);
      const at = (slot: number): Location => ({ storage, offset: (slot % slots) * stride, bytes });
      const moving = (shift: number): Location => ({
        storage,
        offset: 0,
        bytes,
        move: { stride, shift, modulus: slots },
      });
      const entry = reverse ? 1 : 0;
      locations.set(param, moving(entry));
      locations.set(final, at(reverse ? 0 : n));
      const first = at(reverse ? n : 0);
      const free = topRoots.has(init) && !locations.has(init) && !wanted.has(init);
      if (free && (kept || !usedAfter(loop, init))) locations.set(init, first);
      else add(before, loop, copyOf(locate(init), first));
      if (made.has(result) && !locations.has(result)) locations.set(result, moving(1 - entry));
      else add(inBody, loop, copyOf(locate(result), moving(1 - entry)));
      const rows = { count: n, bytes, stride };
      for (let j = carried; j < results.length; j++) {
        if (results[j] !== param && results[j] !== result) continue;
        const shift = results[j] === param ? entry : 1 - entry;
        const id = present(loop.results[j], 'a result').id;
        locations.set(id, { storage, offset: shift * stride, bytes: spanOf(rows), rows });
      }
    }
    for (let j = carried; j < results.length; j++) placeStacked(loop, j, made);
  }

  function placeSliced(loop: OpOf<'loop'>, operand: ValueId, param: Value): void {
    const id = resolve(operand);
    if (definedBy.get(id)?.kind === 'constant') return;
    const whole = locate(id);
    const bytes = bytesOf(param.type);
    const n = loop.attrs.axis.size;
    let rows = whole.rows ?? { count: n, bytes, stride: bytes };
    let from = whole;
    if (n > 1 && rows.stride % limits.offsetAlignment !== 0) {
      rows = { count: n, bytes, stride: alignUp(bytes, limits.offsetAlignment) };
      from = { storage: newStorage(spanOf(rows)), offset: 0, bytes: spanOf(rows), rows };
      add(before, loop, copyOf(whole, from));
    }
    const move = { stride: rows.stride, shift: 0, modulus: n };
    locations.set(param.id, { storage: from.storage, offset: from.offset, bytes, move });
  }

  function placeStacked(loop: OpOf<'loop'>, j: number, made: ReadonlySet<ValueId>): void {
    const result = present(loop.results[j], 'a result').id;
    if (locations.has(result)) return;
    const n = loop.attrs.axis.size;
    const inner = resolve(present(loop.attrs.body.results[j], 'a result'));
    const bytes = sizeOf(inner);
    const rows = { count: n, bytes, stride: alignUp(bytes, limits.offsetAlignment) };
    const place = wanted.get(result);
    const inPlace = place?.rows?.stride === rows.stride && place.rows.count === n;
    const storage = newStorage(spanOf(rows), inPlace ? place : undefined);
    locations.set(result, { storage, offset: 0, bytes: spanOf(rows), rows });
    const slice: Location = { storage, offset: 0, bytes, move: { stride: rows.stride, shift: 0, modulus: n } };
    if (made.has(inner) && !locations.has(inner)) locations.set(inner, slice);
    else add(inBody, loop, copyOf(locate(inner), slice));
  }

  /** The location of a value that may not have one yet because its kernel comes later in this function. */
  function locate(id: ValueId): Location {
    const known = locations.get(id);
    if (known) return known;
    placeRoot(id, undefined);
    return present(locations.get(id), 'a location');
  }

  function usedAfter(loop: OpOf<'loop'>, id: ValueId): boolean {
    const index = block.ops.indexOf(loop);
    const later = block.ops.slice(index).flatMap((op) => (op === loop ? captures(loop) : operandsOf(op)));
    return later.some((v) => resolve(v) === id);
  }

  // Kernels outside loops read stacked values whole, without gaps.
  for (const step of fused.steps) {
    if (step.kind !== 'region') continue;
    for (const read of step.region.reads.map(resolve)) {
      const location = locations.get(read);
      if (!location || isCompact(location) || compact.has(read)) continue;
      const loop = present(definedBy.get(read), 'the loop that makes a stacked value');
      invariant(location.rows, 'rows of a stacked value');
      const bytes = location.rows.count * location.rows.bytes;
      const whole = { storage: newStorage(bytes), offset: 0, bytes };
      compact.set(read, whole);
      add(after, loop, copyOf(location, whole));
    }
  }

  const ends: Copy[] = [];
  for (const output of fused.graph.outputs) {
    const place = fixed.output(output.name);
    const location = locate(resolve(output.value));
    if (samePlace(location, place)) continue;
    const bytes = place.rows
      ? spanOf(place.rows)
      : location.rows
        ? location.rows.count * location.rows.bytes
        : location.bytes;
    const to = { storage: newStorage(bytes, place), offset: 0, bytes, ...(place.rows ? { rows: place.rows } : {}) };
    ends.push(copyOf(location, to));
  }

  const region = (r: Region): PlacedRegion => ({
    kind: 'region',
    region: r,
    kernel: present(kernels.get(r), `kernel of ${r.name}`),
  });
  const steps = fused.steps.flatMap((step): PlacedStep[] => {
    if (step.kind === 'region') return [region(step.region)];
    const body = [...regionsOf(step.body).map(region), ...(inBody.get(step.op) ?? [])];
    const loop: PlacedLoop = { kind: 'loop', op: step.op, body };
    return [...(before.get(step.op) ?? []), loop, ...(after.get(step.op) ?? [])];
  });
  return { steps: [...steps, ...ends], storages, locations, compact };
}

function spanOf(rows: Rows): number {
  return (rows.count - 1) * rows.stride + rows.bytes;
}

function samePlace(location: Location, place: Place & { readonly rows?: Rows }): boolean {
  const { fixed } = location.storage;
  if (!fixed || fixed.segment !== place.segment || fixed.offset !== place.offset || location.offset !== 0) return false;
  const gaps = location.rows && location.rows.count > 1 ? location.rows.stride - location.rows.bytes : 0;
  const wantedGaps = place.rows && place.rows.count > 1 ? place.rows.stride - place.rows.bytes : 0;
  return gaps === wantedGaps;
}

function regionsOf(steps: readonly RegionStep[]): readonly Region[] {
  return steps.map((s) => {
    invariant(s.kind === 'region', 'loops do not nest in a plan');
    return s.region;
  });
}

function valuesOf(fused: FusedGraph): ReadonlyMap<ValueId, Value> {
  const values = new Map<ValueId, Value>();
  const visit = (ops: readonly Op[]): void => {
    for (const op of ops) {
      for (const r of op.results) values.set(r.id, r);
      if (op.kind !== 'loop') continue;
      for (const p of op.attrs.body.params) values.set(p.id, p);
      visit(op.attrs.body.ops);
    }
  };
  visit(fused.graph.block.ops);
  return values;
}

function definitionsOf(ops: readonly Op[]): ReadonlyMap<ValueId, Op> {
  return new Map(ops.flatMap((op) => op.results.map((r) => [r.id, op] as const)));
}

/** Values of the outer block that a loop's body names. */
function captures(loop: OpOf<'loop'>): readonly ValueId[] {
  const { body } = loop.attrs;
  const own = new Set([...body.params.map((p) => p.id), ...body.ops.flatMap((op) => op.results.map((r) => r.id))]);
  return [...body.ops.flatMap(operandsOf), ...body.results].filter((v) => !own.has(v));
}

function operandsOf(op: Op): readonly ValueId[] {
  return op.kind === 'loop' ? [...op.operands, ...captures(op)] : op.operands;
}
