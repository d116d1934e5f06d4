import { findLeak } from './causality/find-leak.ts';
import { causalityDiagnostic } from './diagnostics/causality.ts';
import { EXIT, Failure } from './diagnostics/diagnostic.ts';
import { textOf } from './elaborate/describe.ts';
import type { Elaborated } from './elaborate/elaborate.ts';
import type { Span } from './support/source.ts';

/** Throws a `Failure` when a prediction is certain to depend on later tokens of the data, unless the train block allows it. */
export function requireCausal({ graph, train, files, callerOf }: Elaborated): void {
  if (!train?.causal || !train.data) return;
  const leak = findLeak(graph);
  if (leak?.kind !== 'certain') return;
  const { path, origin, meets, ahead } = leak;
  const own = (span: Span): Span => (files.includes(span.source) ? span : (callerOf(span) ?? span));
  const [span, met] = [own(origin), own(meets)];
  const labels = [
    ...(span === origin ? [] : [{ span: origin, text: 'here' }]),
    ...(met === span ? [] : [{ span: met, text: 'what is predicted is compared with the target here' }]),
  ];
  const params = { what: path[0] ?? 'the prediction', path, text: textOf(origin), ahead };
  throw new Failure([causalityDiagnostic('sees-the-future', params, { span, labels })], EXIT.input);
}
