import type { LoadedPlan } from '../backends/device.ts';
import type { HostScalars } from '../compiler/ir/plan.ts';
import type { Batch } from './data/windows.ts';
import { readOutputs } from './plan-io.ts';
import { writeBatch } from './run-step.ts';

/** Values of the probes for the first rows of a batch, by name; undefined when the model has none. */
export async function readProbes(
  loaded: LoadedPlan,
  batch: Batch,
  scalars: HostScalars,
): Promise<Readonly<Record<string, readonly number[]>> | undefined> {
  const program = loaded.plan.programs.probes;
  const places = program?.outputs.filter((o) => o.name.startsWith('probe.')) ?? [];
  if (!program || places.length === 0) return undefined;
  writeBatch(loaded, program, batch, 0);
  loaded.run('probes', scalars);
  const values = await readOutputs(loaded, places);
  return Object.fromEntries(places.map((p, k) => [p.name.slice('probe.'.length), Array.from(values[k] ?? [])]));
}
