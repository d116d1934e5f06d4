import { present } from '../support/invariant.ts';
import { causalityEntries } from './causality.ts';
import { cliEntries } from './cli.ts';
import { dataEntries } from './data.ts';
import { deviceEntries } from './device.ts';
import type { Severity } from './diagnostic.ts';
import { editorEntries } from './editor.ts';
import type { Entry } from './entry.ts';
import type { Example, ExamplesOf } from './example.ts';
import { AXES_EXAMPLES } from './examples/axes.ts';
import { CAUSALITY_EXAMPLES } from './examples/causality.ts';
import { LINTS_EXAMPLES } from './examples/lints.ts';
import { PROBES_EXAMPLES } from './examples/probes.ts';
import { PROGRAM_EXAMPLES } from './examples/program.ts';
import {
  CLI_EXAMPLES,
  DATA_EXAMPLES,
  DEVICE_EXAMPLES,
  EDITOR_EXAMPLES,
  KERNEL_EXAMPLES,
  MEMORY_EXAMPLES,
  RUN_EXAMPLES,
} from './examples/situations.ts';
import { SYNTAX_EXAMPLES } from './examples/syntax.ts';
import { TOTALS_EXAMPLES } from './examples/totals.ts';
import { VALUES_EXAMPLES } from './examples/values.ts';
import { WEIGHTS_EXAMPLES } from './examples/weights.ts';
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
  causality: causalityEntries,
  lints: LINTS,
  totals: totalsEntries,
  memory: memoryEntries,
  data: dataEntries,
  run: runEntries,
  device: deviceEntries,
  kernel: kernelEntries,
  cli: cliEntries,
  editor: editorEntries,
} as const satisfies Readonly<Record<string, Readonly<Record<string, Entry<never>>>>>;

type TableName = keyof typeof TABLES;

/** An example of each diagnostic; the types hold that none lacks. */
export const EXAMPLES: { readonly [T in TableName]: ExamplesOf<(typeof TABLES)[T]> } = {
  syntax: SYNTAX_EXAMPLES,
  language: { ...AXES_EXAMPLES, ...VALUES_EXAMPLES, ...PROGRAM_EXAMPLES, ...WEIGHTS_EXAMPLES, ...PROBES_EXAMPLES },
  causality: CAUSALITY_EXAMPLES,
  lints: LINTS_EXAMPLES,
  totals: TOTALS_EXAMPLES,
  memory: MEMORY_EXAMPLES,
  data: DATA_EXAMPLES,
  run: RUN_EXAMPLES,
  device: DEVICE_EXAMPLES,
  kernel: KERNEL_EXAMPLES,
  cli: CLI_EXAMPLES,
  editor: EDITOR_EXAMPLES,
};

export interface Explanation {
  readonly code: string;
  readonly table: TableName;
  readonly severity: Severity;
  readonly explain: string;
  readonly example: Example;
}

/** Every code with its explanation, sorted by code. */
export function explanations(): readonly Explanation[] {
  return TABLE_NAMES.flatMap(explained).sort((a, b) => (a.code < b.code ? -1 : 1));
}

const TABLE_NAMES = Object.keys(TABLES) as TableName[];

function explained(table: TableName): readonly Explanation[] {
  const examples: Readonly<Record<string, Example>> = EXAMPLES[table];
  return Object.entries(TABLES[table]).map(([code, { severity, explain }]) => {
    const example = present(examples[code], `an example of ${code}`);
    return { code, table, severity, explain, example };
  });
}
