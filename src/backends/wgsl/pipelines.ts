import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import type { KernelEntry } from '../../compiler/ir/plan.ts';
import { present } from '../../compiler/support/invariant.ts';
import type { KernelTexts } from '../device.ts';
import { COMPUTE_STAGE } from './gpu.ts';
import type { OpenedDevice } from './opened-device.ts';
import { refusedModule, refusedPipeline } from './refused-kernel.ts';

export interface CompiledKernel {
  readonly entry: KernelEntry;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export interface KernelOrigin {
  readonly texts: KernelTexts;
  /** They are from files that someone may have edited. */
  readonly fromFiles: boolean;
}

/** How many kernels the driver compiles at a time. */
const AT_ONCE = 4;

/**
 * Compiles the kernels of a plan. Kernels with like bindings share one layout.
 *
 * @throws Failure `kernel-missing`, `kernel-refused` or `kernel-defect`.
 */
export async function compileKernels(
  device: OpenedDevice,
  entries: readonly KernelEntry[],
  origin: KernelOrigin,
): Promise<readonly CompiledKernel[]> {
  const compile = kernelCompiler(device, origin);
  const compiled: CompiledKernel[] = [];
  for (let first = 0; first < entries.length; first += AT_ONCE) {
    const some = entries.slice(first, first + AT_ONCE);
    compiled.push(...(await Promise.all(some.map(compile))));
  }
  return compiled;
}

/** Compiles single kernels of a plan for one device. */
export function kernelCompiler(
  device: OpenedDevice,
  origin: KernelOrigin,
): (entry: KernelEntry) => Promise<CompiledKernel> {
  const layouts = new Map<string, GPUBindGroupLayout>();
  return (entry) => compileKernel(device, entry, origin, layouts);
}

async function compileKernel(
  device: OpenedDevice,
  entry: KernelEntry,
  { texts, fromFiles }: KernelOrigin,
  layouts: Map<string, GPUBindGroupLayout>,
): Promise<CompiledKernel> {
  const { gpu } = device;
  const { file, name, entryPoint } = entry;
  const code = texts[file];
  if (code === undefined) throw deviceFailure('kernel-missing', { file });
  gpu.pushErrorScope('validation');
  const module = gpu.createShaderModule({ label: name, code });
  const refused = await device.answer(gpu.popErrorScope());
  if (refused) throw await refusedModule({ file, code, fromFiles }, module, refused.message);
  const layout = layoutOf(gpu, entry, layouts);
  const pipeline = gpu.createComputePipelineAsync({
    label: name,
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint },
  });
  const made = await pipeline.catch(async (error: unknown): Promise<never> => {
    // A lost device refuses everything; then that is what to say.
    await device.answer(Promise.resolve());
    throw refusedPipeline({ file, code, fromFiles }, error);
  });
  return { entry, layout, pipeline: made };
}

/** The layout of a kernel's bindings; they are as many and as writable as the entry says, then the uniform blocks. */
function layoutOf(gpu: GPUDevice, entry: KernelEntry, known: Map<string, GPUBindGroupLayout>): GPUBindGroupLayout {
  const types: (readonly [number, GPUBufferBindingType])[] = [
    ...entry.bindings.map(
      ({ access }, i) => [i, access === 'read' ? ('read-only-storage' as const) : ('storage' as const)] as const,
    ),
    ...[entry.launchUniform, entry.runtimeUniform].flatMap((i) => (i === undefined ? [] : [[i, 'uniform'] as const])),
  ];
  const key = types.join(' ');
  const layout =
    known.get(key) ??
    gpu.createBindGroupLayout({
      entries: types.map(([binding, type]) => ({ binding, visibility: COMPUTE_STAGE, buffer: { type } })),
    });
  known.set(key, layout);
  return present(layout, 'a layout');
}
