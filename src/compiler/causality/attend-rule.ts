/** Attention: what a query needs of the keys is what its mask lets it see. */
import type { AttendAttrs, OpOf } from '../ir/graph.ts';
import { isAlwaysTrue, maskBounds } from '../ops/mask-bounds.ts';
import { present } from '../support/invariant.ts';
import type { Bound } from './bounds.ts';
import { restricted } from './dependence.ts';
import { type Flow, joinedNeeds, mapNeeds, UNKNOWN } from './flow.ts';
import { giveUp, movedFlow, type RuleContext, reducedFlow } from './rule-parts.ts';

function seen(attrs: AttendAttrs): readonly Bound[] {
  const { ahead, behind } = maskBounds(attrs);
  const { over, key } = attrs;
  return [
    ...(ahead === undefined ? [] : [{ high: key.id, low: over, most: ahead }]),
    ...(behind === undefined ? [] : [{ high: over, low: key.id, most: behind }]),
  ];
}

export function attendFlow(c: RuleContext, { attrs }: OpOf<'attend'>): Flow {
  const { over, key } = attrs;
  const [query, ...others] = c.flows;
  const [k, v, ...captures] = others;
  const keyed = [k, v].map((flow) => movedFlow(c, present(flow, 'an operand'), { from: over, to: key.id, shift: 0 }));
  const bounds = seen(attrs);
  const visible = [...keyed, ...captures].map((flow) => ({ needs: mapNeeds(flow, (d) => restricted(d, bounds)) }));
  const needs = joinedNeeds([present(query, 'the queries'), ...visible]);
  // A mask that is neither open nor bounded ahead may hide what comes later, or not.
  const isClear = bounds.some((bound) => bound.high === key.id) || isAlwaysTrue(attrs.mask);
  const flow: Flow = { ...UNKNOWN, needs };
  return reducedFlow(c, isClear ? flow : giveUp(c, flow, (axis) => axis === key.id), [key], []);
}
