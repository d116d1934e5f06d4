/**
 * A dialect: how a target spells Kernel IR. The walker (`emit.ts`, `print-*.ts`) decides what is written and in which
 * order within a function; the dialect has a word for everything and no defaults, so that a target is complete or does
 * not compile.
 */
import type {
  BinaryOp,
  KernelType,
  NarrowType,
  ScalarType,
  SharedArray,
  Statement,
  StorageType,
  UnaryOp,
} from '../../compiler/ir/kernel.ts';

/** Binding strengths, weakest first; equal in all languages of the C family. */
export const PRECEDENCE = {
  conditional: 0,
  or: 1,
  and: 2,
  compare: 3,
  sum: 4,
  product: 5,
  prefix: 6,
  atom: 7,
} as const;

export type Precedence = (typeof PRECEDENCE)[keyof typeof PRECEDENCE];

/** Text of an expression, and how strongly its outermost operation binds. */
export interface Printed {
  readonly text: string;
  readonly precedence: Precedence;
}

/** A function that the target lacks. Texts of helpers are the same in every kernel. */
export interface Helper {
  readonly name: string;
  /** The whole declaration, with a comment that says what it computes and where the formula is from. */
  readonly text: string;
  readonly needs: readonly Helper[];
}

/** How an operation on operands of one type is written. */
export type Form = { readonly helper?: Helper } & (
  | { readonly kind: 'prefix'; readonly symbol: string }
  | {
      readonly kind: 'infix';
      readonly symbol: string;
      readonly precedence: Precedence;
      /** How strongly operands other than a chain of the same operator must bind, where the target wants more parentheses. */
      readonly operands?: Precedence;
    }
  | { readonly kind: 'call'; readonly name: string }
);

/** The form for operands of a type. */
export type FormOf = (type: KernelType) => Form;

/** The form for two operands: of that type both, or a vector and a number beside it. */
export type FormOfTwo = (type: KernelType, left: KernelType, right: KernelType) => Form;

/** How elements of two bytes are written. */
export interface NarrowForms {
  /** An f32 of an element. */
  readonly widen: Form;
  /** The element nearest to an f32. */
  readonly round: Form;
  /** Four f32 of four elements: of what is declared so, or of (buffer, number of the four), as `loadFour` says. */
  readonly widenFour: Form;
  /** Four elements of a vector. */
  readonly roundFour: Form;
}

export interface UniformBlock {
  readonly name: string;
  readonly typeName: string;
  readonly fields: readonly { readonly name: string; readonly type: ScalarType }[];
}

export interface ModuleBuffer {
  readonly name: string;
  readonly type: StorageType;
  /** Whether its elements are declared in fours. */
  readonly inFours: boolean;
  readonly access: 'read' | 'read_write';
  /** Whether the kernel stores to it; what may be bound for writing is not always written. */
  readonly isWritten: boolean;
  /** Shown beside the declaration; empty for none. */
  readonly comment: string;
}

/** What a function reads and writes besides its parameters. */
export interface Captures {
  readonly buffers: readonly ModuleBuffer[];
  readonly blocks: readonly UniformBlock[];
}

export interface ModuleFunction {
  readonly name: string;
  readonly comment: string;
  /** Further parameters, behind its own; empty where bindings are global. */
  readonly captures: Captures;
  readonly params: readonly { readonly name: string; readonly type: KernelType }[];
  readonly result: KernelType | undefined;
  readonly body: readonly string[];
}

/** The places of an invocation, by the names under which the body reads them; undefined when it does not. */
export interface Places {
  readonly group: string | undefined;
  readonly local: string | undefined;
  readonly subgroup_lane: string | undefined;
}

export type PlaceName = keyof Places;

export interface ModuleArray {
  readonly name: string;
  readonly type: SharedArray['type'];
  readonly elements: number;
  /** Whether several elements are stored or loaded at once: it begins at a multiple of 16 bytes. */
  readonly isAligned: boolean;
}

/** An array of workgroup memory, or several in one place, which then has a name. */
export interface ModuleMemory {
  readonly name: string | undefined;
  readonly arrays: readonly ModuleArray[];
}

/** How fragments are written, and fours in the narrow workgroup memory from which they are loaded. */
export interface MatrixForms {
  /** A vector as four elements of an array, by the number of the four. */
  readonly four: { readonly [T in NarrowType]: Form };
  readonly fourAt: (array: string, index: string) => string;
  /** The name of the type of a fragment is the target's; `element` is the first one, in memory. */
  readonly loadFragment: { readonly [S in FragmentSide]: { readonly [A in Along]: Form } };
  /** (address of the first of 8 sums) */
  readonly roundFragment: { readonly [T in NarrowType]: Form };
  readonly defineFragment: (name: string, value: string) => string;
  readonly addressOf: (element: string) => string;
  /** (address of the first sum, fragment of rows, fragment of columns) */
  readonly multiply: { readonly [T in NarrowType]: Form };
}

/** How copies to workgroup memory are written that go on while the invocation does other things. */
export interface CopyForms {
  /** Of so many bytes: (address in workgroup memory, address in a buffer), and with zeros where a third argument is false. */
  readonly copy: (bytes: number) => Form;
  readonly copyOrZeros: (bytes: number) => Form;
  readonly commit: Form;
  /** Until no groups are under way but the last `open`. */
  readonly wait: (open: number) => Form;
  readonly addressOf: (element: string) => string;
}

export type Along = Extract<Statement, { kind: 'load_fragment' }>['along'];
export type FragmentSide = Extract<Statement, { kind: 'load_fragment' }>['side'];

/** Everything a kernel's file consists of, with all names final and all bodies printed (indented from column 0). */
export interface Module {
  readonly header: readonly string[];
  readonly features: readonly ('subgroups' | 'shader-f16')[];
  readonly buffers: readonly ModuleBuffer[];
  /** Scalars of the launch and of the host; empty when the kernel reads none. */
  readonly launch: UniformBlock;
  readonly runtime: UniformBlock;
  readonly shared: readonly ModuleMemory[];
  /** What the text calls all of that memory where it is asked for at the launch, and its type; the names of the arrays say so. */
  readonly asked: { readonly name: string; readonly typeName: string } | undefined;
  readonly helpers: readonly Helper[];
  readonly functions: readonly ModuleFunction[];
  readonly workgroup: number;
  /** Workgroups for which a multiprocessor should have registers at the same time. */
  readonly resident: number;
  readonly body: readonly string[];
  readonly places: Places;
}

export interface LoopHead {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly step: string | undefined;
  /**
   * Floats of all local arrays of the function, if the index of this loop, whose values are known, chooses elements of one:
   * unrolled, these can lie in registers. Else 0.
   */
  readonly arrayFloats: number;
}

export interface Dialect {
  readonly target: 'wgsl' | 'cuda';
  /** Of files, without the dot. */
  readonly extension: string;
  /** Name of the function that a launch runs. */
  readonly entryPoint: string;
  /** Words that not even a field may be. */
  readonly keywords: ReadonlySet<string>;
  /** Words that no other name may be: keywords, predeclared functions and types, and names of helpers. */
  readonly reserved: ReadonlySet<string>;
  readonly types: { readonly [T in KernelType]: string };
  /** Whether every function sees buffers and uniforms; else it is given those that it uses. */
  readonly bindingsAreGlobal: boolean;
  /** `inferred` where the text around it decides the type already, so that a suffix would be noise. */
  readonly literal: (type: ScalarType, value: number, inferred: boolean) => Printed;
  readonly unary: { readonly [O in UnaryOp]: FormOf };
  readonly binary: { readonly [O in BinaryOp]: FormOfTwo };
  readonly cast: { readonly [From in ScalarType]: { readonly [To in ScalarType]: Form } };
  readonly select: (type: KernelType, condition: Printed, then: Printed, otherwise: Printed) => Printed;
  /** Types of two bytes of which the target has buffers. Legalisation leaves none of the others. */
  readonly narrow: { readonly [T in NarrowType]: NarrowForms | undefined };
  /** Four f32 of a buffer, by the number of the four; undefined where buffers have to be declared in fours. */
  readonly loadFour: ((buffer: string, index: string) => string) | undefined;
  /** The place of four elements of a type, by the number of the four; undefined likewise. */
  readonly storeFour: ((type: StorageType, buffer: string, index: string) => string) | undefined;
  /** Of four numbers, and of one for all four. */
  readonly vector: Form;
  readonly splat: Form;
  readonly components: readonly [string, string, string, string];
  /** (key, counters…) -> f32 in [0, 1), equal to `support/random.ts` bit for bit. */
  readonly random: Form;
  /** (value, lane): the value that a lane of the subgroup has. */
  readonly shuffle: Form;
  /** Undefined where there are no units that multiply matrices; lowering makes no fragments then. */
  readonly matrices: MatrixForms | undefined;
  /** Undefined where there are none; lowering makes no copies then. */
  readonly copies: CopyForms | undefined;
  /** Whether arrays of workgroup memory can lie in one place. */
  readonly hasUnions: boolean;
  /** Bytes of workgroup memory that a kernel can declare; it asks for more when it is launched. */
  readonly declaredBytes: number;
  /** f32 -> the same f32, hidden from the target's constant folding; undefined when a constant may be infinite. */
  readonly opaque: Form | undefined;
  readonly define: (type: KernelType, name: string, value: string) => string;
  readonly variable: (type: KernelType, name: string, value: string) => string;
  /** A mutable local array of these values, or of zeros when there are none. */
  readonly array: (type: KernelType, name: string, elements: number, values: readonly string[]) => string;
  /** The lines that open a loop, up to its brace. `step` is undefined for 1. */
  readonly loop: (head: LoopHead) => readonly string[];
  readonly barrier: string;
  readonly module: (module: Module) => string;
}
