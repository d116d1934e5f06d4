/** A CUDA driver whose device is the processor: for tests, and for those who want to see their kernels run. */
import { cpus } from 'node:os';
import { deviceFailure } from '../../../compiler/diagnostics/device.ts';
import { matrixSpan } from '../../../compiler/ir/matmul.ts';
import { InternalError, invariant, present } from '../../../compiler/support/invariant.ts';
import { machineMemory } from '../../shared/machine-memory.ts';
import type { CudaDriver, CudaFunction, CudaStep } from '../driver.ts';
import { findProgram, placesOf } from '../find-program.ts';
import { refusalIn } from '../kernel-refusal.ts';
import { buildLibrary } from './build-library.ts';
import { libraryText } from './library-text.ts';
import { makeMemory } from './memory.ts';
import { multiply } from './multiply.ts';

type Launch = (kernel: number, blocks: number, threads: number, args: Uint8Array, offsets: Uint32Array) => number;

interface CompiledHere extends CudaFunction {
  readonly launch: (blocks: number, threads: number, args: Uint8Array, offsets: Uint32Array) => number;
}

/** As an H100 has for a block, so that kernels are tested as they are for large GPUs. */
const SHARED_BYTES = 227 * 1024;

/** What the shim finds, by its number for it. */
const OUTCOMES = [
  undefined,
  'its threads part: some are at a barrier, a shuffle, a fragment or the end, and others of them elsewhere',
  'a shuffle takes from a lane that is not there',
  'there is no memory for the stacks of its threads',
  'a line of a fragment does not begin at a multiple of 16 bytes',
  'a copy to shared memory does not begin at a multiple of its bytes, or a thread has begun more than 256 and waited for none',
] as const;

/**
 * Opens the processor as a CUDA device.
 *
 * @throws Failure `compiler-missing`.
 */
export async function openCpuDriver(): Promise<CudaDriver> {
  const compiler = findProgram('g++');
  if (compiler === undefined || process.platform === 'win32')
    throw deviceFailure('compiler-missing', { program: 'g++', places: placesOf('g++') });
  const { default: koffi } = await import('koffi');
  const memory = makeMemory((bytes) => koffi.address(bytes));
  const own = new WeakSet<CudaFunction>();
  const isOwn = (fn: CudaFunction): fn is CompiledHere => own.has(fn);
  const runStep = (step: CudaStep, offsets: Uint32Array): void => {
    if (step.kind === 'clear') {
      memory.bytes(step.pointer, step.bytes).fill(0);
      return;
    }
    if (step.kind === 'copy') {
      memory.bytes(step.to, step.bytes).set(memory.bytes(step.from, step.bytes));
      return;
    }
    if (step.kind === 'matmul') {
      multiply(step.shape, (matrix) => memory.bytes(step[matrix], matrixSpan(step.shape, matrix)));
      return;
    }
    const { fn, blocks, threads, args } = step;
    invariant(isOwn(fn), 'a function of this driver');
    const wrong = OUTCOMES[fn.launch(blocks, threads, args, offsets)];
    if (wrong !== undefined) throw new InternalError(`the kernel '${fn.file}': ${wrong}`);
  };
  return {
    properties: {
      info: {
        name: `${cpus()[0]?.model ?? 'processor'}, as a CUDA device`,
        vendor: '',
        driver: compiler,
        software: true,
        features: ['shader-f16', 'subgroups'],
      },
      architecture: 80,
      memoryBytes: machineMemory(),
      sharedBytes: SHARED_BYTES,
      multiprocessors: 1,
    },
    async compile(sources) {
      const path = await buildLibrary(compiler, libraryText(sources)).catch((error: unknown) => {
        throw (error instanceof Error && refusalIn(error.message)) || error;
      });
      const launch: Launch = koffi
        .load(path)
        .func('int tfm_launch(uint kernel, uint blocks, uint threads, void *args, void *offsets)');
      return sources.map(({ file }, k) => {
        const fn: CompiledHere = { file, launch: (...call) => launch(k, ...call) };
        own.add(fn);
        return fn;
      });
    },
    openMatmuls: () => Promise.resolve(),
    allocate: memory.allocate,
    free: memory.free,
    upload(pointer, data) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      memory.bytes(pointer, bytes.length).set(bytes);
    },
    download: (pointer, bytes) => Promise.resolve(memory.bytes(pointer, bytes).slice().buffer),
    fill: (pointer, word, words) => {
      const bytes = memory.bytes(pointer, 4 * words);
      new Uint32Array(bytes.buffer, bytes.byteOffset, words).fill(word);
    },
    record(programs) {
      const steps = programs.flatMap((program) => program.steps);
      const offsets = steps.map((step) => Uint32Array.from(step.kind === 'launch' ? step.offsets : []));
      return {
        run: () => {
          for (const [i, step] of steps.entries()) runStep(step, present(offsets[i], 'offsets'));
        },
        destroy: () => {},
      };
    },
    finish: () => Promise.resolve(),
    close: memory.close,
  };
}
