/** Splitting and merging axes: what was merged is found again when it is split alike, and the other way round. */
import type { Axis, AxisId, OpOf } from '../ir/graph.ts';
import { axisOf } from '../ir/tensor-type.ts';
import { renamed } from './dependence.ts';
import { type Flow, mapNeeds } from './flow.ts';
import { axesOf, giveUp, movedFlow, type RuleContext, withoutFacts } from './rule-parts.ts';

function alike(a: readonly Axis[], b: readonly Axis[], same: (x: Axis, y: Axis) => boolean): boolean {
  return a.length === b.length && a.every((axis, i) => b[i] !== undefined && same(axis, b[i]));
}

const sameId = (x: Axis, y: Axis): boolean => x.id === y.id;

function renamedFlow(flow: Flow, from: AxisId, to: AxisId): Flow {
  return { ...flow, needs: mapNeeds(flow, (d) => renamed(d, from, to)) };
}

export function splitFlow(c: RuleContext, { attrs: { from, into } }: OpOf<'split'>, flow: Flow): Flow {
  const [only, ...others] = into;
  if (only && others.length === 0) return movedFlow(c, flow, { from, to: only.id, shift: 0 });
  const bare = withoutFacts(flow, [from]);
  const contents = c.forms.contentsOf(from);
  if (contents) {
    if (!alike(contents, into, (x, y) => x.size === y.size)) return giveUp(c, bare, (key) => c.forms.isPart(key, from));
    return contents.reduce((at, axis, i) => renamedFlow(at, axis.id, into[i]?.id ?? axis.id), bare);
  }
  if (![...flow.needs.values()].some((d) => d.along.has(from))) return bare;
  const pieces = c.forms.piecesOf(from);
  if (pieces && !alike(pieces, into, sameId)) return giveUp(c, bare, (key) => key === from);
  c.forms.setPieces(from, into);
  return bare;
}

export function mergeFlow(c: RuleContext, { attrs: { from, into } }: OpOf<'merge'>, flow: Flow): Flow {
  const [only, ...others] = from;
  if (only !== undefined && others.length === 0) return movedFlow(c, flow, { from: only, to: into.id, shift: 0 });
  const axes = from.map((id) => axisOf(axesOf(c, 0), id));
  const bare = withoutFacts(flow, from);
  const keys = new Set([...flow.needs.values()].flatMap((d) => [...d.along.keys()]));
  const whole = [...keys].find((key) => alike(c.forms.piecesOf(key) ?? [], axes, sameId));
  const found = whole === undefined ? bare : renamedFlow(bare, whole, into.id);
  // What is left of pieces, or lies in an axis that was merged before, is not followed.
  const lost = (key: AxisId): boolean => key !== whole && from.some((id) => c.forms.isPart(key, id));
  const known = c.forms.contentsOf(into.id);
  if (known && !alike(known, axes, sameId)) return giveUp(c, found, (key) => lost(key) || from.includes(key));
  if (from.some((id) => keys.has(id))) c.forms.setContents(into.id, axes);
  return giveUp(c, found, lost);
}
