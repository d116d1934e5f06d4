/**
 * Plan: everything a device needs to run a compiled spec, as plain JSON. `plan.json` of a compiled folder is this.
 *
 * Memory is a few segments, each one buffer of the device. Every tensor has a fixed place in one of them. A program is
 * a list of launches, of products that a library computes, and loops of them; inside a loop an address may move with the iteration.
 */
import type { Init } from './graph.ts';
import type { LibraryUse, MatmulShape } from './matmul.ts';

export const PLAN_VERSION = 4;

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
  /** Which products were given to a library of matrix products; none without. */
  readonly library?: LibraryUse;
  /** What it computes. */
  readonly matmuls: readonly MatmulEntry[];
  /**
   * By name: `settle` (what `after` says of new weights, before the first step), `begin`, `prepare`, `micro`, `unscale` (divides the
   * gradients of a step by the loss scale, where they are f16), `update`,
   * `evaluate`, `logits`, `prefill` (all of a text, and the states for what follows), `step` (one more token), `probes`.
   */
  readonly programs: Readonly<Record<string, Program>>;
  readonly weights: readonly WeightPlace[];
  /** Why there is no `step` although decoding was asked for, in words: `logits` is run anew for each token. */
  readonly rerun?: string;
  /** Rows of uniform data that never change, laid out at `offsetAlignment`; the runtime uploads them once. */
  readonly uniformRows: readonly (readonly UniformWord[])[];
  /** Prefix of the segments from which the update takes its gradients. */
  readonly gradients: 'gradients' | 'totals';
  /** Micro-batches of a step for which the plan was made. */
  readonly accumulation: number;
  readonly memory: MemoryReport;
}

export type UniformWord = { readonly type: 'f32' | 'i32' | 'u32'; readonly value: number };

export type SegmentRole =
  /** Weights, their gradients and the optimizer's moments have one layout: an element has the same place in all four. */
  | 'weights'
  | 'gradients'
  | 'totals'
  | 'moment1'
  | 'moment2'
  /** Activations and temporaries, laid out by lifetime; shared by all programs. */
  | 'arena'
  /** What is kept from run to run: each input of such a name (`isState`) lies where the output of that name does. */
  | 'states'
  /** What a library of matrix products works in; no product finds there what another has left. */
  | 'workspace'
  /** Inputs written by the host, results read by it. */
  | 'inputs'
  | 'outputs';

/**
 * The host's scalars, in the order in which they lie (4 bytes each) in the one uniform buffer that is written before
 * each run. Every kernel that reads one declares the list, so that its text does not depend on its neighbours.
 */
export const RUNTIME_SCALARS = [
  /** Steps done before this one. */
  { name: 'step', type: 'u32' },
  { name: 'seed', type: 'u32' },
  /** Number of the micro-batch in its step. */
  { name: 'micro', type: 'u32' },
  { name: 'lr', type: 'f32' },
  /** Adam's bias corrections, 1 - beta^(step + 1). */
  { name: 'bias1', type: 'f32' },
  { name: 'bias2', type: 'f32' },
] as const;

/** Bytes of the uniform data of a plan: its rows, each at an aligned offset, and the host's scalars. */
export function uniformBytes(rows: number, offsetAlignment: number): number {
  return rows * offsetAlignment + RUNTIME_SCALARS.length * 4;
}

export type RuntimeScalarName = (typeof RUNTIME_SCALARS)[number]['name'];

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
  /** Bytes of workgroup memory that a launch asks for: those of a kernel that has more than it could declare. */
  readonly sharedBytes?: number;
  readonly flops: number;
  readonly bytes: number;
  /** The members of the region it came from, as `--explain` prints them. */
  readonly members: readonly string[];
  readonly features: readonly string[];
  /** Of a kernel that multiplies matrices: the name of its tile, by the key of each product that it computes; see `ir/tiling.ts`. */
  readonly tiles?: Readonly<Record<string, string>>;
}

/** A product of matrices that a library computes. */
export interface MatmulEntry extends MatmulShape {
  readonly name: string;
  readonly flops: number;
  readonly bytes: number;
  /** As those of a kernel. */
  readonly members: readonly string[];
}

/** What a backend makes of a kernel. */
export interface EmittedKernel {
  readonly text: string;
  readonly hash: string;
  readonly entryPoint: string;
  /** Extension of the file, without the dot. */
  readonly extension: string;
  /** Binding numbers of the uniform blocks; storage bindings are 0, 1, … in the order of the kernel's buffers. */
  readonly launchUniform?: number;
  readonly runtimeUniform?: number;
  /** Bytes of workgroup memory that a launch has to ask for, where it is more than can be declared. */
  readonly sharedBytes?: number;
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

export interface MatmulCall {
  readonly kind: 'matmul';
  /** Index into `matmuls`. */
  readonly matmul: number;
  readonly left: Address;
  readonly right: Address;
  readonly result: Address;
}

export interface PlanLoop {
  readonly kind: 'loop';
  readonly count: number;
  readonly reverse: boolean;
  readonly body: readonly (Launch | MatmulCall)[];
}

/** Sets bytes to zero before what follows. */
export interface Clear {
  readonly kind: 'clear';
  readonly address: Address;
}

export type PlanStep = Launch | MatmulCall | PlanLoop | Clear;

export interface IoPlace {
  readonly name: string;
  readonly kind: 'float' | 'int' | 'bool';
  readonly shape: readonly number[];
  readonly axes: readonly string[];
  readonly address: Address;
}

export interface Program {
  readonly steps: readonly PlanStep[];
  readonly inputs: readonly IoPlace[];
  readonly outputs: readonly IoPlace[];
  /** Largest sum of bytes alive at one moment in the arena, aligned. */
  readonly liveBytes: number;
}

/**
 * Where a weight lies: segment `weights` + part, and at the same offset its gradient in `gradients` + part (or `totals` +
 * part, where the runtime must look when a step has several micro-batches; see `Plan.gradients`) and its moments.
 * Frozen weights lie last and have no gradient or moments.
 */
export interface WeightPlace {
  readonly name: string;
  readonly shape: readonly number[];
  readonly axes: readonly string[];
  /** Number of the segment: `weights0`, `gradients0`, … */
  readonly part: number;
  readonly offset: number;
  readonly bytes: number;
  readonly init: Init;
  readonly decay: number;
  readonly lr: number;
  readonly eps: number;
  readonly clip?: number;
  readonly freeze: boolean;
}

export interface MemoryReport {
  /** Bytes of all segments and of the uniform data: what is allocated. */
  readonly plannedBytes: number;
  /** Weights, gradients, moments, inputs and outputs, and the largest sum of live bytes of the arena. */
  readonly liveBytes: number;
}

export type HostScalars = Readonly<Record<RuntimeScalarName, number>>;
