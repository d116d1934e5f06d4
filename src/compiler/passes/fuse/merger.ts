import type { Bindings } from './bindings.ts';
import type { LibraryMode } from './library.ts';
import type { Needs } from './needs.ts';
import type { Scope } from './scope.ts';

/** What is known where groups are made and merged. */
export interface Merger {
  readonly scope: Scope;
  readonly needs: Needs;
  readonly bindings: Bindings;
  /** Off, nothing is merged. */
  readonly merges: boolean;
  /** Refuse merges that take too many bindings even when they take no more than the groups alone. */
  readonly strict: boolean;
  /** What decides of products that `needs` gives to a library. */
  readonly library?: LibraryMode | undefined;
}
