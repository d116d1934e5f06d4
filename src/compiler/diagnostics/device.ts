/** What can go wrong between the program and the device that runs it. */
import { EXIT } from './diagnostic.ts';
import { entry } from './entry.ts';
import { failuresOf } from './fail.ts';
import { readableBytes } from './memory.ts';

export interface KernelRefused {
  readonly file: string;
  /** The lines of the spec that the kernel computes. */
  readonly source?: string | undefined;
  /** In the driver's words. */
  readonly reason: string;
}

const kernelOf = ({ file, source }: KernelRefused): string =>
  `the kernel '${file}'${source === undefined ? '' : ` of ${source}`}`;

export interface CudaErrorParams {
  /** Of the driver's API. */
  readonly call: string;
  /** By its name in CUDA. */
  readonly error: string;
  readonly meaning: string;
  readonly file?: string;
  readonly source?: string | undefined;
  /** The program that the GPU began last, in words. */
  readonly running?: string | undefined;
}

export const deviceEntries = {
  'no-adapter': entry<{ tried: readonly string[] }>({
    severity: 'error',
    message: ({ tried }) => `no GPU and no software driver was found${tried.map((t) => `\n  - ${t}`).join('')}`,
    help: () =>
      'install a driver: apt install mesa-vulkan-drivers (on Debian 12: -t bookworm-backports); tfm doctor shows what is there',
    explain:
      'Kernels run through WebGPU, which needs a driver: Vulkan on Linux, Metal on macOS, Direct3D 12 on Windows. Without a GPU a ' +
      'software Vulkan driver does: lavapipe from Mesa 24 or later, or SwiftShader, which is fetched from the npm registry ' +
      'when nothing else is there.',
    exit: EXIT.environment,
  }),
  'adapter-unknown': entry<{ wanted: string; available: readonly string[] }>({
    severity: 'error',
    message: ({ wanted, available }) =>
      `no adapter is named '${wanted}'; there ${available.length === 1 ? 'is' : 'are'} ${available.map((a) => `'${a}'`).join(', ') || 'none'}`,
    help: () => 'set TFM_ADAPTER to one of these names or unset it',
    explain: 'TFM_ADAPTER chooses the device by its name, when a machine has several.',
    exit: EXIT.environment,
  }),
  'webgpu-missing': entry<{ reason: string }>({
    severity: 'error',
    message: ({ reason }) => `the WebGPU module does not load: ${reason}`,
    help: () => 'npm ci installs it; it runs on Linux, macOS and Windows with a C++ library as new as Debian 12’s',
    explain: 'The npm package webgpu holds Dawn, the WebGPU implementation of Chrome, built for each platform.',
    exit: EXIT.environment,
  }),
  'device-refused': entry<{ adapter: string; reason: string }>({
    severity: 'error',
    message: ({ adapter, reason }) => `the adapter '${adapter}' gives no device: ${reason}`,
    help: () => 'another program may hold the GPU; tfm doctor shows what the driver offers',
    explain: 'The driver was found, but it refused to open the device.',
    exit: EXIT.environment,
  }),
  'device-lost': entry<{ adapter: string; reason: string }>({
    severity: 'error',
    message: ({ adapter, reason }) => `the device '${adapter}' was lost: ${reason}`,
    help: () => 'continue from the last checkpoint with --resume',
    explain:
      'The driver reset the device or it was taken away, for example by a reset, a driver update or a kernel that ran too ' +
      'long. What was on the device is gone; checkpoints are not.',
    exit: EXIT.environment,
  }),
  'device-memory': entry<{ what: string; needs: number }>({
    severity: 'error',
    message: ({ what, needs }) => `the device has no memory for ${what} (${readableBytes(needs)})`,
    help: () => 'use a smaller micro-batch (train.micro), a shorter time, or a smaller model, or stop other programs',
    explain:
      'The plan fits within what the device says of itself, but it gave less, because others use it or the driver keeps some.',
    exit: EXIT.memory,
  }),
  'kernel-refused': entry<KernelRefused>({
    severity: 'error',
    message: (p) => `the driver refuses ${kernelOf(p)}: ${p.reason}`,
    help: () =>
      'if nobody edited the file, update the driver, or compile the spec again: tfm doctor shows both versions',
    explain:
      'The driver compiles kernels when a plan is loaded. This one comes from a compiled folder, where it may have been edited, or the ' +
      'driver has a fault of its own. The message tells the place in the kernel and the lines of the spec that it computes.',
    exit: EXIT.environment,
  }),
  'kernel-defect': entry<KernelRefused>({
    severity: 'error',
    message: (p) => `the driver refuses ${kernelOf(p)}, as tfm wrote it: ${p.reason}`,
    explain:
      'The driver compiles kernels when a plan is loaded, and finds a mistake in one that was made just now: a defect of tfm, not of the ' +
      'spec. The message tells the place in the kernel and the lines of the spec that it computes; another way to write those may avoid it.',
    exit: EXIT.internal,
  }),
  'cuda-missing': entry<{ tried: readonly string[] }>({
    severity: 'error',
    message: ({ tried }) => `no NVIDIA driver with a GPU was found:${tried.map((t) => `\n  - ${t}`).join('')}`,
    help: () =>
      'install the driver, and in a container give it the GPU; without one, --device wgsl runs on any GPU, and --device cuda-cpu shows ' +
      'CUDA kernels at work; tfm doctor shows what is there',
    explain:
      'Kernels in CUDA C++ run through the library of NVIDIA’s driver, which is called libcuda.so.1, or nvcuda.dll on Windows. TFM_LIBCUDA names ' +
      'another file. The message says what was looked for, and what the system said of each.',
    exit: EXIT.environment,
  }),
  'cuda-too-old': entry<{ adapter: string; has: number; needs: number }>({
    severity: 'error',
    message: ({ adapter, has, needs }) =>
      `the GPU '${adapter}' has compute capability ${has / 10}, and kernels need ${(needs / 10).toFixed(1)} or newer`,
    help: () => '--device wgsl runs on it, if its Vulkan driver is installed',
    explain:
      'Kernels in CUDA C++ are written for NVIDIA GPUs from the generation of 2020 (Ampere, compute capability 8.0) on. WebGPU runs on older ones.',
    exit: EXIT.environment,
  }),
  'cuda-error': entry<CudaErrorParams>({
    severity: 'error',
    message: ({ call, error, meaning, file, source, running }) =>
      `CUDA reports ${error}${meaning === '' ? '' : ` (${meaning})`} from ${call}` +
      (file === undefined ? '' : `, of ${kernelOf({ file, source, reason: '' })}`) +
      (running === undefined ? '' : `; the program that the GPU began last is ${running}`),
    help: () =>
      'the GPU may have been lost or reset: go on from the last checkpoint with --resume; TFM_CUDA_STEPS=1 runs kernels one by one, so ' +
      'that the message names the one that fails',
    explain:
      'A call of the NVIDIA driver failed. Most errors end the use of the GPU by this process: what was on it is gone, checkpoints are not, and ' +
      'a new process can go on. Work is queued, so an error may come out of a later call than the one that made it. The message then says which ' +
      'program ran: `micro` computes the gradients of a micro-batch, `update` is the optimizer.',
    exit: EXIT.environment,
  }),
  'cublaslt-missing': entry<{ tried: readonly string[] }>({
    severity: 'error',
    message: ({ tried }) =>
      `products of matrices are to go to cuBLASLt, which was not found:${tried.map((t) => `\n  - ${t}`).join('')}`,
    help: () =>
      'install CUDA 12 or 13, of which cuBLASLt is a part, or leave --lib out: without it every kernel is generated, and no library is needed',
    explain:
      'With --lib, products of matrices that are large enough go to NVIDIA’s library cuBLASLt, which is called libcublasLt.so.13 or ' +
      'libcublasLt.so.12, and cublasLt64_13.dll or cublasLt64_12.dll on Windows. TFM_LIBCUBLASLT names another file. A folder that was ' +
      'compiled with --lib needs it too. The message says what was looked for, and what the system said of each.',
    exit: EXIT.environment,
  }),
  'cublaslt-error': entry<{ call: string; status: number; meaning: string; product: string | undefined }>({
    severity: 'error',
    message: ({ call, status, meaning, product }) =>
      `cuBLASLt reports status ${status}${meaning === '' ? '' : ` (${meaning})`} from ${call}` +
      (product === undefined ? '' : `, of the product '${product}'`),
    help: () => 'leave --lib out: without it every kernel is generated, and no library is needed',
    explain:
      'A call of NVIDIA’s library of matrix products failed. It may not know how to compute a product on this GPU, or the GPU may have failed ' +
      'before, in which case it cannot be used by this process any more.',
    exit: EXIT.environment,
  }),
  'compiler-missing': entry<{ program: string; places: readonly string[] }>({
    severity: 'error',
    message: ({ program, places }) =>
      `kernels in CUDA C++ must be compiled here, and ${program} was not found:${places.map((p) => `\n  - ${p}`).join('')}`,
    help: ({ program }) =>
      program === 'g++'
        ? 'apt install g++, or run on WebGPU, which compiles kernels itself: --device wgsl'
        : 'install CUDA, of which NVRTC is a part, or give a folder that tfm compile --target cuda --ptx wrote on a machine that has it',
    explain:
      'On an NVIDIA GPU kernels are compiled by NVRTC, a library that comes with CUDA, or else by nvcc, or else the PTX is taken that a ' +
      'compiled folder holds. On the processor (--device cuda-cpu) g++ compiles them. The message lists where the program was looked for.',
    exit: EXIT.environment,
  }),
  'ptx-differs': entry<{ file: string }>({
    severity: 'error',
    message: ({ file }) => `there is no compiler for the kernels, and '${file}' was made of other ones`,
    help: () => 'compile the spec again with --ptx, or install CUDA, of which NVRTC is a part',
    explain:
      'A compiled folder may hold PTX of its kernels, for machines that have the NVIDIA driver and no compiler. Its first line says of which ' +
      'kernels it is; some of those in the folder were changed since.',
    exit: EXIT.data,
  }),
  'kernel-missing': entry<{ file: string }>({
    severity: 'error',
    message: ({ file }) => `the plan names the kernel '${file}', which is not there`,
    help: () => 'compile the spec again',
    explain: 'A compiled folder holds plan.json and the kernels that it names.',
    exit: EXIT.data,
  }),
  'plan-refused': entry<{ reason: string }>({
    severity: 'error',
    message: ({ reason }) => `the compiled folder cannot be run: ${reason}`,
    help: () => 'if nobody edited plan.json, it is of another version of tfm: compile the spec again',
    explain:
      'plan.json says how memory is laid out and which kernels run in which order. What it asks for makes no sense to the device, as when a ' +
      'part of it was changed and another was not.',
    exit: EXIT.data,
  }),
  'plan-other-target': entry<{ plan: string; device: string; adapter: string }>({
    severity: 'error',
    message: ({ plan, device, adapter }) =>
      `the plan has kernels in ${plan}, and the device '${adapter}' runs ${device}`,
    help: ({ device }) => `compile the spec again with --target ${device}, or name another --device`,
    explain:
      'A compiled folder holds kernels in one language: WGSL, which any adapter of WebGPU runs, or CUDA C++, for an NVIDIA GPU or for the ' +
      'processor as a device for tests. --target of tfm compile chooses it, and --device of other commands must fit it.',
    exit: EXIT.environment,
  }),
  'plan-needs-more': entry<{ what: string; needs: number; has: number; adapter: string }>({
    severity: 'error',
    message: ({ what, needs, has, adapter }) =>
      `the plan needs ${needs} ${what}, and the device '${adapter}' has ${has}`,
    help: () => 'compile the spec again on this machine',
    explain: 'A plan is made for the limits of one device. Another may have lower ones.',
    exit: EXIT.environment,
  }),
  'device-lacks-feature': entry<{ feature: string; adapter: string }>({
    severity: 'error',
    message: ({ feature, adapter }) => `the plan uses ${feature}, which the device '${adapter}' lacks`,
    help: () => 'compile the spec again on this machine',
    explain: 'A plan is made for the features of one device. Another may lack one.',
    exit: EXIT.environment,
  }),
  'guard-overwritten': entry<{ segment: string; side: 'before' | 'after'; byte: number }>({
    severity: 'error',
    message: ({ segment, side, byte }) =>
      `a kernel wrote ${side} segment '${segment}', at byte ${byte} of its guard band`,
    explain: 'In tests each segment of memory lies between guard bands, which no kernel may touch.',
    exit: EXIT.internal,
  }),
  'software-driver-unavailable': entry<{ reason: string }>({
    severity: 'error',
    message: ({ reason }) => `no driver is installed, and the software driver could not be fetched: ${reason}`,
    help: () =>
      'install one: apt install mesa-vulkan-drivers (on Debian 12: -t bookworm-backports), or allow access to the npm registry once',
    explain:
      'On Linux x64 without any Vulkan driver, SwiftShader is taken from the npm package @sparticuz/chromium and kept in the ' +
      'user’s cache folder. That needs the registry once.',
    exit: EXIT.environment,
  }),
};

export const deviceFailure = failuresOf(deviceEntries);
