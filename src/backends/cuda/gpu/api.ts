import type { LibraryHandle } from 'koffi';
import { type CudaErrorParams, deviceFailure } from '../../../compiler/diagnostics/device.ts';
import { sourceInHeader } from '../../shared/header.ts';
import type { CudaSource } from '../driver.ts';

/**
 * The calls of the driver's API that are made, and what they take. Handles and addresses are numbers of 64 bits; `void *` is
 * memory of this process, which the call reads or writes.
 */
const CALLS = {
  cuInit: 'uint flags',
  cuDriverGetVersion: 'void *version',
  cuDeviceGetCount: 'void *count',
  cuDeviceGet: 'void *device, int ordinal',
  cuDeviceGetName: 'void *name, int bytes, int device',
  cuDeviceGetAttribute: 'void *value, int attribute, int device',
  cuDeviceTotalMem_v2: 'void *bytes, int device',
  cuDevicePrimaryCtxRetain: 'void *context, int device',
  cuDevicePrimaryCtxRelease_v2: 'int device',
  cuCtxSetCurrent: 'uint64_t context',
  cuModuleLoadData: 'void *module, void *image',
  cuModuleGetFunction: 'void *function, uint64_t module, const char *name',
  cuModuleUnload: 'uint64_t module',
  cuFuncGetAttribute: 'void *value, int attribute, uint64_t function',
  cuFuncSetAttribute: 'uint64_t function, int attribute, int value',
  cuMemAlloc_v2: 'void *pointer, size_t bytes',
  cuMemFree_v2: 'uint64_t pointer',
  cuMemAllocHost_v2: 'void *pointer, size_t bytes',
  cuMemFreeHost: 'uint64_t pointer',
  cuMemsetD32Async: 'uint64_t pointer, uint value, size_t words, uint64_t stream',
  cuMemcpyHtoDAsync_v2: 'uint64_t to, uint64_t from, size_t bytes, uint64_t stream',
  cuMemcpyDtoDAsync_v2: 'uint64_t to, uint64_t from, size_t bytes, uint64_t stream',
  cuMemcpyDtoHAsync_v2: 'uint64_t to, uint64_t from, size_t bytes, uint64_t stream',
  cuMemcpyDtoH_v2: 'void *to, uint64_t from, size_t bytes',
  cuEventCreate: 'void *event, uint flags',
  cuEventRecord: 'uint64_t event, uint64_t stream',
  cuEventQuery: 'uint64_t event',
  cuEventSynchronize: 'uint64_t event',
  cuEventDestroy_v2: 'uint64_t event',
  cuStreamCreate: 'void *stream, uint flags',
  cuStreamDestroy_v2: 'uint64_t stream',
  cuStreamSynchronize: 'uint64_t stream',
  cuStreamQuery: 'uint64_t stream',
  cuStreamBeginCapture_v2: 'uint64_t stream, int mode',
  cuStreamEndCapture: 'uint64_t stream, void *graph',
  cuGraphInstantiateWithFlags: 'void *executable, uint64_t graph, uint64_t flags',
  cuGraphLaunch: 'uint64_t executable, uint64_t stream',
  cuGraphExecDestroy: 'uint64_t executable',
  cuGraphDestroy: 'uint64_t graph',
  cuLaunchKernel:
    'uint64_t function, uint bx, uint by, uint bz, uint tx, uint ty, uint tz, uint shared, uint64_t stream, void *params, void *extra',
} as const;

export type CallName = keyof typeof CALLS;
export type Argument = number | bigint | string | ArrayBufferView | null;

/** Codes that have a meaning here. */
export const SUCCESS = 0;
export const OUT_OF_MEMORY = 2;
export const NOT_READY = 600;
/**
 * Errors of work that was queued, after which nothing runs any more: the address, the instruction or the time of a kernel, or the GPU itself.
 * They come out of whatever call is made next.
 */
const OF_QUEUED_WORK: ReadonlySet<number> = new Set([214, 700, 702, 710, 714, 715, 716, 717, 718, 719, 999]);

export interface CudaApi {
  /** Makes a call and gives its code. */
  readonly attempt: (name: CallName, ...args: readonly Argument[]) => number;
  /** Makes a call. @throws Failure `cuda-error` when it fails, which names the kernel if the call is about one. */
  readonly call: (name: CallName, args: readonly Argument[], about?: CudaSource) => void;
  /** A call that writes a number of 32, or of 64 bits to its first argument. */
  readonly number: (name: CallName, ...rest: readonly Argument[]) => number;
  readonly handle: (name: CallName, rest: readonly Argument[], about?: CudaSource) => bigint;
}

/**
 * @param running The program that the GPU began last, as messages name it.
 * @throws Error when a function is not in the library, as in a driver that is too old.
 */
export function makeApi(library: LibraryHandle, running: () => string | undefined): CudaApi {
  const functions = new Map<string, (...args: readonly Argument[]) => number>();
  for (const [name, params] of Object.entries(CALLS)) functions.set(name, library.func(`int ${name}(${params})`));
  const nameOf: (code: number, text: [string | null]) => number = library.func(
    'int cuGetErrorName(int code, _Out_ const char **text)',
  );
  const describe: typeof nameOf = library.func('int cuGetErrorString(int code, _Out_ const char **text)');
  const said = (get: typeof nameOf, code: number): string => {
    const text: [string | null] = [null];
    return get(code, text) === SUCCESS && text[0] !== null ? text[0] : '';
  };
  const attempt = (name: CallName, ...args: readonly Argument[]): number => functions.get(name)?.(...args) ?? -1;
  const call = (name: CallName, args: readonly Argument[], about?: CudaSource): void => {
    const code = attempt(name, ...args);
    if (code === SUCCESS) return;
    const params: CudaErrorParams = {
      call: name,
      error: said(nameOf, code) || `error ${code}`,
      meaning: said(describe, code),
      ...(about ? { file: about.file, source: sourceInHeader(about.text) } : {}),
      ...(OF_QUEUED_WORK.has(code) ? { running: running() } : {}),
    };
    throw deviceFailure('cuda-error', params);
  };
  return {
    attempt,
    call,
    number(name, ...rest) {
      const out = new Int32Array(1);
      call(name, [out, ...rest]);
      return out[0] ?? 0;
    },
    handle(name, rest, about) {
      const out = new BigUint64Array(1);
      call(name, [out, ...rest], about);
      return out[0] ?? 0n;
    },
  };
}
