/**
 * The part of CUDA that running a plan takes, so that the same device code stands on an NVIDIA driver and on a CPU.
 *
 * All work of a driver is in one order: what is uploaded, launched and downloaded later sees what came before.
 *
 * Every kernel is `extern "C"` and takes, in this order: a pointer for each of its buffers, by binding number; the struct
 * of its launch uniforms by value, if it has any; a pointer to the host's scalars, if it reads one.
 */
import type { MatmulShape, MatrixName } from '../../compiler/ir/matmul.ts';
import type { DeviceInfo } from '../device.ts';

/** An address in device memory. */
export type DevicePointer = bigint;

export interface CudaProperties {
  readonly info: DeviceInfo;
  /** Compute capability: 90 for 9.0. */
  readonly architecture: number;
  /** Bytes of device memory in all; Infinity where it is not known. */
  readonly memoryBytes: number;
  /** Bytes of shared memory that one block may have when it asks for it. */
  readonly sharedBytes: number;
  readonly multiprocessors: number;
}

/** A kernel as text, with what names it in messages. */
export interface CudaSource {
  /** File of the plan's entry. */
  readonly file: string;
  readonly text: string;
  readonly entryPoint: string;
  /** Bytes of shared memory that a launch asks for. */
  readonly sharedBytes?: number;
}

/** A compiled kernel; opaque to all but the driver that made it. */
export interface CudaFunction {
  readonly file: string;
  /** Registers of a thread and bytes that it spilled, where the driver tells. */
  readonly registers?: number;
  readonly localBytes?: number;
}

export type MatmulStep = Extract<CudaStep, { readonly kind: 'matmul' }>;

export type CudaStep =
  | {
      readonly kind: 'launch';
      readonly fn: CudaFunction;
      /** Blocks, and threads of a block; both linear. */
      readonly blocks: number;
      readonly threads: number;
      /** The arguments as they lie in memory, each at its own alignment: pointers of 8 bytes, then words of 4. */
      readonly args: Uint8Array;
      /** Of each argument: where it begins in `args`. */
      readonly offsets: readonly number[];
    }
  /** A product of matrices that a library computes; `openMatmuls` comes before it. */
  | ({
      readonly kind: 'matmul';
      readonly name: string;
      readonly shape: MatmulShape;
      /** Memory that it may use while it computes. */
      readonly workspace: { readonly pointer: DevicePointer; readonly bytes: number };
    } & Readonly<Record<MatrixName, DevicePointer>>)
  /** Sets bytes (a multiple of 4) to zero. */
  | { readonly kind: 'clear'; readonly pointer: DevicePointer; readonly bytes: number }
  /** Copies bytes from one place of device memory to another. */
  | { readonly kind: 'copy'; readonly from: DevicePointer; readonly to: DevicePointer; readonly bytes: number };

/** Steps, with what they are called in messages. */
export interface CudaProgram {
  readonly name: string;
  readonly steps: readonly CudaStep[];
}

/** Recorded programs that run as a whole, one after another. */
export interface CudaGraph {
  readonly run: () => void;
  readonly destroy: () => void;
}

export interface CudaDriver {
  readonly properties: CudaProperties;
  /**
   * `ptx`: what `ptxOf` made of the sources, for a driver that has no compiler.
   *
   * @throws KernelRefusal with the compiler's message; Failure `compiler-missing` when nothing can compile.
   */
  readonly compile: (sources: readonly CudaSource[], ptx?: string) => Promise<readonly CudaFunction[]>;
  /**
   * Makes ready what computes products of matrices.
   *
   * @throws Failure `cublaslt-missing`, or `cublaslt-error`.
   */
  readonly openMatmuls: () => Promise<void>;
  /** Memory filled with zeros; undefined when there is not enough. */
  readonly allocate: (bytes: number) => DevicePointer | undefined;
  readonly free: (pointer: DevicePointer) => void;
  /** The data may change as soon as it returns. */
  readonly upload: (pointer: DevicePointer, data: ArrayBufferView) => void;
  /** What was there when all that was queued before it was done. */
  readonly download: (pointer: DevicePointer, bytes: number) => Promise<ArrayBuffer>;
  /** Sets `words` words of 4 bytes. */
  readonly fill: (pointer: DevicePointer, word: number, words: number) => void;
  readonly record: (programs: readonly CudaProgram[]) => CudaGraph;
  /** Resolves when all work is done; rejects with a `Failure` on an error of the device. */
  readonly finish: () => Promise<void>;
  readonly close: () => void;
}
