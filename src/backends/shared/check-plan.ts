import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { EXIT, Failure } from '../../compiler/diagnostics/diagnostic.ts';
import { memoryDiagnostic } from '../../compiler/diagnostics/memory.ts';
import { MATRICES } from '../../compiler/ir/matmul.ts';
import type { Address, Launch, MatmulCall, Plan } from '../../compiler/ir/plan.ts';
import { callsIn, launchesIn } from '../../compiler/ir/plan-calls.ts';
import type { Device } from '../device.ts';

/**
 * Checks that a plan, which may have been made on another machine, fits this device, before anything is allocated.
 *
 * @throws Failure `plan-other-target`, `memory-exceeded`, `plan-needs-more` or `device-lacks-feature`.
 */
export function checkPlan({ target, info, limits }: Pick<Device, 'target' | 'info' | 'limits'>, plan: Plan): void {
  if (plan.target !== target)
    throw deviceFailure('plan-other-target', { plan: plan.target, device: target, adapter: info.name });
  const needs = plan.memory.plannedBytes;
  if (needs > limits.memoryBytes)
    throw new Failure(
      [memoryDiagnostic('memory-exceeded', { needs, has: limits.memoryBytes, allowed: false })],
      EXIT.memory,
    );
  const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);
  const programs = Object.values(plan.programs);
  const demands: readonly (readonly [string, number, number])[] = [
    ['buffers in one kernel', largest(plan.kernels.map((k) => k.bindings.length)), limits.storageBindings],
    ['invocations in a workgroup', largest(plan.kernels.map((k) => k.workgroup)), limits.invocationsPerGroup],
    ['bytes of workgroup memory', largest(plan.kernels.map((k) => k.sharedBytes ?? 0)), limits.sharedBytes],
    [
      'workgroups in one dimension',
      largest(programs.flatMap(launchesIn).flatMap((l) => l.groups)),
      limits.groupsPerDimension,
    ],
    ['bytes in one buffer', largest(plan.segments.map((s) => s.bytes)), limits.bufferBytes],
    [
      'bytes in one binding',
      largest(
        programs
          .flatMap(callsIn)
          .flatMap(addressesOf)
          .map((a) => a.bytes),
      ),
      limits.bindingBytes,
    ],
  ];
  for (const [what, asked, has] of demands)
    if (asked > has) throw deviceFailure('plan-needs-more', { what, needs: asked, has, adapter: info.name });
  for (const feature of plan.kernels.flatMap((k) => k.features))
    if (!info.features.includes(feature)) throw deviceFailure('device-lacks-feature', { feature, adapter: info.name });
}

function addressesOf(call: Launch | MatmulCall): readonly Address[] {
  return call.kind === 'launch' ? call.addresses : MATRICES.map((name) => call[name]);
}
