import { positionAt } from '../../support/source.ts';
import type { RollReport } from './plan.ts';

/** `layer: 12 iterations, 2 bodies: 1-3, 4-12, because of … at model.tfm:7:5`. */
export function describeRoll({ variable, iterations, bodies, breaks }: RollReport): string {
  const ranges = bodies.map(({ first, last, loop }) => (loop ? `${first}-${last}` : `${first} (unrolled)`));
  const count = `${bodies.length} ${bodies.length === 1 ? 'body' : 'bodies'}`;
  const reasons = breaks.map(({ before, reason, span }) => {
    const { line, column } = positionAt(span.source, span.start);
    return `a new body before ${before}: ${reason} at ${span.source.path}:${line}:${column}`;
  });
  return [`${variable}: ${iterations} iterations, ${count}: ${ranges.join(', ')}`, ...reasons].join('; ');
}
