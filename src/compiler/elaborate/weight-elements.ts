import { elementsOf } from '../ir/tensor-type.ts';
import type { Place } from './place.ts';
import type { Session } from './session.ts';

/** How many numbers the weights in a place have. Where iterations are elaborated at once, those of a place in them are of one. */
export function weightElements(session: Session, place: Place): number {
  const visit = (at: Place): number => {
    const slots = [...at.weights.values()].flatMap((byLoop) => [...byLoop.values()]);
    const own = slots.reduce((sum, slot) => {
      const weight = session.weights.get(slot);
      if (!weight) return sum;
      const members = weight.lanes === undefined || weight.lanes === place.lanes ? 1 : weight.lanes.labels.length;
      return sum + members * elementsOf(weight.value.type.axes);
    }, 0);
    return at.children.reduce((sum, child) => sum + visit(child), own);
  };
  return visit(place);
}
