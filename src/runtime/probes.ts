import type { LoadedPlan } from '../backends/device.ts';
import type { HostScalars } from '../compiler/ir/plan.ts';
import type { Batch } from './data/windows.ts';
import { readOutputs } from './plan-io.ts';
import { batchRun } from './run-step.ts';

export type ProbeValues = Readonly<Record<string, readonly number[]>>;

/**
 * Values of the probes of a program for the first rows of a batch, by name; none when the model has none: `probes` at any
 * time, `gradient_probes` after the backward pass of a step and before its update.
 */
export async function readProbes(
  loaded: LoadedPlan,
  name: 'probes' | 'gradient_probes',
  batch: Batch,
  scalars: HostScalars,
): Promise<ProbeValues> {
  const program = loaded.plan.programs[name];
  const places = program?.outputs.filter((o) => o.name.startsWith('probe.')) ?? [];
  if (!program || places.length === 0) return {};
  loaded.runAll([batchRun(loaded.plan, name, scalars, batch, 0)]);
  const values = await readOutputs(loaded, places);
  return Object.fromEntries(places.map((p, k) => [p.name.slice('probe.'.length), Array.from(values[k] ?? [])]));
}
