import { type Diagnostic, Failure } from './diagnostics/diagnostic.ts';
import { editorDiagnostic } from './diagnostics/editor.ts';
import { elaborateDeclarations } from './elaborate/declarations.ts';
import { type ElaborateRequest, elaborate } from './elaborate/elaborate.ts';
import { entryNames } from './elaborate/entry.ts';
import { type Facts, makeFacts } from './elaborate/facts.ts';
import type { Observer } from './elaborate/observer.ts';
import type { Graph } from './ir/graph.ts';
import { allOps } from './ir/walk-graph.ts';
import { requireCausal } from './require-causal.ts';
import type { Source } from './support/source.ts';
import type { File } from './syntax/ast.ts';
import { parseOnce } from './syntax/parse.ts';
import { warningsOf } from './warnings.ts';

/** What can be said of a text that is being written. */
export interface Inspection {
  /** As far as the text can be read. */
  readonly tree: File;
  /** Errors, and when there are none, warnings. */
  readonly diagnostics: readonly Diagnostic[];
  readonly facts: Facts;
}

/** Half of what a person waits for in patience, and many times what an example takes. */
const SECONDS = 2;
/** Lints follow every op to all others; a graph with more was not made of loops and would take them minutes. */
const LINTED_OPS = 1_000;

/** Thrown in the midst of an elaboration; it is no `Failure`, so nothing goes on after it. */
class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
}

/**
 * Checks every train block of a file, or its models, or its declarations when it has neither, and keeps what was found out
 * on the way. Never throws for what the text says, and takes a bounded time.
 */
export function inspect(source: Source): Inspection {
  const { mended: tree, diagnostics: syntax } = parseOnce(source);
  const { facts, observer } = makeFacts();
  const request = {
    source,
    observer: bounded(observer, performance.now() + 1000 * SECONDS),
    ...(syntax.length > 0 ? { mended: tree } : {}),
  };
  const found = inTime(tree, () => meaningOf(tree, request));
  return { tree, diagnostics: unique(syntax.length > 0 ? syntax : found), facts };
}

type Request = Pick<ElaborateRequest, 'source' | 'observer' | 'mended'>;

function meaningOf(tree: File, request: Request): readonly Diagnostic[] {
  const declared = elaborateDeclarations(request);
  const { trains, models } = entryNames(tree);
  const entries = trains.length > 0 ? trains : models;
  if (entries.length === 0) return declared;
  return entries.flatMap((entry) => {
    try {
      const elaborated = elaborate({ ...request, entry, training: true, want: 'loss' });
      if (countOps(elaborated.graph) > LINTED_OPS) return elaborated.diagnostics;
      requireCausal(elaborated);
      return warningsOf(elaborated);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return error.diagnostics;
    }
  });
}

function countOps({ block }: Graph): number {
  let count = 0;
  for (const _ of allOps(block)) count += 1;
  return count;
}

function bounded(observer: Observer, until: number): Observer {
  return {
    ...observer,
    value: (expr, value) => {
      observer.value(expr, value);
      if (performance.now() > until) throw new OutOfTime();
    },
  };
}

function inTime({ span }: File, work: () => readonly Diagnostic[]): readonly Diagnostic[] {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    return [editorDiagnostic('check-cut-short', { seconds: SECONDS }, { span: { ...span, end: span.start } })];
  }
}

/** A block that is checked for each of several trainings finds most things more than once. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const key = ({ code, message, span }: Diagnostic): string =>
    [code, span?.source.path, span?.start, span?.end, message].join(' ');
  return [...new Map(diagnostics.map((one) => [key(one), one])).values()];
}
