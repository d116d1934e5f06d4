import type { Inspection } from '../compiler/inspect.ts';
import type { Source } from '../compiler/support/source.ts';
import type { Names } from '../compiler/syntax/names.ts';

/** One version of an open document, and what is known of it. */
export interface Analysis {
  readonly version: number;
  readonly source: Source;
  readonly inspection: Inspection;
  readonly names: Names;
  /** Absolute paths of the files that it read or would have read. */
  readonly read: ReadonlySet<string>;
}
