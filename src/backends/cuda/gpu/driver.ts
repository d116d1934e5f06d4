/** A CUDA driver on an NVIDIA GPU: the driver's own library, called from here. */
import { availableParallelism } from 'node:os';
import koffi from 'koffi';
import { deviceFailure } from '../../../compiler/diagnostics/device.ts';
import { invariant, present } from '../../../compiler/support/invariant.ts';
import type { CudaDriver, CudaFunction, CudaProperties, CudaSource } from '../driver.ts';
import { entryAmong } from '../keep-apart.ts';
import { checkPtx } from '../ptx.ts';
import { type CudaApi, makeApi, OUT_OF_MEMORY } from './api.ts';
import { type BegunPrograms, makeBegunPrograms } from './begun-programs.ts';
import type { KernelCompiler } from './compiler.ts';
import { type MatmulRunner, openCublasLt } from './cublaslt.ts';
import { STREAM, waitFor } from './events.ts';
import { findCompiler } from './find-compiler.ts';
import { type GpuFunction, type Recorder, recordGraph, stepByStep } from './graph.ts';
import { compileCached } from './kernel-cache.ts';
import { openLibrary } from './libraries.ts';
import { makeReadBack } from './read-back.ts';
import { someAtOnce } from './some-at-once.ts';
import { makeStaging } from './staging.ts';

/** Compute capability from which on kernels are written. */
const OLDEST = 80;

/** Numbers of attributes, of a device and of a function. */
const DEVICE = { multiprocessors: 16, major: 75, minor: 76, sharedBytes: 97 } as const;
const FUNCTION = { localBytes: 3, registers: 4, askedSharedBytes: 8 } as const;

const NAME_BYTES = 256;
const STREAM_NON_BLOCKING = 1;

/**
 * Opens the first GPU; CUDA_VISIBLE_DEVICES says which that is.
 *
 * @throws Failure `cuda-missing` without a driver or a GPU, `cuda-too-old`, `cuda-error`.
 */
export async function openGpuDriver(): Promise<CudaDriver> {
  const found = await openLibrary('libcuda');
  if (!found.library) throw deviceFailure('cuda-missing', { tried: found.tried });
  let begun: BegunPrograms | undefined;
  const api = apiOf(found.library, found.path, () => begun?.last());
  const device = firstDevice(api, found.path);
  const properties = propertiesOf(api, device);
  if (properties.architecture < OLDEST)
    throw deviceFailure('cuda-too-old', { adapter: properties.info.name, has: properties.architecture, needs: OLDEST });
  const context = api.handle('cuDevicePrimaryCtxRetain', [device]);
  api.call('cuCtxSetCurrent', [context]);
  const stream = api.handle('cuStreamCreate', [STREAM_NON_BLOCKING]);
  const view = (pointer: bigint, bytes: number): ArrayBuffer => koffi.view(pointer, bytes);
  const staging = makeStaging(api, stream, view);
  const readBack = makeReadBack(api, stream, view);
  const programs = makeBegunPrograms(api, stream, view);
  begun = programs;
  const functions = new WeakMap<CudaFunction, GpuFunction>();
  const modules: bigint[] = [];
  let matmuls: MatmulRunner | undefined;
  let compiler: Promise<KernelCompiler> | undefined;

  const recorder: Recorder = {
    api,
    stream,
    addressOf: (data) => koffi.address(data),
    functionOf: (fn) => {
      const own = functions.get(fn);
      invariant(own, 'a function of this driver');
      return own;
    },
    begun: programs,
    matmuls: () => present(matmuls, 'the library that the plan needs'),
  };
  const moduleOf = (image: Uint8Array, about: CudaSource): bigint => {
    const module = api.handle('cuModuleLoadData', [image], about);
    modules.push(module);
    return module;
  };
  const functionIn = (module: bigint, entryPoint: string, source: CudaSource): CudaFunction => {
    const handle = api.handle('cuModuleGetFunction', [module, entryPoint], source);
    const { sharedBytes = 0 } = source;
    if (sharedBytes > 0) api.call('cuFuncSetAttribute', [handle, FUNCTION.askedSharedBytes, sharedBytes], source);
    const fn: GpuFunction = {
      file: source.file,
      registers: api.number('cuFuncGetAttribute', FUNCTION.registers, handle),
      localBytes: api.number('cuFuncGetAttribute', FUNCTION.localBytes, handle),
      handle,
      source,
    };
    functions.set(fn, fn);
    return fn;
  };
  /** The driver makes machine code of PTX by itself. */
  const fromPtx = (ptx: string, sources: readonly CudaSource[]): readonly CudaFunction[] => {
    checkPtx(ptx, sources);
    const [first] = sources;
    if (!first) return [];
    const module = moduleOf(new TextEncoder().encode(`${ptx}\0`), first);
    return sources.map((source, k) => functionIn(module, entryAmong(k), source));
  };
  const waitForQueue = (): Promise<void> => waitFor(api, stream, STREAM);
  return {
    properties,
    async compile(sources, ptx) {
      compiler ??= findCompiler();
      const found = await compiler.catch((error: unknown) => {
        if (ptx === undefined) throw error;
      });
      if (!found) return fromPtx(ptx ?? '', sources);
      const images = await someAtOnce(sources, availableParallelism(), (source) =>
        compileCached(found, source, properties.architecture),
      );
      return sources.map((source, k) =>
        functionIn(moduleOf(present(images[k], source.file), source), source.entryPoint, source),
      );
    },
    async openMatmuls() {
      matmuls ??= await openCublasLt(stream);
    },
    allocate(bytes) {
      const out = new BigUint64Array(1);
      const padded = Math.max(4, Math.ceil(bytes / 4) * 4);
      if (api.attempt('cuMemAlloc_v2', out, padded) === OUT_OF_MEMORY) return undefined;
      const pointer = out[0] ?? 0n;
      if (pointer === 0n) api.call('cuMemAlloc_v2', [out, padded]);
      api.call('cuMemsetD32Async', [pointer, 0, padded / 4, stream]);
      return pointer;
    },
    free: (pointer) => void api.attempt('cuMemFree_v2', pointer),
    upload(pointer, data) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      if (bytes.length === 0 || staging.upload(pointer, bytes)) return;
      // The driver stages what is not pinned before it returns, and copies it in the order of the stream.
      api.call('cuMemcpyHtoDAsync_v2', [pointer, koffi.address(bytes), bytes.length, stream]);
    },
    async download(pointer, bytes) {
      const small = bytes === 0 ? undefined : readBack.read(pointer, bytes);
      if (small) return small;
      await waitForQueue();
      const into = new ArrayBuffer(bytes);
      if (bytes > 0) api.call('cuMemcpyDtoH_v2', [new Uint8Array(into), pointer, bytes]);
      return into;
    },
    fill: (pointer, word, words) => api.call('cuMemsetD32Async', [pointer, word, words, stream]),
    record: (all) => (process.env.TFM_CUDA_STEPS ? stepByStep(recorder, all) : recordGraph(recorder, all)),
    finish: waitForQueue,
    // After an error that ended the context these fail too, and there is nothing left to give back.
    close() {
      api.attempt('cuStreamSynchronize', stream);
      staging.free();
      readBack.free();
      programs.free();
      matmuls?.free();
      for (const module of modules) api.attempt('cuModuleUnload', module);
      api.attempt('cuStreamDestroy_v2', stream);
      api.attempt('cuDevicePrimaryCtxRelease_v2', device);
    },
  };
}

/** Fails with `cuda-missing` where functions are lacking: a driver from before they were. */
function apiOf(library: Parameters<typeof makeApi>[0], path: string, running: () => string | undefined): CudaApi {
  try {
    return makeApi(library, running);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw deviceFailure('cuda-missing', { tried: [`${path}: ${reason}: the driver is older than CUDA 12`] });
  }
}

function firstDevice(api: CudaApi, path: string): number {
  const code = api.attempt('cuInit', 0);
  if (code !== 0) {
    const tried = [
      `${path}: the driver is there and does not begin (error ${code}): there is no GPU, or it is not visible`,
    ];
    throw deviceFailure('cuda-missing', { tried });
  }
  if (api.number('cuDeviceGetCount') === 0)
    throw deviceFailure('cuda-missing', { tried: [`${path}: the driver is there, and sees no GPU`] });
  return api.number('cuDeviceGet', 0);
}

function propertiesOf(api: CudaApi, device: number): CudaProperties {
  const attribute = (number: number): number => api.number('cuDeviceGetAttribute', number, device);
  const name = new Uint8Array(NAME_BYTES);
  api.call('cuDeviceGetName', [name, NAME_BYTES, device]);
  const version = api.number('cuDriverGetVersion');
  const [major, minor] = [attribute(DEVICE.major), attribute(DEVICE.minor)];
  return {
    info: {
      name: new TextDecoder().decode(name).replace(/\0.*$/s, ''),
      vendor: 'NVIDIA',
      driver: `CUDA ${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}, compute capability ${major}.${minor}`,
      software: false,
      features: ['shader-f16', 'subgroups'],
    },
    architecture: 10 * major + minor,
    memoryBytes: Number(api.handle('cuDeviceTotalMem_v2', [device])),
    sharedBytes: attribute(DEVICE.sharedBytes),
    multiprocessors: attribute(DEVICE.multiprocessors),
  };
}
