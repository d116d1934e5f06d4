import type { Kernel, TargetLimits } from '../ir/kernel.ts';
import type { Address, Launch, UniformWord } from '../ir/plan.ts';
import { present } from '../support/invariant.ts';
import type { KernelTable } from './kernel-table.ts';

/** Workgroups of a launch, folded in two dimensions when one does not hold them; the last row may have too many. */
export function foldGroups(groups: number, limits: TargetLimits): readonly [number, number, number] {
  if (groups <= limits.groupsPerDimension) return [groups, 1, 1];
  const rows = Math.ceil(groups / limits.groupsPerDimension);
  return [Math.ceil(groups / rows), rows, 1];
}

/** A launch of a kernel that takes one element per invocation and gets its sizes as uniforms. */
export function flatLaunch(
  kernel: Kernel,
  addresses: readonly Address[],
  values: Readonly<Record<string, number>>,
  elements: number,
  kernels: KernelTable,
  limits: TargetLimits,
  iterations = 1,
): Launch {
  const row = kernel.uniforms
    .filter((u) => u.source.kind === 'launch')
    .map((u): UniformWord => ({ type: u.type, value: present(values[u.name], `uniform ${u.name}`) }));
  return {
    kind: 'launch',
    kernel: kernels.add(kernel, [kernel.name]),
    addresses,
    ...(row.length > 0 ? { uniformRow: kernels.addRows(Array.from({ length: iterations }, () => row)) } : {}),
    groups: foldGroups(Math.ceil(elements / kernel.workgroup), limits),
  };
}

export interface Window {
  readonly start: number;
  readonly count: number;
}

/** Cuts a run of elements so that each piece can be bound. */
export function windowsOf(start: number, count: number, limits: TargetLimits): readonly Window[] {
  const aligned = limits.offsetAlignment / 4;
  const most = Math.max(aligned, Math.floor(limits.bindingBytes / limits.offsetAlignment) * aligned);
  const windows: Window[] = [];
  for (let done = 0; done < count; done += most)
    windows.push({ start: start + done, count: Math.min(most, count - done) });
  return windows;
}

/** A window of a segment whose elements take four bytes. */
export function flatAddress(segment: string, window: Window): Address {
  return { segment, offset: window.start * 4, bytes: window.count * 4 };
}
