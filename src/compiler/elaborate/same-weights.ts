import { Failure } from '../diagnostics/diagnostic.ts';
import { languageError } from '../diagnostics/language.ts';
import type { Weight } from '../ir/graph.ts';

/**
 * Training and inference use the same checkpoint, so a model has the same weights in both. Its loops may be cut
 * elsewhere, but what one stacks must hold what the other stacks, so that both find the members at one distance. Throws a
 * `Failure` that names a weight which differs.
 */
export function requireSameWeights(training: readonly Weight[], inference: readonly Weight[]): void {
  const extra = lacking(training, inference);
  if (extra) throw differs('training-changes-weights', extra, 'training');
  const missing = lacking(inference, training);
  if (missing) throw differs('training-changes-weights', missing, 'inference');
  const stackOf = new Map(inference.flatMap((w) => w.members.map((m) => [m.name, w] as const)));
  for (const weight of training) {
    for (const other of new Set(weight.members.map((m) => stackOf.get(m.name)))) {
      if (other && !holds(weight, other) && !holds(other, weight))
        throw differs('training-changes-loops', weight, 'training');
    }
  }
}

type When = 'training' | 'inference';

/** A weight with a member that the others lack. */
function lacking(weights: readonly Weight[], others: readonly Weight[]): Weight | undefined {
  const names = new Set(others.flatMap((w) => w.members.map((m) => m.name)));
  return weights.find((w) => w.members.some((m) => !names.has(m.name)));
}

/** Whether all members of `inner` are members of `outer`. */
function holds(outer: Weight, inner: Weight): boolean {
  const names = new Set(outer.members.map((m) => m.name));
  return inner.members.every((m) => names.has(m.name));
}

function differs(code: 'training-changes-weights' | 'training-changes-loops', weight: Weight, when: When): Failure {
  const name = weight.members[0]?.name ?? weight.id;
  return new Failure([languageError(code, { name, when }, { span: weight.span })]);
}
