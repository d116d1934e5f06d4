import type { Plan } from '../../compiler/ir/plan.ts';
import { invariant, present } from '../../compiler/support/invariant.ts';
import { expandProgram, type FixedLaunch } from '../shared/expand-program.ts';
import type { CompiledKernel } from './pipelines.ts';
import type { Segments } from './segments.ts';
import type { Uniforms } from './uniforms.ts';

export type RecordedStep =
  | {
      readonly kind: 'dispatch';
      readonly pipeline: GPUComputePipeline;
      readonly bindings: GPUBindGroup;
      readonly groups: readonly [number, number, number];
    }
  | { readonly kind: 'clear'; readonly buffer: GPUBuffer; readonly offset: number; readonly bytes: number };

/** The programs of a plan, ready to be encoded. Launches with equal bindings share one bind group. */
export function recordPrograms(
  gpu: GPUDevice,
  plan: Plan,
  kernels: readonly CompiledKernel[],
  segments: Segments,
  uniforms: Uniforms,
): ReadonlyMap<string, readonly RecordedStep[]> {
  const known = new Map<string, GPUBindGroup>();
  const layoutNumbers = new Map<GPUBindGroupLayout, number>();
  const bindingsOf = ({ ranges, uniformRow }: FixedLaunch, { entry, layout }: CompiledKernel): GPUBindGroup => {
    const number = layoutNumbers.get(layout) ?? layoutNumbers.size;
    layoutNumbers.set(layout, number);
    const key = `${number} ${uniformRow} ${ranges.map((r) => `${r.segment}:${r.offset}:${r.bytes}`).join(' ')}`;
    const group = known.get(key) ?? makeGroup();
    known.set(key, group);
    return group;

    function makeGroup(): GPUBindGroup {
      const entries: GPUBindGroupEntry[] = ranges.map((r, binding) => ({ binding, resource: segments.bind(r) }));
      if (entry.launchUniform !== undefined) {
        const row = present(uniformRow, `uniform row of ${entry.name}`);
        const words = present(plan.uniformRows[row], `uniform row ${row}`).length;
        entries.push({ binding: entry.launchUniform, resource: uniforms.bindRow(row, words) });
      }
      if (entry.runtimeUniform !== undefined)
        entries.push({ binding: entry.runtimeUniform, resource: uniforms.bindHost });
      return gpu.createBindGroup({ label: entry.name, layout, entries });
    }
  };
  const programs = Object.entries(plan.programs).map(([name, program]) => {
    const steps = expandProgram(program).map((step): RecordedStep => {
      if (step.kind === 'clear') return { kind: 'clear', ...segments.place(step.range), bytes: step.range.bytes };
      invariant(step.kind === 'launch', 'WebGPU has no library of matrix products');
      const kernel = present(kernels[step.kernel], `kernel ${step.kernel}`);
      return {
        kind: 'dispatch',
        pipeline: kernel.pipeline,
        bindings: bindingsOf(step, kernel),
        groups: step.groups,
      };
    });
    return [name, steps] as const;
  });
  return new Map(programs);
}

/** Encodes a program: its dispatches in as few passes as its clears allow. */
export function encode(encoder: GPUCommandEncoder, steps: readonly RecordedStep[]): void {
  let pass: GPUComputePassEncoder | undefined;
  let pipeline: GPUComputePipeline | undefined;
  for (const step of steps) {
    if (step.kind === 'clear') {
      pass?.end();
      pass = undefined;
      encoder.clearBuffer(step.buffer, step.offset, step.bytes);
      continue;
    }
    if (!pass) {
      pass = encoder.beginComputePass();
      pipeline = undefined;
    }
    if (step.pipeline !== pipeline) pass.setPipeline(step.pipeline);
    pipeline = step.pipeline;
    pass.setBindGroup(0, step.bindings);
    pass.dispatchWorkgroups(...step.groups);
  }
  pass?.end();
}
