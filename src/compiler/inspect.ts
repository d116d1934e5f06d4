import { type Diagnostic, Failure } from './diagnostics/diagnostic.ts';
import { elaborateDeclarations } from './elaborate/declarations.ts';
import { elaborate } from './elaborate/elaborate.ts';
import { entryNames } from './elaborate/entry.ts';
import { type Facts, makeFacts } from './elaborate/facts.ts';
import { runLints } from './lints/run-lints.ts';
import type { Source } from './support/source.ts';
import type { File } from './syntax/ast.ts';
import { parseOnce } from './syntax/parse.ts';

/** What can be said of a text that is being written. */
export interface Inspection {
  /** As far as the text can be read. */
  readonly tree: File;
  /** Errors, and when there are none, warnings. */
  readonly diagnostics: readonly Diagnostic[];
  readonly facts: Facts;
}

/**
 * Checks every train block of a file, or its models, or its declarations when it has neither, and keeps what was found out
 * on the way. Never throws for what the text says.
 */
export function inspect(source: Source): Inspection {
  const { mended: tree, diagnostics: syntax } = parseOnce(source);
  const { facts, observer } = makeFacts();
  const request = { source, observer, ...(syntax.length > 0 ? { mended: tree } : {}) };
  const declared = elaborateDeclarations(request);
  const { trains, models } = entryNames(tree);
  const entries = trains.length > 0 ? trains : models;
  const found = entries.flatMap((entry) => {
    try {
      const elaborated = elaborate({ ...request, entry, training: true, want: 'loss' });
      return [...elaborated.diagnostics, ...runLints(elaborated)];
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return error.diagnostics;
    }
  });
  const meaning = entries.length > 0 ? found : declared;
  return { tree, diagnostics: unique(syntax.length > 0 ? syntax : meaning), facts };
}

/** A block that is checked for each of several trainings finds most things more than once. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const key = ({ code, message, span }: Diagnostic): string =>
    [code, span?.source.path, span?.start, span?.end, message].join(' ');
  return [...new Map(diagnostics.map((one) => [key(one), one])).values()];
}
