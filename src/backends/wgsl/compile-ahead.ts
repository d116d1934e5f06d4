/**
 * Launches every kernel once before any is needed, the kernels shared out among devices.
 *
 * A software driver makes machine code of a kernel when it is first launched, on one thread of the device, and keeps it on the
 * disk. What one device has launched, the driver reads for the others in a few milliseconds.
 */
import type { KernelEntry } from '../../compiler/ir/plan.ts';
import { present } from '../../compiler/support/invariant.ts';
import type { DeviceInfo } from '../device.ts';
import { USAGE } from './gpu.ts';
import type { OpenedDevice } from './opened-device.ts';
import { type CompiledKernel, type KernelOrigin, kernelCompiler } from './pipelines.ts';

/** More devices of the adapter, opened at the first call. */
export type OpenOthers = () => Promise<readonly OpenedDevice[]>;

/** Below this, another device costs more than it spares. */
const MANY_KERNELS = 8;
/** A launch that takes longer found no machine code on the disk. */
const READ_MS = 40;

/** Makes the driver compile all kernels of a device. What goes wrong on the others does no harm. */
export async function compileAhead(
  own: OpenedDevice,
  openOthers: OpenOthers,
  kernels: readonly CompiledKernel[],
  origin: KernelOrigin,
  now: () => number = () => performance.now(),
): Promise<void> {
  if (!keepsMachineCode(own.info) || kernels.length < MANY_KERNELS) return;
  const lengthOf = ({ file }: KernelEntry): number => origin.texts[file]?.length ?? 0;
  // The longest first, so that no device is left with one of them at the end.
  const entries = kernels.map(({ entry }) => entry).toSorted((a, b) => lengthOf(b) - lengthOf(a));
  const launch = async (device: OpenedDevice, some: KernelEntry[], kernelOf: KernelOf): Promise<void> => {
    const scratch = makeScratch(device.gpu, kernels);
    try {
      for (let entry = some.shift(); entry; entry = some.shift())
        await launchOnce(device, await kernelOf(entry), scratch);
    } finally {
      scratch.destroy();
    }
  };
  const made = new Map(kernels.map((kernel) => [kernel.entry, kernel]));
  const launchOwn = (some: KernelEntry[]) => launch(own, some, async (entry) => present(made.get(entry), entry.name));
  const start = now();
  await launchOwn(entries.splice(entries.length >> 1, 1));
  if (now() - start < READ_MS) return;
  const help = async (): Promise<void> => {
    const others = await openOthers();
    await Promise.all(others.map((other) => launch(other, entries, kernelCompiler(other, origin))));
  };
  await Promise.all([launchOwn(entries), help().catch(() => {})]);
}

type KernelOf = (entry: KernelEntry) => Promise<CompiledKernel>;

function keepsMachineCode({ name }: DeviceInfo): boolean {
  return /llvmpipe|lavapipe/i.test(name);
}

interface Scratch {
  readonly bind: (kernel: CompiledKernel) => readonly GPUBindGroupEntry[];
  readonly destroy: () => void;
}

/** What lies beyond the end of a binding reads as something and is not written, so a page of each will do. */
const PAGE = 4096;

/** Zeros to bind in the place of a plan's memory. One buffer may not be read and written in one launch. */
function makeScratch(gpu: GPUDevice, kernels: readonly CompiledKernel[]): Scratch {
  const most = Math.max(1, ...kernels.map(({ entry }) => entry.bindings.length));
  const read = gpu.createBuffer({ size: PAGE, usage: USAGE.storage | USAGE.uniform });
  const written = gpu.createBuffer({ size: most * PAGE, usage: USAGE.storage });
  return {
    bind: ({ entry: { bindings, launchUniform, runtimeUniform } }) => [
      ...bindings.map(({ access }, binding) => ({
        binding,
        resource: access === 'read' ? { buffer: read } : { buffer: written, offset: binding * PAGE, size: PAGE },
      })),
      ...[launchUniform, runtimeUniform].flatMap((binding) =>
        binding === undefined ? [] : [{ binding, resource: { buffer: read } }],
      ),
    ],
    destroy: () => {
      read.destroy();
      written.destroy();
    },
  };
}

async function launchOnce(device: OpenedDevice, kernel: CompiledKernel, scratch: Scratch): Promise<void> {
  const { gpu } = device;
  const encoder = gpu.createCommandEncoder({ label: 'compile ahead' });
  const pass = encoder.beginComputePass();
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, gpu.createBindGroup({ layout: kernel.layout, entries: [...scratch.bind(kernel)] }));
  pass.dispatchWorkgroups(1);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
  await device.answer(gpu.queue.onSubmittedWorkDone());
}
