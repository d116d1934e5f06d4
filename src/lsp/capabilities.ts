import { codeActions } from './capabilities/code-actions.ts';
import { completion } from './capabilities/completion.ts';
import { definition } from './capabilities/definition.ts';
import { diagnostics } from './capabilities/diagnostics.ts';
import { folding } from './capabilities/folding.ts';
import { formatting } from './capabilities/formatting.ts';
import { hover } from './capabilities/hover.ts';
import { inlayHints } from './capabilities/inlay-hints.ts';
import { references } from './capabilities/references.ts';
import { rename } from './capabilities/rename.ts';
import { semanticTokens } from './capabilities/semantic-tokens.ts';
import { symbols } from './capabilities/symbols.ts';
import type { Capability } from './capability.ts';

/** Everything that the server can do. */
export const CAPABILITIES: readonly Capability[] = [
  diagnostics,
  codeActions,
  hover,
  definition,
  references,
  rename,
  completion,
  symbols,
  folding,
  formatting,
  inlayHints,
  semanticTokens,
];
