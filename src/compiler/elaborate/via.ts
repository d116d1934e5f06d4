/**
 * `via = F`: every use of a weight w sees F(w). Weights that F makes are named below w: `layer.3.attn.wq.lora.a`.
 *
 * F keeps the type of w, so it is applied when the model has been elaborated and all rules are known: its ops go before
 * the first use of w, into the body of the loop that w belongs to, and what used w uses F(w).
 */
import type { GraphOutput, ValueId } from '../ir/graph.ts';
import type { HirItem } from '../ir/hir.ts';
import { present } from '../support/invariant.ts';
import type { WeightFunction } from './attributes.ts';
import { Divergence } from './lanes-type.ts';
import { nameWeights } from './names.ts';
import { type Place, placeOfWeight, type WeightSlot } from './place.ts';
import { insertBeforeUse, replaceUses } from './rewrite-hir.ts';
import { applyRules, type Member, type Members } from './rules.ts';
import { attempt, type Session } from './session.ts';
import { type Applied, applyToWeight, weightValues } from './weight-function.ts';

export interface Program {
  readonly items: readonly HirItem[];
  readonly outputs: readonly GraphOutput[];
}

export interface Settled extends Program {
  /** Of all weights, those that functions of `via` made included. */
  readonly members: Members;
}

/**
 * Gives weights their attributes, and applies what `via` says. Rules see the weights that are there without it; those in
 * the body of F select among what F makes.
 */
export function settleWeights(session: Session, root: Place, program: Program): Settled {
  const members = new Map<WeightSlot, readonly Member[]>();
  let { items, outputs } = program;
  const others = weightValues(session);
  let [doneWeights, doneRules] = [0, 0];
  // Weights that a function makes may have a `via` themselves. It ends, because no function may call itself.
  while (session.weights.size > doneWeights) {
    const names = nameWeights(session, root);
    const fresh = [...session.weights.values()].slice(doneWeights);
    const rules = session.rules.slice(doneRules);
    [doneWeights, doneRules] = [session.weights.size, session.rules.length];
    for (const [slot, own] of applyRules(session, names, root, fresh, rules)) {
      members.set(slot, own);
      const applied = attempt(
        session,
        () => applyVia(session, own, others),
        () => undefined,
      );
      if (!applied) continue;
      const { weight } = present(own[0], 'a member');
      const uses = replaceUses(items, weight.value.id, applied.value.id);
      const isLast = outputs.some((output) => output.value === weight.value.id);
      outputs = outputs.map((o) => (o.value === weight.value.id ? { ...o, value: applied.value.id } : o));
      items = insertBeforeUse(uses, applied.value.id, applied.items, weight.lanes?.axis.id, isLast);
    }
  }
  return { items, outputs, members };
}

function applyVia(session: Session, members: readonly Member[], others: ReadonlySet<ValueId>): Applied | undefined {
  const [first, ...rest] = members;
  const via = first?.attributes?.via;
  // Iterations of one body see one function; where they differ they are elaborated one by one.
  if (rest.some(({ attributes }) => !same(attributes?.via, via))) throw new Divergence(undefined);
  if (!first || !via) return undefined;
  const { weight } = first;
  const place = placeOfWeight(weight.slot);
  session.viaPlaces.set(weight.slot, place);
  session.lanes = weight.lanes;
  session.lane = via.lane;
  try {
    const subject = { declared: weight, name: first.name, weight: weight.value, place, others };
    const applied = applyToWeight(session, via, subject);
    return applied?.value.id === weight.value.id ? undefined : applied;
  } finally {
    session.lanes = undefined;
    session.lane = undefined;
  }
}

function same(a: WeightFunction | undefined, b: WeightFunction | undefined): boolean {
  return a?.attribute === b?.attribute && a?.scope === b?.scope && a?.lane === b?.lane;
}
