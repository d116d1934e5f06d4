import type { Op, OpOf, ValueId } from '../ir/graph.ts';
import { present } from '../support/invariant.ts';
import type { Placement } from './placement.ts';
import { alignUp } from './sizes.ts';
import { copyOf, isCompact, type Location, spanOf } from './storage.ts';

type Loop = OpOf<'loop'>;

/** Places what a loop slices, carries and stacks. */
export function placeLoop(p: Placement, loop: Loop): void {
  const { carried, body } = loop.attrs;
  const made = new Set(body.ops.flatMap((op) => op.results.map((r) => r.id)));
  for (let k = carried; k < loop.operands.length; k++) placeSliced(p, loop, k);
  for (let c = 0; c < carried; c++) placeCarried(p, loop, c, made);
  for (let j = carried; j < body.results.length; j++) placeStacked(p, loop, j, made);
}

/** A parameter that sees slices of a stacked operand. Tables are uniforms and lie nowhere. */
function placeSliced(p: Placement, loop: Loop, k: number): void {
  const id = p.resolve(present(loop.operands[k], 'an operand'));
  const param = present(loop.attrs.body.params[k], 'a parameter');
  if (p.definition(id)?.kind === 'constant') return;
  const n = loop.attrs.axis.size;
  const bytes = p.sizeOf(param.id);
  const whole = p.locate(id);
  const stride = whole.rows?.stride ?? bytes;
  if (n === 1 || stride % p.limits.offsetAlignment === 0) {
    p.put(param.id, { storage: whole.storage, offset: whole.offset, bytes, move: { stride, shift: 0, modulus: n } });
    return;
  }
  const rows = { count: n, bytes, stride: alignUp(bytes, p.limits.offsetAlignment) };
  const spread = { storage: p.newStorage(spanOf(rows)), offset: 0, bytes: spanOf(rows), rows };
  p.addCopy('before', loop, copyOf(whole, spread));
  p.put(param.id, { storage: spread.storage, offset: 0, bytes, move: { stride: rows.stride, shift: 0, modulus: n } });
}

/** What iterations hand on, and stacked results that are the same values. */
function placeCarried(p: Placement, loop: Loop, c: number, made: ReadonlySet<ValueId>): void {
  const { axis, reverse, carried, body } = loop.attrs;
  const n = axis.size;
  const results = body.results.map(p.resolve);
  const param = present(body.params[c], 'a parameter').id;
  const result = present(results[c], 'a result');
  const init = p.resolve(present(loop.operands[c], 'an operand'));
  const final = present(loop.results[c], 'a result').id;
  if (result === param) {
    const location = p.locate(init);
    p.put(param, location);
    p.put(final, location);
    return;
  }
  const bytes = p.sizeOf(param);
  if (p.fused.inPlace.get(result) === param) {
    // The loop alone has the initial value, so that the sum can lie from the beginning where it is wanted in the end.
    const place = p.wanted(final);
    if (!p.locations.has(init) && place && isCompact(place.rows))
      p.put(init, { storage: p.newStorage(bytes, place), offset: 0, bytes });
    const location = p.locate(init);
    for (const id of [param, result, final]) p.put(id, location);
    return;
  }
  const stride = alignUp(bytes, p.limits.offsetAlignment);
  const kept = results.some((r, j) => j >= carried && (r === param || r === result));
  const slots = kept ? n + 1 : 2;
  const storage = p.newStorage((slots - 1) * stride + bytes);
  const at = (slot: number): Location => ({ storage, offset: (slot % slots) * stride, bytes });
  const moving = (shift: number): Location => ({ storage, offset: 0, bytes, move: { stride, shift, modulus: slots } });
  // Iteration i begins with slot i and ends with slot i + 1; reversed, the other way round.
  const entry = reverse ? 1 : 0;
  const exit = 1 - entry;
  p.put(param, moving(entry));
  p.put(final, at(reverse ? 0 : n));
  const first = at(reverse ? n : 0);
  const free = p.madeOutside(init) && !p.locations.has(init) && !p.wanted(init);
  if (free && !usedInside(p, loop, c, init) && (kept || !usedAfter(p, loop, init))) p.put(init, first);
  else p.addCopy('before', loop, copyOf(p.locate(init), first));
  if (made.has(result) && !p.locations.has(result)) p.put(result, moving(exit));
  else p.addCopy('inside', loop, copyOf(p.locate(result), moving(exit)));
  const rows = { count: n, bytes, stride };
  for (let j = carried; j < results.length; j++) {
    const id = present(loop.results[j], 'a result').id;
    if (p.locations.has(id) || (results[j] !== param && results[j] !== result)) continue;
    const shift = results[j] === param ? entry : exit;
    p.put(id, { storage, offset: shift * stride, bytes: spanOf(rows), rows });
  }
}

/** A value of which every iteration gives a slice. */
function placeStacked(p: Placement, loop: Loop, j: number, made: ReadonlySet<ValueId>): void {
  const result = present(loop.results[j], 'a result').id;
  if (p.locations.has(result)) return;
  const n = loop.attrs.axis.size;
  const inner = p.resolve(present(loop.attrs.body.results[j], 'a result'));
  const bytes = p.sizeOf(inner);
  const taken = sliceTaken(p, loop, inner) ? p.locate(inner) : undefined;
  if (taken) {
    // Each iteration gives the slice that it took, perhaps with something put into it: the stack is where it was.
    const rows = { count: n, bytes, stride: taken.move?.stride ?? bytes };
    p.put(result, { storage: taken.storage, offset: taken.offset, bytes: spanOf(rows), rows });
    return;
  }
  const rows = { count: n, bytes, stride: alignUp(bytes, p.limits.offsetAlignment) };
  const place = p.wanted(result);
  const inPlace = place?.rows?.count === n && (n === 1 || place.rows.stride === rows.stride);
  const storage = p.newStorage(spanOf(rows), inPlace ? place : undefined);
  p.put(result, { storage, offset: 0, bytes: spanOf(rows), rows });
  const slice: Location = { storage, offset: 0, bytes, move: { stride: rows.stride, shift: 0, modulus: n } };
  if (made.has(inner) && !p.locations.has(inner)) p.put(inner, slice);
  else p.addCopy('inside', loop, copyOf(p.locate(inner), slice));
}

/** Whether a value is what an iteration sees of a stack. Tables lie nowhere. */
function sliceTaken(p: Placement, { attrs: { body, carried } }: Loop, id: ValueId): boolean {
  return body.params.findIndex((param) => param.id === id) >= carried && p.locations.has(id);
}

/** Whether a loop's body reads an initial value as such: a kernel might then bind it twice, moving and at rest. */
function usedInside(p: Placement, loop: Loop, c: number, id: ValueId): boolean {
  const others = loop.operands.filter((_, k) => k !== c);
  return [...captures(loop), ...others].some((v) => p.resolve(v) === id);
}

/** Whether a value is needed after the loop. */
function usedAfter(p: Placement, loop: Loop, id: ValueId): boolean {
  const { ops } = p.fused.graph.block;
  return ops
    .slice(ops.indexOf(loop) + 1)
    .flatMap(readsOf)
    .some((v) => p.resolve(v) === id);
}

/** Values of the outer block that a loop's body names. */
function captures(loop: Loop): readonly ValueId[] {
  const { body } = loop.attrs;
  const own = new Set([...body.params.map((v) => v.id), ...body.ops.flatMap((op) => op.results.map((r) => r.id))]);
  return [...body.ops.flatMap(readsOf), ...body.results].filter((v) => !own.has(v));
}

function readsOf(op: Op): readonly ValueId[] {
  return op.kind === 'loop' ? [...op.operands, ...captures(op)] : op.operands;
}
