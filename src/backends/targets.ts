/** The languages that kernels are written in. */
import type { Kernel, TargetLimits } from '../compiler/ir/kernel.ts';
import type { EmittedKernel, Plan } from '../compiler/ir/plan.ts';
import { CUDA } from './cuda/dialect.ts';
import { CUDA_LIMITS } from './cuda/limits.ts';
import type { Dialect } from './shared/dialect.ts';
import { emit } from './shared/emit.ts';
import { DEFAULT_LIMITS } from './wgsl/default-limits.ts';
import { WGSL } from './wgsl/dialect.ts';

export type TargetName = Plan['target'];

export interface Target {
  readonly dialect: Dialect;
  /** What all devices that run it can do; for compiling where there is none. */
  readonly limits: TargetLimits;
}

export const TARGETS: { readonly [N in TargetName]: Target } = {
  wgsl: { dialect: WGSL, limits: DEFAULT_LIMITS },
  cuda: { dialect: CUDA, limits: CUDA_LIMITS },
};

/** A language as `compile` takes it. */
export function compileTarget(name: TargetName): {
  readonly name: TargetName;
  readonly emit: (kernel: Kernel) => EmittedKernel;
} {
  return { name, emit: (kernel) => emit(kernel, TARGETS[name].dialect) };
}

export const TARGET_NAMES: readonly TargetName[] = ['wgsl', 'cuda'];
