import type { Connection, ServerCapabilities } from 'vscode-languageserver/node';
import type { Workspace } from './workspace.ts';

/** One thing that the server can do for an editor; one file each under `capabilities/`. */
export interface Capability {
  /** What it tells the editor of itself. */
  readonly announces: ServerCapabilities;
  readonly register: (connection: Connection, context: CapabilityContext) => void;
}

export interface CapabilityContext {
  readonly workspace: Workspace;
  /** Does `work`; a defect of ours is logged, and answered as if there were nothing to say. */
  readonly answer: <T>(work: () => T, otherwise: T) => T;
}
