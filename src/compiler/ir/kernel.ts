/**
 * Kernel IR: what one invocation of a kernel does.
 *
 * Expressions are pure and typed; effects are in statements only. A kernel has buffers, uniforms, workgroup memory,
 * helper functions and a body. It knows nothing of a target's syntax; it has been legalised for the target's limits
 * (bindings, their size, grid dimensions) before a backend prints it, and printing cannot fail.
 *
 * Indices and counts are `u32`; int tensors are `i32`. There are no infinities and no NaN literals. Arithmetic is in 32 bits;
 * a buffer may hold floats of 16, which a load widens and a store rounds. A bool is stored as `u32` 0 or 1.
 */
import type { ValueId } from './graph.ts';
import type { Tiling } from './tiling.ts';

export type ScalarType = 'f32' | 'i32' | 'u32' | 'bool';
/** Vectors are of four floats, of neighbours in memory or of registers. */
export type KernelType = ScalarType | 'vec4';

/** Floats of two bytes: IEEE 754 binary16, and the upper half of an f32. */
export type NarrowType = 'f16' | 'bf16';
/** In what a program keeps its activations, and multiplies; weights, sums and what is carried through depth are f32 in all. */
export type Precision = 'f32' | NarrowType;
/** How what is stored in two bytes is rounded: to the nearest number, or to one of the two around it, so that it is right on average. */
export type Rounding = 'nearest' | 'stochastic';
/**
 * What the elements of a buffer are. A narrow one is an f32 as soon as it is loaded; what is stored is rounded to the nearest,
 * of two equally near ones to the even, and beyond the largest to infinity.
 */
export type StorageType = 'f32' | 'i32' | 'u32' | NarrowType;

export type UnaryOp =
  | 'neg'
  | 'not'
  | 'exp'
  /** Two to the power of an f32: what units raise at once, with a relative error below 2^-21 or so, and 0 for results that are not normal. */
  | 'exp2'
  | 'log'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'erf'
  | 'sqrt'
  | 'rsqrt'
  | 'abs'
  | 'floor'
  | 'acos'
  /** A u32 0 or 1: the exponent bits are all ones (NaN or infinite); the only test a compiler may not assume away. */
  | 'is_nonfinite'
  /** The f32 that is left of an f32 when it is stored as that type and loaded again. */
  | 'round_f16'
  | 'round_bf16';

export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'pow'
  | 'max'
  | 'min'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'
  | 'and'
  | 'or'
  /** (x, u): one of the two numbers of that type around x, the larger in size with the probability of its nearness if u is uniform in [0, 1). */
  | 'dither_f16'
  | 'dither_bf16';

export type Expr =
  | { readonly kind: 'literal'; readonly type: ScalarType; readonly value: number }
  /** A parameter, `let`, `var` or loop variable. */
  | { readonly kind: 'local'; readonly type: KernelType; readonly name: string }
  | { readonly kind: 'uniform'; readonly type: ScalarType; readonly name: string }
  /** Built-in places of the invocation, u32. `group` is linear over a grid that may be folded in two dimensions. */
  | { readonly kind: 'builtin'; readonly type: 'u32'; readonly name: 'group' | 'local' | 'subgroup_lane' }
  /** One element, or four that lie side by side: then `index` counts in fours, and the buffer has fours of floats. */
  | { readonly kind: 'load'; readonly type: KernelType; readonly buffer: string; readonly index: Expr }
  /** One element, or four of an f32 array that lie side by side: then `index` counts in fours. */
  | { readonly kind: 'load_shared'; readonly type: KernelType; readonly array: string; readonly index: Expr }
  /** An element of a local array. */
  | { readonly kind: 'element'; readonly type: 'f32' | 'vec4'; readonly array: string; readonly index: Expr }
  /** The result of a helper function that has one, and so has no effects. */
  | { readonly kind: 'call'; readonly type: KernelType; readonly fn: string; readonly args: readonly Expr[] }
  | { readonly kind: 'unary'; readonly type: KernelType; readonly op: UnaryOp; readonly operand: Expr }
  | {
      readonly kind: 'binary';
      readonly type: KernelType;
      readonly op: BinaryOp;
      readonly left: Expr;
      readonly right: Expr;
    }
  /** Both sides may be evaluated; loads in them are within bounds. */
  | {
      readonly kind: 'select';
      readonly type: KernelType;
      readonly condition: Expr;
      readonly then: Expr;
      readonly else: Expr;
    }
  | { readonly kind: 'cast'; readonly type: ScalarType; readonly operand: Expr }
  /** Uniform in [0, 1): hash of a constant key and (seed, step, micro, iteration, element). */
  | { readonly kind: 'random'; readonly type: 'f32'; readonly key: number; readonly counters: readonly Expr[] }
  /** Four scalars, or one for all four. */
  | { readonly kind: 'vector'; readonly type: 'vec4'; readonly parts: readonly Expr[] }
  | { readonly kind: 'component'; readonly type: 'f32'; readonly vector: Expr; readonly index: 0 | 1 | 2 | 3 };

export type Statement =
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'let'; readonly name: string; readonly value: Expr }
  /** A mutable local. */
  | { readonly kind: 'var'; readonly name: string; readonly type: KernelType; readonly value: Expr }
  | { readonly kind: 'assign'; readonly name: string; readonly value: Expr }
  /** A mutable local array: of `values`, or of zeros when there are none. It is the invocation's own. */
  | {
      readonly kind: 'array';
      readonly name: string;
      readonly type: 'f32' | 'vec4';
      readonly elements: number;
      readonly values: readonly Expr[];
    }
  | { readonly kind: 'assign_element'; readonly array: string; readonly index: Expr; readonly value: Expr }
  /** One element, or four that lie side by side: then `index` counts in fours, and the buffer has fours of floats. */
  | { readonly kind: 'store'; readonly buffer: string; readonly index: Expr; readonly value: Expr }
  /** One element, or in a narrow array four that lie side by side: then `index` counts in fours. */
  | { readonly kind: 'store_shared'; readonly array: string; readonly index: Expr; readonly value: Expr }
  /**
   * `name` runs from `from` while it is less than `to`, by `step`; u32. Where `isShared` says so, `step` lanes share the
   * numbers: `from` is a lane, perhaps added to a multiple of `step`, and which lane takes which number is open. `unrolled`: short, and better
   * left to a compiler that unrolls it, since then the elements of local arrays can be registers.
   */
  | {
      readonly kind: 'for';
      readonly name: string;
      readonly from: Expr;
      readonly to: Expr;
      readonly step: Expr;
      readonly isShared?: boolean;
      readonly unrolled?: true;
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: 'if';
      readonly condition: Expr;
      readonly then: readonly Statement[];
      readonly else: readonly Statement[];
    }
  | { readonly kind: 'call'; readonly fn: string; readonly args: readonly Expr[] }
  /** All invocations of the workgroup reach it; workgroup memory written before is visible after. */
  | { readonly kind: 'barrier' }
  /**
   * Begins to copy `elements` neighbours of a buffer to an array of the same type, while the invocation goes on: 4, 8 or 16 bytes.
   * Both indices count in so many elements. Where `inside` is false, zeros are written and the buffer is not read.
   *
   * A copy belongs to the group that the next `commit_copies` closes. Until the invocation has waited for that group nothing may read or
   * write the place, and until a barrier behind it no other invocation may.
   */
  | {
      readonly kind: 'copy_shared';
      readonly array: string;
      readonly to: Expr;
      readonly buffer: string;
      readonly from: Expr;
      readonly elements: number;
      readonly inside: Expr;
    }
  /** Closes a group: the copies that the invocation began since the group before. All invocations of the workgroup reach it. */
  | { readonly kind: 'commit_copies' }
  /** Waits until no groups of the invocation are under way but the last `open`. All invocations of the workgroup reach it. */
  | { readonly kind: 'wait_copies'; readonly open: number }
  /**
   * `name` is the value that the lane `lane` of the subgroup has. All invocations of the workgroup reach it, and a
   * workgroup with shuffles is one whole subgroup, or where there are fragments several of 32. It is no expression, so that
   * nothing moves it to where lanes part.
   */
  | { readonly kind: 'shuffle'; readonly name: string; readonly value: Expr; readonly lane: Expr }
  /**
   * `name` is a fragment of an operand of a matrix product: {@link FRAGMENT} of its lines (rows of the left operand, columns
   * of the right one) by as many places along the sum, from a narrow array. Line l at place p lies at `index` + l * `stride`
   * + p, or where `along` is `lines` at `index` + p * `stride` + l. Index and stride are multiples of 8, and the index is the
   * same in all lanes of a subgroup, which has 32. All invocations of the workgroup reach it.
   *
   * How the lanes hold a fragment is the target's business; it cannot be looked into.
   */
  | {
      readonly kind: 'load_fragment';
      readonly name: string;
      readonly side: 'row' | 'column';
      readonly array: string;
      readonly index: Expr;
      readonly stride: number;
      readonly along: 'sum' | 'lines';
    }
  /**
   * `name` is a row fragment whose elements are those of a square of sums, rounded to `type`: the 8 from `first` of the local
   * array `from` in each lane, as `multiply_fragments` has them. All invocations of the workgroup reach it.
   */
  | {
      readonly kind: 'round_fragment';
      readonly name: string;
      readonly type: NarrowType;
      readonly from: string;
      readonly first: Expr;
    }
  /**
   * Adds the product of two fragments of `type` to sums in f32: a square, of which a lane has the 8 elements from `first`
   * (a multiple of 8) of the local array `into`. All invocations of the workgroup reach it.
   *
   * Which elements these are is fixed, because kernels compute with them (`fragmentPlace` says where they lie). It is what
   * `mma` has, and `wgmma` in each 16 of its rows; a target with matrices that cannot be looked into would go through
   * workgroup memory. How the 16 products of an element are rounded as they are added is the target's.
   */
  | {
      readonly kind: 'multiply_fragments';
      readonly type: NarrowType;
      readonly into: string;
      readonly first: Expr;
      readonly row: string;
      readonly column: string;
    }
  /** Ends this invocation (or the helper function). Never before a barrier or a shuffle. */
  | { readonly kind: 'return' };

export interface KernelBuffer {
  readonly name: string;
  /** What it holds: a value of the graph, or a name that the planner knows (`grads`, `moments.m`, …). */
  readonly holds: ValueId | string;
  readonly type: StorageType;
  readonly elements: number;
  readonly access: 'read' | 'read_write';
  /** Shape for the header: `[batch 8, time 128, width 64]`. */
  readonly shape: string;
  /** Set by legalisation when one value needs several bindings: the first element of this one. */
  readonly window?: { readonly start: number };
}

/** A scalar that differs between launches of one kernel, or between steps. */
export interface KernelUniform {
  readonly name: string;
  readonly type: 'f32' | 'i32' | 'u32';
  readonly source: UniformSource;
}

export type UniformSource =
  /** Set by the host at each run. */
  | { readonly kind: 'runtime'; readonly name: string }
  /** The element of a table (a stacked `constant`) that belongs to the iteration. */
  | { readonly kind: 'table'; readonly value: ValueId }
  /** The number of the iteration of the enclosing loop, from 0. */
  | { readonly kind: 'iteration' }
  /** A number that differs between launches, such as the first element of a window of a flat update. */
  | { readonly kind: 'launch'; readonly name: string };

export interface KernelFunction {
  readonly name: string;
  readonly doc: string;
  readonly params: readonly { readonly name: string; readonly type: KernelType }[];
  readonly body: readonly Statement[];
  /** What it returns, evaluated after the body. A function with a result has no effects. */
  readonly result: Expr | undefined;
}

export interface SharedArray {
  readonly name: string;
  /** An element of a narrow array is rounded when it is stored, and an f32 when it is loaded. */
  readonly type: ScalarType | NarrowType;
  readonly elements: number;
  /** Another array, in whose memory it lies: to write one of the two is to lose what the other holds. */
  readonly over?: string;
}

export interface Kernel {
  readonly name: string;
  /** Lines of the header: what it computes, source lines, shapes. No line breaks inside. */
  readonly doc: readonly string[];
  readonly buffers: readonly KernelBuffer[];
  readonly uniforms: readonly KernelUniform[];
  readonly shared: readonly SharedArray[];
  /** Invocations in a workgroup, one-dimensional. */
  readonly workgroup: number;
  /** Workgroups for which a multiprocessor should have registers at the same time; 1 if it does not say. */
  readonly resident?: number;
  /** Workgroups; legalisation folds them when a dimension is limited. */
  readonly groups: number;
  readonly functions: readonly KernelFunction[];
  readonly body: readonly Statement[];
  /** Floating-point operations and bytes that one launch must do, for reports. */
  readonly flops: number;
  readonly bytes: number;
  readonly features: readonly ('subgroups' | 'shader-f16')[];
  /** Of products. */
  readonly tiling?: Tiling;
}

/** What a target can do. The planner and legalisation read it; it comes from the adapter. */
export interface TargetLimits {
  readonly storageBindings: number;
  /** Bytes of one binding. */
  readonly bindingBytes: number;
  /** Bytes of one buffer. */
  readonly bufferBytes: number;
  /** Alignment of a binding's offset, in bytes. */
  readonly offsetAlignment: number;
  /** Bytes that all buffers together may take; Infinity where the adapter does not tell. */
  readonly memoryBytes: number;
  readonly groupsPerDimension: number;
  readonly invocationsPerGroup: number;
  readonly sharedBytes: number;
  /** `cpu`: a software adapter, where barriers are dear and one row per invocation is best; `gpu`: a real one. */
  readonly deviceClass: 'cpu' | 'gpu';
  /** 0 when subgroups are not to be used. */
  readonly subgroupSize: number;
  /** The driver unrolls short loops, and so keeps in registers what they index. Others have arrays in memory, unless what loops do is written out. */
  readonly unrolls?: true;
  /** The types of two bytes that its buffers can hold. Values of another one lie rounded in an f32. */
  readonly narrow: readonly NarrowType[];
  /** Bytes that an invocation copies from a buffer to workgroup memory at once while it goes on; 0 where it cannot. */
  readonly copyBytes: number;
  /** Multiprocessors, each with units on which subgroups of 32 multiply fragments of matrices; 0 where there are none. */
  readonly matrixUnits: number;
}
