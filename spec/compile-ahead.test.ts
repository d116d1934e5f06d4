import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compileAhead } from '../src/backends/wgsl/compile-ahead.ts';
import type { OpenedDevice } from '../src/backends/wgsl/opened-device.ts';
import type { CompiledKernel } from '../src/backends/wgsl/pipelines.ts';
import type { KernelEntry } from '../src/compiler/ir/plan.ts';

const test = suite('compile ahead');

const ENTRIES = Array.from({ length: 9 }, (_, i): KernelEntry => {
  const name = `kernel_${i}`;
  const bindings = [
    { name: 'x', access: 'read' },
    { name: 'y', access: 'read_write' },
  ] as const;
  return {
    name,
    hash: name,
    file: name,
    entryPoint: 'main',
    workgroup: 1,
    bindings,
    flops: 0,
    bytes: 0,
    members: [],
    features: [],
  };
});
const TEXTS = Object.fromEntries(ENTRIES.map(({ file }, i) => [file, 'x'.repeat(i)]));

interface Stand {
  readonly device: OpenedDevice;
  /** Names of the kernels that were launched on it, in order. */
  readonly launched: string[];
}

let time = 0;
const now = (): number => time;

/** As much of a device as launches need; each takes `ms`. */
function stand(ms: number, name = 'llvmpipe'): Stand {
  const launched: string[] = [];
  const pass = {
    setPipeline: (pipeline: string) => launched.push(pipeline),
    setBindGroup: () => {},
    dispatchWorkgroups: () => {},
    end: () => {},
  };
  const gpu = {
    createBuffer: () => ({ destroy: () => {} }),
    createBindGroup: () => ({}),
    createShaderModule: () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createComputePipelineAsync: async ({ label }: { readonly label: string }) => label,
    pushErrorScope: () => {},
    popErrorScope: async () => null,
    createCommandEncoder: () => ({ beginComputePass: () => pass, finish: () => ({}) }),
    queue: {
      submit: () => {},
      onSubmittedWorkDone: async () => {
        time += ms;
        await new Promise((resolve) => setImmediate(resolve));
      },
    },
  } as unknown as GPUDevice;
  const info = { name, vendor: '', driver: '', software: true, features: [] };
  const device = { gpu, info, answer: <T>(pending: Promise<T>) => pending } as unknown as OpenedDevice;
  return { device, launched };
}

const kernels = ENTRIES.map((entry) => ({ entry, pipeline: entry.name, layout: {} }) as unknown as CompiledKernel);
const origin = { texts: TEXTS, fromFiles: false };

test('devices share the kernels out, the longest first', async () => {
  const [own, other] = [stand(50), stand(50)];
  await compileAhead(own.device, async () => [other.device], kernels, origin, now);
  assert.equal(
    [...own.launched, ...other.launched].sort(),
    ENTRIES.map(({ name }) => name),
  );
  assert.equal(own.launched.slice(0, 2), ['kernel_4', 'kernel_8']);
  assert.is(other.launched[0], 'kernel_7');
});

test('where the driver has kept them, the first launch is the only one', async () => {
  const own = stand(0);
  await compileAhead(own.device, () => Promise.reject(new Error('not to be opened')), kernels, origin, now);
  assert.equal(own.launched, ['kernel_4']);
});

test('without another device, all are launched on one', async () => {
  const own = stand(50);
  await compileAhead(own.device, () => Promise.reject(new Error('none')), kernels, origin, now);
  assert.is(own.launched.length, ENTRIES.length);
});

test('drivers that compile in other ways are left alone, and small plans too', async () => {
  const [other, few] = [stand(50, 'SwiftShader'), stand(50)];
  await compileAhead(other.device, async () => [], kernels, origin, now);
  await compileAhead(few.device, async () => [], kernels.slice(0, 3), origin, now);
  assert.equal([...other.launched, ...few.launched], []);
});

test.run();
