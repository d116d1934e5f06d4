/**
 * Plan: everything a device needs to run a compiled spec, as plain JSON. `plan.json` of a compiled folder is this.
 *
 * Memory is a few segments, each one buffer of the device. Every tensor has a fixed place in one of them. A program is
 * a list of launches and loops of launches; inside a loop an address may move with the iteration.
 */
import type { RuntimeScalar } from './graph.ts';

export const PLAN_VERSION = 1;

export interface Plan {
  readonly format_version: typeof PLAN_VERSION;
  readonly target: 'wgsl' | 'cuda';
  /** Name of the model, and of the spec file it came from. */
  readonly model: string;
  readonly spec: string;
  /** Whether the layout of memory and kernels was made for a software adapter; see `TargetLimits`. */
  readonly deviceClass: 'cpu' | 'gpu';
  readonly segments: readonly Segment[];
  readonly kernels: readonly KernelEntry[];
  /** By name: `micro`, `update`, `evaluate`, `logits`, `probes`, `prepare`. */
  readonly programs: Readonly<Record<string, Program>>;
  readonly weights: readonly WeightPlace[];
  /** Rows of uniform data that never change, laid out at `offsetAlignment`; the runtime uploads them once. */
  readonly uniformRows: readonly (readonly UniformWord[])[];
  /** Order of the host's scalars in the buffer that is written before each run; all f32 but `u32` ones. */
  readonly runtimeScalars: readonly { readonly name: string; readonly type: 'f32' | 'u32' }[];
  readonly memory: MemoryReport;
}

export type UniformWord = { readonly type: 'f32' | 'i32' | 'u32'; readonly value: number };

export type SegmentRole =
  /** Weights, their gradients and the optimizer's moments have one layout: an element has the same place in all four. */
  | 'weights'
  | 'gradients'
  | 'moment1'
  | 'moment2'
  /** Activations and temporaries, laid out by lifetime; shared by all programs. */
  | 'arena'
  /** Inputs written by the host, results read by it. */
  | 'inputs'
  | 'outputs';

export interface Segment {
  readonly name: string;
  readonly role: SegmentRole;
  readonly bytes: number;
}

/** A place in a segment. In a loop with iteration i = 0 … n-1 (n-1 … 0 when reversed), the byte offset is
 *  offset + ((i + shift) mod modulus) * stride; without `move` it is `offset`. */
export interface Address {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  readonly move?: { readonly stride: number; readonly shift: number; readonly modulus: number };
}

export interface KernelEntry {
  readonly name: string;
  /** SHA-256 of the kernel without names and comments. */
  readonly hash: string;
  /** File beside plan.json. */
  readonly file: string;
  readonly entryPoint: string;
  readonly workgroup: number;
  /** By binding number, in order. */
  readonly bindings: readonly { readonly name: string; readonly access: 'read' | 'read_write' }[];
  /** Binding numbers of the uniform blocks behind the storage bindings, when the kernel has them. */
  readonly launchUniform?: number;
  readonly runtimeUniform?: number;
  readonly flops: number;
  readonly bytes: number;
  /** The members of the region it came from, as `--explain` prints them. */
  readonly members: readonly string[];
  readonly features: readonly string[];
}

export interface Launch {
  readonly kind: 'launch';
  /** Index into `kernels`. */
  readonly kernel: number;
  readonly addresses: readonly Address[];
  /** Row of `uniformRows` for the launch's own uniforms; in a loop, that of iteration i is row + i. */
  readonly uniformRow?: number;
  readonly groups: readonly [number, number, number];
}

export interface PlanLoop {
  readonly kind: 'loop';
  readonly count: number;
  readonly reverse: boolean;
  readonly body: readonly Launch[];
}

/** Sets bytes to zero before what follows. */
export interface Clear {
  readonly kind: 'clear';
  readonly address: Address;
}

export interface IoPlace {
  readonly name: string;
  readonly kind: 'float' | 'int' | 'bool';
  readonly shape: readonly number[];
  readonly axes: readonly string[];
  readonly address: Address;
}

export interface Program {
  readonly steps: readonly (Launch | PlanLoop | Clear)[];
  readonly inputs: readonly IoPlace[];
  readonly outputs: readonly IoPlace[];
  /** Largest sum of bytes alive at one moment in the arena, aligned. */
  readonly liveBytes: number;
}

/** Where a weight lies; the same offsets hold in all segments that have the layout of weights. */
export interface WeightPlace {
  readonly name: string;
  readonly shape: readonly number[];
  readonly axes: readonly string[];
  readonly offset: number;
  readonly bytes: number;
  readonly init: import('./graph.ts').Init;
  readonly decay: number;
  readonly lr: number;
  readonly eps: number;
  readonly clip?: number;
  readonly freeze: boolean;
}

export interface MemoryReport {
  /** Bytes of all segments together: what is allocated. */
  readonly plannedBytes: number;
  /** Weights, gradients, moments, inputs and outputs, and the largest sum of live bytes of the arena. */
  readonly liveBytes: number;
}

export type HostScalars = Readonly<Record<RuntimeScalar | string, number>>;
