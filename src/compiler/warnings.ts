import type { Diagnostic } from './diagnostics/diagnostic.ts';
import type { Elaborated } from './elaborate/elaborate.ts';
import { runLints } from './lints/run-lints.ts';

/** What the elaboration warned of, and what the lints find. */
export function warningsOf(elaborated: Elaborated): readonly Diagnostic[] {
  return [...elaborated.diagnostics, ...runLints(elaborated)];
}
