import type { CudaFunction, CudaGraph, CudaProgram, CudaSource, CudaStep } from '../driver.ts';
import { type CudaApi, SUCCESS } from './api.ts';
import type { BegunPrograms } from './begun-programs.ts';
import type { MatmulRunner } from './cublaslt.ts';

/** A function of a loaded module. */
export interface GpuFunction extends CudaFunction {
  readonly handle: bigint;
  readonly source: CudaSource;
}

export interface Recorder {
  readonly api: CudaApi;
  readonly stream: bigint;
  readonly addressOf: (data: ArrayBufferView) => bigint;
  readonly functionOf: (fn: CudaFunction) => GpuFunction;
  readonly begun: BegunPrograms;
  /** Computes the products of a library; there before a program has one. */
  readonly matmuls: () => MatmulRunner;
}

/** `CU_STREAM_CAPTURE_MODE_THREAD_LOCAL`: other threads of the process may call what they like meanwhile. */
const CAPTURE_THREAD_LOCAL = 1;

/** Records programs on the stream, without running them, as one graph: to run them all is then one launch. */
export function recordGraph(recorder: Recorder, programs: readonly CudaProgram[]): CudaGraph {
  const { api, stream, begun } = recorder;
  prepareMatmuls(recorder, programs);
  api.call('cuStreamBeginCapture_v2', [stream, CAPTURE_THREAD_LOCAL]);
  const captured = new BigUint64Array(1);
  try {
    for (const { name, steps } of programs) {
      begun.note(name);
      for (const step of steps) queueStep(recorder, step);
    }
  } catch (error) {
    // The capture ends in any case, or the stream would stay unusable.
    if (api.attempt('cuStreamEndCapture', stream, captured) === SUCCESS)
      api.attempt('cuGraphDestroy', captured[0] ?? 0n);
    throw error;
  }
  api.call('cuStreamEndCapture', [stream, captured]);
  const graph = captured[0] ?? 0n;
  try {
    const executable = api.handle('cuGraphInstantiateWithFlags', [graph, 0n]);
    return {
      run: () => api.call('cuGraphLaunch', [executable, stream]),
      destroy: () => void api.attempt('cuGraphExecDestroy', executable),
    };
  } finally {
    api.attempt('cuGraphDestroy', graph);
  }
}

/** Steps one by one, each waited for, so that an error names its kernel: TFM_CUDA_STEPS=1. */
export function stepByStep(recorder: Recorder, programs: readonly CudaProgram[]): CudaGraph {
  const { api, stream, functionOf, begun } = recorder;
  prepareMatmuls(recorder, programs);
  return {
    run: () => {
      for (const { name, steps } of programs) {
        begun.note(name);
        for (const step of steps) {
          queueStep(recorder, step);
          api.call('cuStreamSynchronize', [stream], step.kind === 'launch' ? functionOf(step.fn).source : undefined);
        }
      }
    },
    destroy: () => {},
  };
}

/** The library chooses how to compute each product before anything is recorded. */
function prepareMatmuls({ matmuls }: Recorder, programs: readonly CudaProgram[]): void {
  for (const step of programs.flatMap(({ steps }) => steps)) if (step.kind === 'matmul') matmuls().prepare(step);
}

function queueStep({ api, stream, addressOf, functionOf, matmuls }: Recorder, step: CudaStep): void {
  if (step.kind === 'matmul') {
    matmuls().queue(step);
    return;
  }
  if (step.kind === 'clear') {
    api.call('cuMemsetD32Async', [step.pointer, 0, step.bytes / 4, stream]);
    return;
  }
  if (step.kind === 'copy') {
    api.call('cuMemcpyDtoDAsync_v2', [step.to, step.from, step.bytes, stream]);
    return;
  }
  const { fn, blocks, threads, args, offsets } = step;
  const { handle, source } = functionOf(fn);
  const first = addressOf(args);
  const params = BigUint64Array.from(offsets, (offset) => first + BigInt(offset));
  api.call(
    'cuLaunchKernel',
    [handle, blocks, 1, 1, threads, 1, 1, source.sharedBytes ?? 0, stream, params, null],
    source,
  );
}
