import * as assert from 'uvu/assert';
import { Failure } from '../../src/compiler/diagnostics/diagnostic.ts';

/** Holds what `act` does to a failure with this code. */
export async function failsWith(code: string, act: () => Promise<unknown>): Promise<void> {
  const error = await act().then(
    () => undefined,
    (e: unknown) => e,
  );
  assert.instance(error, Failure);
  assert.is(error instanceof Failure ? error.diagnostics[0]?.code : '', code);
}
