import { EXIT, type ExitCode } from '../compiler/diagnostics/diagnostic.ts';

export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Asks a run to save and end after the step that it is in. */
export interface StopRequest {
  readonly signal: () => StopSignal | undefined;
}

export const NEVER_STOP: StopRequest = { signal: () => undefined };

export const STOP_EXIT: { readonly [K in StopSignal]: ExitCode } = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
};

/** Listens for the first signal; a second one ends the process at once, as if nobody listened. */
export function listenForStop(): StopRequest & { readonly dispose: () => void } {
  let signal: StopSignal | undefined;
  const dispose = (): void => {
    process.removeListener('SIGINT', take);
    process.removeListener('SIGTERM', take);
  };
  const take = (name: StopSignal): void => {
    signal = name;
    dispose();
  };
  process.on('SIGINT', take);
  process.on('SIGTERM', take);
  return { signal: () => signal, dispose };
}
