/**
 * cuBLASLt, NVIDIA's library of matrix products, through its public functions alone; the structures behind its handles are its own.
 * Names and numbers are those of cublasLt.h, cublas_api.h and library_types.h, which NVIDIA documents at
 * https://docs.nvidia.com/cuda/cublas/ ("Using the cuBLASLt API"); versions 12 and 13 of the library agree in all that is used here.
 */
import type { LibraryHandle } from 'koffi';
import { deviceFailure } from '../../../compiler/diagnostics/device.ts';
import type { Precision } from '../../../compiler/ir/kernel.ts';
import { linesOf, type MatmulShape, type MatrixName } from '../../../compiler/ir/matmul.ts';
import { invariant, present } from '../../../compiler/support/invariant.ts';
import type { MatmulStep } from '../driver.ts';
import { type FoundLibrary, openLibrary } from './libraries.ts';

/** What is called. Handles and addresses are numbers of 64 bits; `void *` is memory of this process. */
const CALLS = {
  cublasLtCreate: 'void *handle',
  cublasLtDestroy: 'uint64_t handle',
  cublasLtMatmulDescCreate: 'void *desc, int computeType, int scaleType',
  cublasLtMatmulDescSetAttribute: 'uint64_t desc, int attribute, void *value, size_t bytes',
  cublasLtMatmulDescDestroy: 'uint64_t desc',
  cublasLtMatrixLayoutCreate: 'void *layout, int type, uint64_t rows, uint64_t cols, int64_t ld',
  cublasLtMatrixLayoutSetAttribute: 'uint64_t layout, int attribute, void *value, size_t bytes',
  cublasLtMatrixLayoutDestroy: 'uint64_t layout',
  cublasLtMatmulPreferenceCreate: 'void *preference',
  cublasLtMatmulPreferenceSetAttribute: 'uint64_t preference, int attribute, void *value, size_t bytes',
  cublasLtMatmulPreferenceDestroy: 'uint64_t preference',
  cublasLtMatmulAlgoGetHeuristic:
    'uint64_t handle, uint64_t desc, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t preference, int wanted, ' +
    'void *results, void *count',
  cublasLtMatmul:
    'uint64_t handle, uint64_t desc, void *alpha, uint64_t a, uint64_t aLayout, uint64_t b, uint64_t bLayout, void *beta, ' +
    'uint64_t c, uint64_t cLayout, uint64_t d, uint64_t dLayout, void *algo, uint64_t workspace, size_t bytes, uint64_t stream',
} as const;

type CallName = keyof typeof CALLS;
type Argument = number | bigint | ArrayBufferView;

/** `cudaDataType_t`. */
const DATA_TYPE: { readonly [P in Precision]: number } = { f32: 0, f16: 2, bf16: 14 };
/**
 * `CUBLAS_COMPUTE_32F`: sums are f32, and so are f32 operands. Those that round them to TF32 have other numbers
 * (`CUBLAS_COMPUTE_32F_FAST_TF32`, 77).
 */
const COMPUTE_32F = 68;
/** `cublasOperation_t`. */
const OPERATION = { none: 0, transpose: 1 } as const;
/** `cublasLtMatmulDescAttributes_t`; the values are int32. */
const DESC = { transposeA: 3, transposeB: 4 } as const;
/** `cublasLtMatrixLayoutAttribute_t`; the values are an int32 and an int64. */
const LAYOUT = { batchCount: 5, stridedBatchOffset: 6 } as const;
/** `cublasLtMatmulPreferenceAttributes_t`; the value is a uint64. */
const PREFERENCE = { maxWorkspaceBytes: 1 } as const;
/** `cublasLtMatmulHeuristicResult_t`: the algorithm, size_t of its workspace, its status, a float and four ints. */
const RESULT = { bytes: 96, algoBytes: 64, workspaceAt: 64, statusAt: 72 } as const;
const SUCCESS = 0;

/** Of addresses, on which the choice of an algorithm counts unless it is told otherwise. */
const ADDRESS_ALIGNMENT = 256n;

/** Computes products of matrices on a stream. */
export interface MatmulRunner {
  /** Has the library choose how to compute a product: it may not while work is recorded. */
  readonly prepare: (step: MatmulStep) => void;
  /** Queues a product that was prepared. */
  readonly queue: (step: MatmulStep) => void;
  readonly free: () => void;
}

/** What belongs to products of one shape. */
interface Prepared {
  readonly desc: bigint;
  readonly layouts: Readonly<Record<MatrixName, bigint>>;
  readonly algo: Uint8Array;
  readonly workspaceBytes: number;
}

/**
 * Finds the library and opens it for a stream.
 *
 * @throws Failure `cublaslt-missing` or `cublaslt-error`.
 */
export async function openCublasLt(stream: bigint): Promise<MatmulRunner> {
  const found = await openLibrary('libcublasLt');
  if (!found.library) throw deviceFailure('cublaslt-missing', { tried: found.tried });
  return makeRunner(callerOf(found), stream);
}

/** Makes a call. @throws Failure `cublaslt-error`; `about` is the product that it is for. */
type Caller = (name: CallName, args: readonly Argument[], about?: string) => void;

function callerOf({ library, path }: FoundLibrary): Caller {
  const functions = new Map<string, (...args: readonly Argument[]) => number>();
  let describe: (status: number) => string | null;
  try {
    for (const [name, params] of Object.entries(CALLS))
      functions.set(name, functionOf(library, `int ${name}(${params})`));
    describe = library.func('const char *cublasLtGetStatusString(int status)');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw deviceFailure('cublaslt-missing', { tried: [`${path}: ${reason}: it is older than CUDA 12`] });
  }
  return (name, args, about) => {
    const status = functions.get(name)?.(...args) ?? -1;
    if (status === SUCCESS) return;
    throw deviceFailure('cublaslt-error', { call: name, status, meaning: describe(status) ?? '', product: about });
  };
}

function functionOf(library: LibraryHandle, signature: string): (...args: readonly Argument[]) => number {
  return library.func(signature);
}

function makeRunner(call: Caller, stream: bigint): MatmulRunner {
  const created = (name: CallName, ...args: readonly Argument[]): bigint => {
    const out = new BigUint64Array(1);
    call(name, [out, ...args]);
    return out[0] ?? 0n;
  };
  const handle = created('cublasLtCreate');
  const preference = created('cublasLtMatmulPreferenceCreate');
  const known = new Map<string, Prepared>();
  const one = Float32Array.of(1);
  const zero = Float32Array.of(0);

  const layoutOf = (shape: MatmulShape, name: MatrixName): bigint => {
    const { type, leading, batchStride } = shape[name];
    const { lines, line } = linesOf(shape, name);
    // To a library that counts columns first, our lines are its columns.
    const layout = created('cublasLtMatrixLayoutCreate', DATA_TYPE[type], line, lines, leading);
    if (shape.batch > 1) {
      const [count, stride] = [Int32Array.of(shape.batch), BigInt64Array.of(BigInt(batchStride))];
      call('cublasLtMatrixLayoutSetAttribute', [layout, LAYOUT.batchCount, count, count.byteLength]);
      call('cublasLtMatrixLayoutSetAttribute', [layout, LAYOUT.stridedBatchOffset, stride, stride.byteLength]);
    }
    return layout;
  };

  /**
   * What lies as left, right and result is to such a library their transposes, and the transpose of a product is the product of the
   * transposes in the other order: its A is our right, and its B our left.
   */
  const make = ({ name, shape, workspace }: MatmulStep): Prepared => {
    const desc = created('cublasLtMatmulDescCreate', COMPUTE_32F, DATA_TYPE.f32);
    const setOperation = (attribute: number, { transposed }: MatmulShape['left']): void => {
      const value = Int32Array.of(transposed ? OPERATION.transpose : OPERATION.none);
      call('cublasLtMatmulDescSetAttribute', [desc, attribute, value, value.byteLength]);
    };
    setOperation(DESC.transposeA, shape.right);
    setOperation(DESC.transposeB, shape.left);
    const layouts = {
      left: layoutOf(shape, 'left'),
      right: layoutOf(shape, 'right'),
      result: layoutOf(shape, 'result'),
    };
    try {
      return { desc, layouts, ...chosen(name, desc, layouts, workspace.bytes) };
    } catch (error) {
      forget({ desc, layouts });
      throw error;
    }
  };

  const chosen = (name: string, desc: bigint, { left, right, result }: Prepared['layouts'], workspace: number) => {
    const most = BigUint64Array.of(BigInt(workspace));
    call('cublasLtMatmulPreferenceSetAttribute', [preference, PREFERENCE.maxWorkspaceBytes, most, most.byteLength]);
    const found = new Uint8Array(RESULT.bytes);
    const count = new Int32Array(1);
    const asked = [handle, desc, right, left, result, result, preference, 1, found, count];
    call('cublasLtMatmulAlgoGetHeuristic', asked, name);
    const view = new DataView(found.buffer);
    const status = count[0] === 1 ? view.getInt32(RESULT.statusAt, true) : -1;
    if (status !== SUCCESS) {
      const meaning = 'the library knows no way to compute it on this GPU';
      throw deviceFailure('cublaslt-error', { call: 'cublasLtMatmulAlgoGetHeuristic', status, meaning, product: name });
    }
    return {
      algo: found.slice(0, RESULT.algoBytes),
      workspaceBytes: Number(view.getBigUint64(RESULT.workspaceAt, true)),
    };
  };

  const forget = ({ desc, layouts }: Pick<Prepared, 'desc' | 'layouts'>): void => {
    for (const layout of Object.values(layouts)) call('cublasLtMatrixLayoutDestroy', [layout]);
    call('cublasLtMatmulDescDestroy', [desc]);
  };

  const keyOf = ({ workspace, shape: { batch, rows, columns, depth, left, right, result } }: MatmulStep): string =>
    JSON.stringify([batch, rows, columns, depth, left, right, result, workspace.bytes]);

  return {
    prepare(step) {
      const key = keyOf(step);
      if (!known.has(key)) known.set(key, make(step));
    },
    queue(step) {
      const { name, shape, left, right, result, workspace } = step;
      const { desc, layouts, algo, workspaceBytes } = present(known.get(keyOf(step)), `${name} was prepared`);
      for (const address of [left, right, result, workspace.pointer])
        invariant(address % ADDRESS_ALIGNMENT === 0n, `what ${name} uses begins at a multiple of 256 bytes`);
      const operands = [one, right, layouts.right, left, layouts.left, shape.accumulate ? one : zero];
      const results = [result, layouts.result, result, layouts.result];
      const work = [workspace.pointer, workspaceBytes];
      call('cublasLtMatmul', [handle, desc, ...operands, ...results, algo, ...work, stream], name);
    },
    free() {
      for (const prepared of known.values()) forget(prepared);
      call('cublasLtMatmulPreferenceDestroy', [preference]);
      call('cublasLtDestroy', [handle]);
    },
  };
}
