/**
 * What the runtime needs of a device. One implementation per way to run kernels: Dawn for WGSL; `reference` runs graphs,
 * not plans, and stands apart.
 */
import type { TargetLimits } from '../compiler/ir/kernel.ts';
import type { HostScalars, Plan } from '../compiler/ir/plan.ts';

export interface DeviceInfo {
  /** `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly name: string;
  readonly vendor: string;
  readonly driver: string;
  /** True for an adapter that runs on the CPU. */
  readonly software: boolean;
  readonly features: readonly string[];
}

/** Text of a kernel, by the `file` of its plan entry. */
export type KernelTexts = Readonly<Record<string, string>>;

export interface Device {
  /** The language of the kernels that it runs. */
  readonly target: Plan['target'];
  readonly info: DeviceInfo;
  readonly limits: TargetLimits;
  /** Allocates the plan's segments and compiles its kernels. Fails with a `Failure`, never with a bare error. */
  load(plan: Plan, kernels: KernelTexts, options?: LoadOptions): Promise<LoadedPlan>;
  /** Rejects (with a `Failure`) as soon as the device is lost. */
  readonly lost: Promise<never>;
  close(): void;
}

/** What a plan is made for. */
export type PlanTarget = Pick<Device, 'target' | 'limits'>;

export interface LoadOptions {
  /** Fill the arena with NaN before each run and put guard bands around segments; for tests. */
  readonly poison?: boolean;
  /** The kernels are from files that someone may have edited; else a mistake in one is ours. */
  readonly fromFiles?: boolean;
}

/** A run of a program, with what the host gives to it. */
export interface ProgramRun {
  readonly program: string;
  readonly scalars: HostScalars;
  /** What lies where when it begins; lengths are multiples of 4 bytes. */
  readonly inputs: readonly ProgramInput[];
}

export interface ProgramInput {
  readonly segment: string;
  readonly offset: number;
  readonly data: ArrayBufferView;
}

export interface LoadedPlan {
  readonly plan: Plan;
  /** Bytes of GPU buffers that it holds. */
  readonly allocatedBytes: number;
  write(segment: string, offset: number, data: ArrayBufferView): void;
  /**
   * What lies there when all that was queued before is done. What is queued later does not delay a read of up to 64 KiB; while a
   * longer one is under way, nothing may be queued.
   */
  read(segment: string, offset: number, bytes: number): Promise<ArrayBuffer>;
  /** Queues one run of a program. Runs are in order; nothing waits. */
  run(program: string, scalars: HostScalars): void;
  /**
   * Queues runs as one piece of work, such as a step of training: one upload of all that the host gives to them, and one
   * submit or launch. The data may change as soon as it returns.
   */
  runAll(runs: readonly ProgramRun[]): void;
  /** Resolves when all queued work is done; rejects with a `Failure` on a device error. */
  finish(): Promise<void>;
  /** Throws a `Failure` naming the segment whose guard band was written; only with `poison`. */
  checkGuards(): Promise<void>;
  release(): void;
}
