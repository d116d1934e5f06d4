/**
 * A graph builder: gives fresh value ids, infers types, and keeps the stack of blocks that are being built.
 *
 * Ops go to the innermost open block. Weights, inputs and what is built in `outer` go outside the loop that is open, so
 * that a body may discover while it is built which stacked values it needs.
 */
import type {
  Axis,
  Block,
  Graph,
  GraphInput,
  GraphOutput,
  Op,
  OpAttrs,
  OpName,
  TensorType,
  Value,
  ValueId,
  Weight,
} from '../ir/graph.ts';
import { floats } from '../ir/tensor-type.ts';
import { blocksOf } from '../ir/walk-graph.ts';
import { InternalError, invariant, present } from '../support/invariant.ts';
import { GENERATED, type Span } from '../support/source.ts';
import { sliceType } from './loop.ts';
import { ops as table } from './table.ts';

/** Where a value comes from; the names of its results, for printing and kernels. */
export interface Note {
  readonly name?: string | undefined;
  readonly span?: Span | undefined;
}

export type LeafName = 'constant' | 'index' | 'random' | 'runtime';

export interface Builder {
  readonly typeOf: (id: ValueId) => TensorType;
  readonly nameOf: (id: ValueId) => string | undefined;
  /** The input of that name, declared at its first use. */
  readonly input: (input: GraphInput, note?: Note) => ValueId;
  /** The weight, with its loop's axis first if it is stacked. */
  readonly weight: (weight: Weight, note?: Note) => ValueId;
  /** An op without operands, whose type only its user knows. */
  readonly leaf: <K extends LeafName>(kind: K, attrs: OpAttrs[K], type: TensorType, note?: Note) => ValueId;
  /** An op with one result. */
  readonly op: <K extends OpName>(kind: K, attrs: OpAttrs[K], operands: readonly ValueId[], note?: Note) => ValueId;
  /** An op with any number of results; `note.name` names the first, `names` all. */
  readonly opAll: <K extends OpName>(
    kind: K,
    attrs: OpAttrs[K],
    operands: readonly ValueId[],
    note?: Note & { readonly names?: readonly (string | undefined)[] },
  ) => readonly ValueId[];
  /** Builds with `span` for the ops that are given none. */
  readonly at: <T>(span: Span, build: () => T) => T;
  /** A value that the caller will define, in an op that it appends. */
  readonly fresh: (type: TensorType, name: string | undefined) => Value;
  /** A block of its own, such as the score of attention. */
  readonly block: (
    params: readonly { readonly type: TensorType; readonly name?: string | undefined }[],
    build: (params: readonly ValueId[]) => readonly ValueId[],
  ) => Block;
  readonly loop: (options: LoopOptions) => LoopBuilder;
  /** Makes values known that are defined elsewhere, such as the parameters of a block. */
  readonly adopt: (values: readonly Value[]) => void;
  /** Adds an op that has its ids already, with the blocks in it. */
  readonly append: (op: Op) => void;
  /** The graph of all that was built, with these outputs. */
  readonly finish: (outputs: readonly GraphOutput[]) => Graph;
}

export interface LoopOptions {
  readonly axis: Axis;
  readonly reverse?: boolean;
  /** What is carried: its initial value and its name in the body. */
  readonly carried: readonly { readonly initial: ValueId; readonly name?: string | undefined }[];
}

/** A loop whose body is being built: until `end`, ops go to the body. */
export interface LoopBuilder {
  /** The carried values as an iteration begins with them. */
  readonly carried: readonly ValueId[];
  /** What this iteration sees of a stacked value that is defined outside. The same slice when asked again. */
  readonly slice: (stacked: ValueId, name?: string) => ValueId;
  /** Builds outside the loop. */
  readonly outer: <T>(build: () => T) => T;
  /** Ends the body with the next carried values and the slices that it gives; the results are the loop's. */
  readonly end: (
    next: readonly ValueId[],
    stacked: readonly ValueId[],
    note?: Note & { readonly names?: readonly (string | undefined)[] },
  ) => readonly ValueId[];
}

export interface BuilderStart {
  readonly inputs: readonly GraphInput[];
  readonly weights: readonly Weight[];
  /** Smaller than this are ids that the caller gave out. */
  readonly firstId: number;
}

export function makeBuilder(start: BuilderStart = { inputs: [], weights: [], firstId: 0 }): Builder {
  const values = new Map<ValueId, Value>();
  const inputs = new Map(start.inputs.map((input) => [input.name, input]));
  const weights = new Map(start.weights.map((weight) => [weight.id, weight]));
  const leaves = new Map<string, ValueId>();
  let scopes: Op[][] = [[]];
  let nextId = start.firstId;
  let defaultSpan = GENERATED;

  const fresh = (type: TensorType, name: string | undefined): Value => {
    const value = { id: nextId as ValueId, type, name };
    nextId += 1;
    values.set(value.id, value);
    return value;
  };
  const valueWith = (id: ValueId): Value => present(values.get(id), `value ${id}`);
  const typeOf = (id: ValueId): TensorType => valueWith(id).type;

  function make<K extends OpName>(
    kind: K,
    attrs: OpAttrs[K],
    operands: readonly ValueId[],
    note: Note & { readonly names?: readonly (string | undefined)[] },
    declared?: TensorType,
    scope?: Op[],
  ): readonly ValueId[] {
    const types = table[kind].infer({ attrs, operands: operands.map(typeOf), declared, typeOf });
    const names = note.names ?? [note.name];
    const results = types.map((type, i) => fresh(type, names[i]));
    // The checker does not see that a record of K is one of the union, because it does not know K.
    const op = { kind, attrs, operands, results, span: note.span ?? defaultSpan } as Op;
    (scope ?? present(scopes.at(-1), 'a block')).push(op);
    return results.map((r) => r.id);
  }

  const only = (ids: readonly ValueId[]): ValueId => {
    invariant(ids.length === 1, `an op with ${ids.length} results where one is wanted`);
    return present(ids[0], 'a result');
  };

  function rootLeaf(key: string, build: (root: Op[]) => readonly ValueId[]): ValueId {
    const known = leaves.get(key);
    if (known !== undefined) return known;
    const id = only(build(present(scopes[0], 'the outermost block')));
    leaves.set(key, id);
    return id;
  }

  const openBlock = (): void => {
    scopes.push([]);
  };
  const closeBlock = (params: readonly Value[], results: readonly ValueId[]): Block => {
    const ops = present(scopes.pop(), 'an open block');
    return { params, ops, results };
  };

  function beginLoop({ axis, reverse = false, carried }: LoopOptions): LoopBuilder {
    const params = carried.map(({ initial, name }) => fresh(typeOf(initial), name));
    const slices = new Map<ValueId, Value>();
    openBlock();
    const depth = scopes.length;
    return {
      carried: params.map((p) => p.id),
      slice: (stacked, name) => {
        const known = slices.get(stacked);
        if (known) return known.id;
        const type = sliceType(typeOf(stacked), axis);
        const slice = fresh(type, name ?? valueWith(stacked).name);
        slices.set(stacked, slice);
        return slice.id;
      },
      outer: (build) => {
        const inner = scopes.splice(depth - 1);
        const result = build();
        scopes = [...scopes, ...inner];
        return result;
      },
      end: (next, stacked, note = {}) => {
        if (scopes.length !== depth) throw new InternalError('a loop ends while a block in it is open');
        const body = closeBlock([...params, ...slices.values()], [...next, ...stacked]);
        const operands = [...carried.map((c) => c.initial), ...slices.keys()];
        return make('loop', { axis, reverse, carried: carried.length, body }, operands, note);
      },
    };
  }

  function register(op: Op): void {
    for (const result of op.results) values.set(result.id, result);
    for (const block of blocksOf(op)) registerBlock(block);
  }
  function registerBlock(block: Block): void {
    for (const param of block.params) values.set(param.id, param);
    for (const op of block.ops) register(op);
  }

  return {
    typeOf,
    fresh,
    at: (span, build) => {
      const outer = defaultSpan;
      defaultSpan = span;
      const result = build();
      defaultSpan = outer;
      return result;
    },
    nameOf: (id) => valueWith(id).name,
    input: (input, note = {}) => {
      if (!inputs.has(input.name)) inputs.set(input.name, input);
      const named = { name: input.name, ...note };
      return rootLeaf(`input ${input.name}`, (root) =>
        make('input', { name: input.name }, [], named, input.type, root),
      );
    },
    weight: (weight, note = {}) => {
      if (!weights.has(weight.id)) weights.set(weight.id, weight);
      const type = weightType(weight);
      const named = { name: weight.id, span: weight.span, ...note };
      return rootLeaf(`weight ${weight.id}`, (root) => make('weight', { weight: weight.id }, [], named, type, root));
    },
    leaf: (kind, attrs, type, note = {}) => only(make(kind, attrs, [], note, type)),
    op: (kind, attrs, operands, note = {}) => only(make(kind, attrs, operands, note)),
    opAll: (kind, attrs, operands, note = {}) => make(kind, attrs, operands, note),
    block: (params, build) => {
      const given = params.map(({ type, name }) => fresh(type, name));
      openBlock();
      return closeBlock(given, build(given.map((p) => p.id)));
    },
    loop: beginLoop,
    adopt: (given) => {
      for (const value of given) values.set(value.id, value);
    },
    append: (op) => {
      register(op);
      present(scopes.at(-1), 'a block').push(op);
    },
    finish: (outputs) => {
      invariant(scopes.length === 1, 'a graph ends while a block in it is open');
      const ops = present(scopes[0], 'the outermost block');
      const block = { params: [], ops, results: outputs.map((o) => o.value) };
      return { inputs: [...inputs.values()], weights: [...weights.values()], outputs, block };
    },
  };
}

/** The type of a weight as a graph sees it. */
export function weightType({ axes, stacked }: Weight): TensorType {
  return floats(stacked ? [stacked, ...axes] : axes);
}
