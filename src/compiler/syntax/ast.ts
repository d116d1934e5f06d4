/**
 * The syntax tree of a `.tfm` file, as written: nothing is resolved, typed or evaluated here.
 *
 * Every node has a `kind` and a `span`. Trees are immutable. The grammar is `grammar/README.md`; a node is named after
 * its rule there.
 */
import type { Span } from '../support/source.ts';

export interface Name {
  readonly text: string;
  readonly span: Span;
}

export interface File {
  readonly kind: 'file';
  readonly uses: readonly Use[];
  readonly items: readonly Item[];
  readonly span: Span;
}

/** `use std.norm.{RMSNorm}` or `use "./mine.tfm".{A, B}`. */
export interface Use {
  readonly kind: 'use';
  /** The dotted names of a library module, or the text of a path. */
  readonly module:
    | { readonly kind: 'library'; readonly path: readonly Name[] }
    | { readonly kind: 'path'; readonly path: string };
  /** Empty when the use names no members: `use std.RMSNorm` takes its last name. */
  readonly names: readonly Name[];
  readonly span: Span;
}

export type Item = FnItem | BindingItem | TrainItem;

/** `fn f(a, b = 1)(x: [.., c]) = expr` or with a body. `model` marks an entry. */
export interface FnItem {
  readonly kind: 'fn';
  readonly model: boolean;
  readonly name: Name;
  /** One or two lists. The first makes the instance, the last applies it. */
  readonly lists: readonly (readonly Param[])[];
  readonly result: TypeExpr | undefined;
  readonly body: Body;
  readonly doc: string | undefined;
  readonly span: Span;
}

export interface BindingItem {
  readonly kind: 'binding-item';
  readonly binding: Binding;
  readonly doc: string | undefined;
  readonly span: Span;
}

/** `train NAME: Llama(width = 128) { … }`. */
export interface TrainItem {
  readonly kind: 'train';
  readonly name: Name | undefined;
  readonly model: Expr;
  readonly entries: readonly (Binding | Rule | Probe)[];
  readonly span: Span;
}

export interface Param {
  readonly pattern: Pattern;
  /** `axis`, a tensor type, or nothing. */
  readonly type: 'axis' | TypeExpr | undefined;
  readonly default: Expr | undefined;
  readonly span: Span;
}

export type Pattern =
  | { readonly kind: 'name-pattern'; readonly name: Name; readonly span: Span }
  | { readonly kind: 'ignore-pattern'; readonly span: Span }
  | { readonly kind: 'tuple-pattern'; readonly items: readonly Pattern[]; readonly span: Span };

/** `int[batch, time]`, `[.., c]`, `[]`. Without a kind it is float. */
export interface TypeExpr {
  readonly kind: 'type';
  readonly element: 'float' | 'int' | 'bool';
  readonly dims: readonly Dim[];
  readonly span: Span;
}

export type Dim =
  | { readonly kind: 'axis-dim'; readonly name: Name; readonly span: Span }
  /** `..` or `..name` stands for any number of axes. */
  | { readonly kind: 'row-dim'; readonly name: Name | undefined; readonly span: Span };

/** The body of a function: statements and a value. `= expr` is a body without statements. */
export interface Body {
  readonly kind: 'body';
  readonly statements: readonly Statement[];
  /** Missing only in a model. */
  readonly result: Expr | undefined;
  readonly span: Span;
}

export type Statement = Binding | AxisStatement | ParamStatement | Rule | Probe | For | If;

export interface Binding {
  readonly kind: 'binding';
  readonly pattern: Pattern;
  readonly type: TypeExpr | undefined;
  readonly value: Expr;
  readonly span: Span;
}

/** `axis half = c / 2`. */
export interface AxisStatement {
  readonly kind: 'axis';
  readonly name: Name;
  readonly size: Expr;
  readonly span: Span;
}

/** `param wk, wv: [width -> kv, head] ~ normal(0.02) { decay = 0 }`. */
export interface ParamStatement {
  readonly kind: 'param';
  readonly names: readonly Name[];
  readonly from: readonly Dim[];
  /** The axes behind the arrow; `undefined` without an arrow. */
  readonly to: readonly Dim[] | undefined;
  readonly init: Expr;
  readonly attributes: readonly Attribute[];
  readonly span: Span;
}

export interface Attribute {
  readonly name: Name;
  readonly value: Expr;
}

/** `weights f.**.{wq, wk} { init = xavier(1) }`. A segment `one` may be a loop index, such as `3` in `layer.3.attn`. */
export interface Rule {
  readonly kind: 'rule';
  readonly selector: readonly SelectorSegment[];
  readonly attributes: readonly Attribute[];
  readonly span: Span;
}

export type SelectorSegment =
  | { readonly kind: 'one'; readonly name: Name }
  | { readonly kind: 'any'; readonly span: Span }
  | { readonly kind: 'deep'; readonly span: Span }
  | { readonly kind: 'choice'; readonly names: readonly Name[]; readonly span: Span };

export interface Probe {
  readonly kind: 'probe';
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `for layer in 1..depth { }`, `for f in fs { }`, `for key, f in fs { }`. */
export interface For {
  readonly kind: 'for';
  readonly names: readonly Name[];
  readonly from: Expr;
  /** The inclusive end of a range; missing when `from` is a list or a record. */
  readonly to: Expr | undefined;
  readonly body: readonly Statement[];
  readonly span: Span;
}

export interface If {
  readonly kind: 'if';
  readonly condition: Expr;
  readonly whenTrue: readonly Statement[];
  readonly whenFalse: readonly Statement[];
  readonly span: Span;
}

export type UnaryOperator = '-' | 'not';
export type BinaryOperator = 'or' | 'and' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '^';

export type Expr =
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  | { readonly kind: 'string'; readonly value: string; readonly span: Span }
  | { readonly kind: 'bool'; readonly value: boolean; readonly span: Span }
  | { readonly kind: 'none'; readonly span: Span }
  | { readonly kind: 'name'; readonly name: string; readonly span: Span }
  | { readonly kind: 'lambda'; readonly params: readonly Param[]; readonly body: Body; readonly span: Span }
  | {
      readonly kind: 'conditional';
      readonly condition: Expr;
      readonly whenTrue: Expr;
      readonly whenFalse: Expr;
      readonly span: Span;
    }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expr; readonly span: Span }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
      readonly span: Span;
    }
  /** `a @ b`: `axes` is undefined for the bare form, empty for `@[]`. */
  | {
      readonly kind: 'contract';
      readonly axes: readonly Name[] | undefined;
      readonly left: Expr;
      readonly right: Expr;
      readonly span: Span;
    }
  | { readonly kind: 'call'; readonly callee: Expr; readonly args: readonly Argument[]; readonly span: Span }
  /** `a.key`; in paths of probes the key may be `*` or a loop index: `layer.*.x`, `layer.3.x`. */
  | { readonly kind: 'member'; readonly object: Expr; readonly key: Name; readonly span: Span }
  | { readonly kind: 'element'; readonly object: Expr; readonly index: Expr; readonly span: Span }
  | {
      readonly kind: 'axis-index';
      readonly object: Expr;
      readonly operations: readonly AxisOperation[];
      readonly span: Span;
    }
  | { readonly kind: 'tuple'; readonly items: readonly TupleItem[]; readonly span: Span }
  | { readonly kind: 'list'; readonly items: readonly Expr[]; readonly span: Span };

export interface Argument {
  readonly name: Name | undefined;
  /** `rest` stands for `..`, as in `over = ..`. */
  readonly value: Expr | { readonly kind: 'rest'; readonly span: Span };
  readonly span: Span;
}

export interface TupleItem {
  readonly name: Name | undefined;
  readonly value: Expr;
}

export type AxisOperation =
  /** `x[a = 3]`, `x[a = ids]`. */
  | { readonly kind: 'at'; readonly axis: Name; readonly index: Expr; readonly span: Span }
  /** `x[a = m..n]`, inclusive. */
  | { readonly kind: 'range'; readonly axis: Name; readonly from: Expr; readonly to: Expr; readonly span: Span }
  /** `x[a -> b]`, `x[a -> b * c]`, `x[a * b -> c]`. */
  | { readonly kind: 'reshape'; readonly from: readonly Name[]; readonly to: readonly Name[]; readonly span: Span };
