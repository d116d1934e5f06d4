import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import type { KernelEntry } from '../../compiler/ir/plan.ts';
import { present } from '../../compiler/support/invariant.ts';
import type { KernelTexts } from '../device.ts';
import { COMPUTE_STAGE } from './gpu.ts';
import type { OpenedDevice } from './opened-device.ts';

export interface CompiledKernel {
  readonly entry: KernelEntry;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** How many kernels the driver compiles at a time. */
const AT_ONCE = 4;

/**
 * Compiles the kernels of a plan. Kernels with like bindings share one layout.
 *
 * @throws Failure `kernel-missing` or `kernel-refused`.
 */
export async function compileKernels(
  device: OpenedDevice,
  entries: readonly KernelEntry[],
  texts: KernelTexts,
): Promise<readonly CompiledKernel[]> {
  const layouts = new Map<string, GPUBindGroupLayout>();
  const compiled: CompiledKernel[] = [];
  for (let first = 0; first < entries.length; first += AT_ONCE) {
    const some = entries.slice(first, first + AT_ONCE);
    compiled.push(...(await Promise.all(some.map((entry) => compile(device, entry, texts, layouts)))));
  }
  return compiled;
}

async function compile(
  device: OpenedDevice,
  entry: KernelEntry,
  texts: KernelTexts,
  layouts: Map<string, GPUBindGroupLayout>,
): Promise<CompiledKernel> {
  const { gpu } = device;
  const code = texts[entry.file];
  if (code === undefined) throw deviceFailure('kernel-missing', { file: entry.file });
  gpu.pushErrorScope('validation');
  const module = gpu.createShaderModule({ label: entry.name, code });
  const refused = await device.answer(gpu.popErrorScope());
  if (refused) throw deviceFailure('kernel-refused', { file: entry.file, reason: firstLine(refused.message) });
  const layout = layoutOf(gpu, entry, layouts);
  const pipeline = gpu.createComputePipelineAsync({
    label: entry.name,
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: entry.entryPoint },
  });
  return { entry, layout, pipeline: await pipeline.catch((error: unknown) => refusePipeline(device, entry, error)) };
}

async function refusePipeline(device: OpenedDevice, { file }: KernelEntry, error: unknown): Promise<never> {
  const reason = firstLine(error instanceof Error ? error.message : String(error));
  // A lost device refuses everything; then that is what to say.
  await device.answer(Promise.resolve());
  throw deviceFailure('kernel-refused', { file, reason });
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

/** The line of a driver's message that says what is wrong; the others quote the text. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/^Error while parsing WGSL: /, '');
}
