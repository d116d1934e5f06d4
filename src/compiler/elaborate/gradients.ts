/**
 * Gradients in probes. What stands for the gradient of a weight is a value like the weight itself: no op defines it, it is
 * stacked where the weight is, and it lies where the backward pass has put it.
 */
import type { Value as IrValue } from '../ir/graph.ts';
import type { HirWeight } from '../ir/hir.ts';
import { floats } from '../ir/tensor-type.ts';
import { present } from '../support/invariant.ts';
import type { Span } from '../support/source.ts';
import { freshValue } from './emit.ts';
import { hirWeight, type Members } from './rules.ts';
import { attempt, type DeclaredWeight, refuse, type Session } from './session.ts';

/**
 * What stands for the gradient of a weight.
 *
 * @param lane The only one of its iterations whose gradient is looked at.
 */
export function gradientOf(weight: DeclaredWeight, session: Session, span: Span, lane?: number): IrValue {
  const { slot, value: declared } = weight;
  const { id, type } = declared;
  const { gradients } = session.probing;
  session.probing.usesGradient = true;
  const use = { span, lane };
  const known = gradients.get(slot);
  if (known) {
    known.uses.push(use);
    return known.value;
  }
  const value = freshValue(session, floats(type.axes));
  const name = session.names.get(id);
  if (name !== undefined) session.names.set(value.id, `${name}.gradient`);
  session.lanes?.undo.push(() => gradients.delete(slot));
  gradients.set(slot, { value, uses: [use] });
  return value;
}

/** The gradients that probes look at, as weights of the program. */
export function gradientWeights(session: Session, members: Members): readonly HirWeight[] {
  return [...session.probing.gradients].flatMap(([slot, { value }]) =>
    hirWeight(session, present(members.get(slot), 'members')).map((weight) => ({ ...weight, value, isGradient: true })),
  );
}

export function refuseFrozenGradients(session: Session, members: Members): void {
  for (const [slot, { uses }] of session.probing.gradients) {
    for (const { span, lane } of uses) {
      const own = members.get(slot)?.filter((member) => lane === undefined || member.lane === lane);
      const frozen = own?.find(({ attributes }) => attributes?.freeze);
      if (!frozen) continue;
      attempt(
        session,
        () => refuse('gradient-of-frozen', { name: frozen.name }, span),
        () => undefined,
      );
    }
  }
}
