import type { Device } from '../../src/backends/device.ts';
import { openDevice } from '../../src/backends/open-device.ts';
import { Failure } from '../../src/compiler/diagnostics/diagnostic.ts';
import { oracle } from './oracle.ts';
import { type Part, skipped } from './part.ts';

/** The oracle through Dawn and Vulkan, on the same card. */
export const webgpu: Part = {
  about: 'the oracle on WebGPU, on the same card, where its driver has Vulkan',
  async run(context) {
    const { info } = context;
    // A software driver that happens to be there is not the card; where the card is the processor, it is.
    const adapter = info.software ? undefined : info.vendor;
    const device = await open(adapter);
    if (typeof device === 'string') return skipped(device);
    device.close();
    if (device.info.software !== info.software) return skipped(`WebGPU finds ${device.info.name} only`);
    context.tell(`${device.info.name}, ${device.info.driver}`);
    const before = process.env.TFM_ADAPTER;
    if (adapter !== undefined) process.env.TFM_ADAPTER = adapter;
    try {
      const result = await oracle.run({ ...context, device: 'wgsl' });
      return { ...result, figures: { adapter: device.info, ...result.figures } };
    } finally {
      if (before === undefined) delete process.env.TFM_ADAPTER;
      else process.env.TFM_ADAPTER = before;
    }
  },
};

/** The device; why there is none, in words. */
async function open(adapter: string | undefined): Promise<Device | string> {
  try {
    return await openDevice('wgsl', { notify: () => {}, ...(adapter === undefined ? {} : { adapter }) });
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics[0]?.message ?? 'WebGPU is not there';
    throw error;
  }
}
