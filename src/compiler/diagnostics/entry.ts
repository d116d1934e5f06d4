import type { Span } from '../support/source.ts';
import type { Diagnostic, ExitCode, Fix, Label, Severity } from './diagnostic.ts';

/** One kind of failure: its words, as functions of typed parameters, and its explanation for `tfm explain`. */
export interface Entry<P> {
  readonly severity: Severity;
  /** What is wrong and why, in one sentence without a final full stop. */
  readonly message: (p: P) => string;
  /** What to do. */
  readonly help?: (p: P) => string | undefined;
  /** Changes that mend it, given the place that is wrong. */
  readonly fixes?: (p: P, span: Span) => readonly Fix[];
  /** A paragraph for `tfm explain CODE`. */
  readonly explain: string;
  /** The exit code that the failure leads to; 1 unless said. */
  readonly exit?: ExitCode;
}

export function entry<P>(e: Entry<P>): Entry<P> {
  return e;
}

export interface Place {
  readonly span?: Span;
  readonly labels?: readonly Label[];
}

/** Makes the constructors of a table of entries: `make(table)('unknown-name', {name}, {span})`. */
export function diagnosticsOf<T extends Record<string, Entry<never>>>(table: T) {
  return <C extends keyof T & string>(
    code: C,
    params: Parameters<T[C]['message']>[0],
    place: Place = {},
  ): Diagnostic => {
    const e = table[code] as unknown as Entry<unknown>;
    const help = e.help?.(params);
    const fixes = place.span ? (e.fixes?.(params, place.span) ?? []) : [];
    return {
      code,
      severity: e.severity,
      message: e.message(params),
      labels: place.labels ?? [],
      ...(place.span ? { span: place.span } : {}),
      ...(help ? { help } : {}),
      ...(fixes.length > 0 ? { fixes } : {}),
    };
  };
}
