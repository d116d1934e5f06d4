import { Failure } from '../diagnostics/diagnostic.ts';
import { languageError } from '../diagnostics/language.ts';
import type { Weight } from '../ir/graph.ts';

/**
 * Training and inference use the same checkpoint, so a model has the same weights in both; and the same loops over them,
 * so that they lie in memory in one way. Throws a `Failure` that names a weight which differs.
 */
export function requireSameWeights(training: readonly Weight[], inference: readonly Weight[]): void {
  const [only, when] = firstOf(training, inference, memberName) ?? [];
  if (only) throw differs('training-changes-weights', only, when ?? 'training');
  const [loop, where] = firstOf(training, inference, (weight) => weight.id) ?? [];
  if (loop) throw differs('training-changes-loops', loop, where ?? 'training');
}

type When = 'training' | 'inference';

const memberName = (weight: Weight): string => weight.members.map((member) => member.name).join(' ');

/** A weight with a key that the other side lacks. Keys of members are compared one by one. */
function firstOf(
  training: readonly Weight[],
  inference: readonly Weight[],
  key: (weight: Weight) => string,
): readonly [Weight, When] | undefined {
  const keysOf = (weights: readonly Weight[]) => new Set(weights.flatMap((weight) => key(weight).split(' ')));
  const [inTraining, inInference] = [keysOf(training), keysOf(inference)];
  const extra = (weights: readonly Weight[], others: ReadonlySet<string>): Weight | undefined =>
    weights.find((weight) =>
      key(weight)
        .split(' ')
        .some((part) => !others.has(part)),
    );
  const trained = extra(training, inInference);
  if (trained) return [trained, 'training'];
  const inferred = extra(inference, inTraining);
  return inferred && [inferred, 'inference'];
}

function differs(code: 'training-changes-weights' | 'training-changes-loops', weight: Weight, when: When): Failure {
  const name = weight.members[0]?.name ?? weight.id;
  return new Failure([languageError(code, { name, when }, { span: weight.span })]);
}
