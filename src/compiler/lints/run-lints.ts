import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Elaborated } from '../elaborate/elaborate.ts';
import { didYouMean } from '../support/did-you-mean.ts';
import { positionAt, type Span } from '../support/source.ts';
import { inStep } from '../support/step.ts';
import { type Allowance, allowancesIn } from '../syntax/allowances.ts';
import { type LintContext, warning } from './lint.ts';
import { ALL_LINTS } from './lints.ts';

type Program = Pick<Elaborated, 'trees' | 'graph' | 'train' | 'advice' | 'files' | 'callerOf' | 'axisSpan'>;

/** What the lints find, without what the files allow, and what is wrong with their allowances. In the order of the text. */
export function runLints({ trees, graph, train, advice, files, callerOf, axisSpan }: Program): readonly Diagnostic[] {
  const context: LintContext = { files: trees, graph, train, axisSpan, advice };
  const found = ALL_LINTS.flatMap((lint) =>
    inStep(`lint ${lint.name}`, () => lint.run(context)).map((one) => placed(one, files, callerOf)),
  );
  const allowances = files.flatMap(allowancesIn);
  const idle = new Set(allowances);
  const left = unique(found).filter((one) => {
    const silencing = allowances.filter((allowance) => silences(allowance, one));
    for (const allowance of silencing) idle.delete(allowance);
    return silencing.length === 0;
  });
  return [...left, ...[...idle].map(wrongAllowance)].sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
}

/** A finding in the library is carried by the user's line that led there. */
function placed(
  diagnostic: Diagnostic,
  files: Elaborated['files'],
  callerOf: (span: Span) => Span | undefined,
): Diagnostic {
  const { span, labels } = diagnostic;
  if (!span || files.includes(span.source)) return diagnostic;
  const caller = callerOf(span);
  return caller ? { ...diagnostic, span: caller, labels: [{ span, text: 'here' }, ...labels] } : diagnostic;
}

/** A place that is elaborated often is said once. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const one of diagnostics) {
    const key = [one.code, one.span?.source.path, one.span?.start, one.span?.end].join(' ');
    if (!seen.has(key)) seen.set(key, one);
  }
  return [...seen.values()];
}

function silences({ name, span, line }: Allowance, diagnostic: Diagnostic): boolean {
  const at = diagnostic.span;
  return name === diagnostic.code && at?.source === span.source && positionAt(at.source, at.start).line === line;
}

function wrongAllowance({ name, span }: Allowance): Diagnostic {
  const names = ALL_LINTS.map((lint) => lint.name);
  if (names.some((known) => known === name)) return warning('idle-allowance', { name }, { span });
  return warning('unknown-allowance', { name, suggestion: didYouMean(name, names) }, { span });
}
