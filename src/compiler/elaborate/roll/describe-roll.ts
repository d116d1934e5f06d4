import { positionAt } from '../../support/source.ts';
import type { RollReport } from './plan.ts';

/** Iterations before which one reason cuts a loop, that are named one by one. */
const NAMED = 4;

/** `layer: 12 iterations, 2 bodies: 1-3, 4-12; a new body before 4: … at model.tfm:7:5`. */
export function describeRoll({ variable, iterations, bodies, breaks }: RollReport): string {
  const ranges = bodies.map(({ first, last, loop }) => (loop ? `${first}-${last}` : `${first} (unrolled)`));
  const count = `${bodies.length} ${bodies.length === 1 ? 'body' : 'bodies'}`;
  const cuts = new Map<string, (string | number)[]>();
  for (const { before, reason, span } of breaks) {
    const { line, column } = positionAt(span.source, span.start);
    const why = `${reason} at ${span.source.path}:${line}:${column}`;
    cuts.set(why, [...(cuts.get(why) ?? []), before]);
  }
  const reasons = [...cuts].map(([why, before]) => `a new body before ${listed(before)}: ${why}`);
  return [`${variable}: ${iterations} iterations, ${count}: ${ranges.join(', ')}`, ...reasons].join('; ');
}

function listed(labels: readonly (string | number)[]): string {
  if (labels.length <= NAMED) return labels.join(', ');
  return `${labels.slice(0, NAMED - 1).join(', ')}, … ${labels.at(-1)}`;
}
