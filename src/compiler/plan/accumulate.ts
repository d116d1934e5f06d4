import type { Kernel, TargetLimits } from '../ir/kernel.ts';
import type { Address, Launch } from '../ir/plan.ts';
import { SHARE } from '../widen/share.ts';
import { flatAddress, flatLaunch, windowsOf } from './flat-launch.ts';
import type { IoTable } from './io-table.ts';
import type { KernelTable } from './kernel-table.ts';
import type { ProgramSource } from './program-source.ts';
import { bytesOf } from './sizes.ts';
import { accumulate, accumulateOutput } from './update-kernels.ts';
import type { WeightLayout } from './weight-layout.ts';

/**
 * What follows each micro-batch when a step has several: `micro` adds its gradients and its loss to their totals, and
 * `prepare` adds the counts to the totals that `micro` reads as inputs.
 */
export function accumulateLaunches(
  source: ProgramSource,
  layout: WeightLayout,
  io: IoTable,
  kernels: KernelTable,
  limits: TargetLimits,
): readonly Launch[] {
  const adding = (kernel: Kernel, totals: Address, parts: Address, count: number, share: number): Launch =>
    flatLaunch(kernel, [totals, parts], { count }, count / share, kernels, limits);
  const ofOutputs = (): readonly Launch[] => {
    const { graph } = source.fused;
    const types = new Map(graph.block.ops.flatMap((op) => op.results.map((r) => [r.id, r.type] as const)));
    return graph.outputs.flatMap(({ name, value }) => {
      const type = types.get(value);
      if (name.startsWith('grad.') || !type) return [];
      const bytes = bytesOf(type, limits);
      const total = source.name === 'prepare' ? io.input(name, type) : io.output('total', name, type);
      const part = { ...io.output(source.name, name, type), bytes };
      return [adding(accumulateOutput(), { ...total, bytes }, part, bytes / 4, 1)];
    });
  };
  if (source.name === 'prepare') return ofOutputs();
  if (source.name !== 'micro') return [];
  const gradients = layout.parts.flatMap((part, p) =>
    windowsOf(0, part.trainedBytes / 4, limits).map((w) =>
      adding(
        accumulate(limits.deviceClass),
        flatAddress(`totals${p}`, w),
        flatAddress(`gradients${p}`, w),
        w.count,
        SHARE[limits.deviceClass],
      ),
    ),
  );
  return [...gradients, ...ofOutputs()];
}
