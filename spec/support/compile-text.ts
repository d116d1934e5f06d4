import { emit } from '../../src/backends/shared/emit.ts';
import { WGSL } from '../../src/backends/wgsl/dialect.ts';
import { compile } from '../../src/compiler/compile.ts';
import type { Compiled, CompileRequest } from '../../src/compiler/compile-request.ts';
import type { TargetLimits } from '../../src/compiler/ir/kernel.ts';
import { makeSource } from '../../src/compiler/support/source.ts';

/** WebGPU's default limits, on a software adapter. */
export const PORTABLE_LIMITS: TargetLimits = {
  storageBindings: 8,
  bindingBytes: 1 << 27,
  bufferBytes: 1 << 28,
  offsetAlignment: 256,
  memoryBytes: Number.POSITIVE_INFINITY,
  groupsPerDimension: 65535,
  invocationsPerGroup: 256,
  sharedBytes: 16384,
  deviceClass: 'cpu',
  subgroupSize: 0,
  narrow: [],
  copyBytes: 0,
  matrixUnits: 0,
};

/** Compiles a spec that stands in a test. */
export function compileText(text: string, request: Partial<CompileRequest> = {}): Compiled {
  return compile({
    source: makeSource('test.tfm', text),
    set: [],
    purposes: ['train'],
    limits: PORTABLE_LIMITS,
    target: { name: 'wgsl', emit: (kernel) => emit(kernel, WGSL) },
    ...request,
  });
}
