import { cliEntries } from './cli.ts';
import { dataEntries } from './data.ts';
import { deviceEntries } from './device.ts';
import type { Severity } from './diagnostic.ts';
import type { Entry } from './entry.ts';
import { kernelEntries } from './kernel.ts';
import { LANGUAGE } from './language.ts';
import { LINTS } from './lints.ts';
import { memoryEntries } from './memory.ts';
import { runEntries } from './run.ts';
import { syntaxEntries } from './syntax.ts';
import { totalsEntries } from './totals.ts';

/** Every table of diagnostics. A new table is added here, and `tfm explain` knows its codes. */
export const TABLES = {
  syntax: syntaxEntries,
  language: LANGUAGE,
  lints: LINTS,
  totals: totalsEntries,
  memory: memoryEntries,
  data: dataEntries,
  run: runEntries,
  device: deviceEntries,
  kernel: kernelEntries,
  cli: cliEntries,
} as const satisfies Readonly<Record<string, Readonly<Record<string, Entry<never>>>>>;

export interface Explanation {
  readonly code: string;
  readonly severity: Severity;
  readonly explain: string;
}

/** Every code with its explanation, sorted by code. */
export function explanations(): readonly Explanation[] {
  return Object.values(TABLES)
    .flatMap((table) => Object.entries(table))
    .map(([code, { severity, explain }]) => ({ code, severity, explain }))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}
