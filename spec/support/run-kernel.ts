/**
 * Runs kernels without a device: f32 arithmetic, and an error for what a device would hide, which is an index out of
 * bounds, reading what nothing has written, and a barrier that not all invocations reach.
 */
import { FRAGMENT, FRAGMENT_LANES, fragmentPlace, LANE_SUMS } from '../../src/compiler/ir/fragment.ts';
import type { Expr, Kernel, Statement } from '../../src/compiler/ir/kernel.ts';
import { u32 } from '../../src/compiler/ir/kernel-expr.ts';
import { isNarrow } from '../../src/compiler/ir/storage-type.ts';
import { InternalError, invariant, present } from '../../src/compiler/support/invariant.ts';
import { randomUniform } from '../../src/compiler/support/random.ts';
import { dithered, nearest } from './narrow.ts';

export type Memory = Readonly<Record<string, Float64Array>>;

interface Invocation {
  readonly kernel: Kernel;
  readonly memory: Memory;
  readonly uniforms: Readonly<Record<string, number>>;
  readonly shared: Memory;
  /** Copies that it began, and groups of them that it closed. */
  readonly copies: { begun: readonly Copy[]; closed: number };
  /** What each invocation gives to a shuffle, and to fragments of sums. */
  readonly shuffled: Float64Array;
  readonly squares: Float64Array;
  readonly group: number;
  readonly lane: number;
}

interface Copy {
  readonly into: Float64Array;
  readonly elements: Float64Array;
  /** The number of its group. */
  readonly group: number;
}

type Locals = Map<string, number | Float64Array>;

/** Runs all workgroups, one after the other. `groups` may be more than the kernel's, as a folded grid has. */
export function runKernel(
  kernel: Kernel,
  memory: Memory,
  uniforms: Readonly<Record<string, number>> = {},
  groups = kernel.groups,
): void {
  for (let group = 0; group < groups; group++) {
    const shared = Object.fromEntries(
      kernel.shared.map((a) => [a.name, new Float64Array(a.elements).fill(Number.NaN)]),
    );
    const shuffled = new Float64Array(kernel.workgroup);
    const squares = new Float64Array(Math.ceil(kernel.workgroup / FRAGMENT_LANES) * FRAGMENT ** 2);
    const lanes = Array.from({ length: kernel.workgroup }, (_, lane) =>
      runBody(
        { kernel, memory, uniforms, shared, copies: { begun: [], closed: 0 }, shuffled, squares, group, lane },
        kernel.body,
        new Map(),
      ),
    );
    for (let running = true; running; ) {
      const waiting = lanes.map((lane) => lane.next().done !== true);
      running = waiting.some((w) => w);
      invariant(!running || waiting.every((w) => w), `kernel ${kernel.name}: not all invocations reach a barrier`);
    }
  }
}

/** Yields at barriers and shuffles; returns true when the invocation has left. */
function* runBody(self: Invocation, body: readonly Statement[], outer: Locals): Generator<void, boolean> {
  // One map serves all scopes: names are unique where they are visible.
  const locals = outer;
  const value = (expr: Expr): number => evaluate(self, expr, locals);
  for (const s of body) {
    switch (s.kind) {
      case 'comment':
        break;
      case 'let':
      case 'var':
      case 'assign':
        if (s.value.type !== 'vec4') locals.set(s.name, value(s.value));
        else for (const c of FOUR) locals.set(`${s.name}.${c}`, part(self, s.value, locals, c));
        break;
      case 'array': {
        const values = s.values.flatMap((v) =>
          s.type === 'vec4' ? FOUR.map((c) => part(self, v, locals, c)) : value(v),
        );
        const size = s.type === 'vec4' ? 4 * s.elements : s.elements;
        locals.set(s.name, values.length > 0 ? Float64Array.from(values) : new Float64Array(size));
        break;
      }
      case 'assign_element': {
        const index = value(s.index);
        const parts = s.value.type === 'vec4' ? FOUR.map((c) => part(self, s.value, locals, c)) : [value(s.value)];
        elements(locals, s.array, index * parts.length).set(parts, index * parts.length);
        break;
      }
      case 'store': {
        const parts = s.value.type === 'vec4' ? FOUR.map((c) => part(self, s.value, locals, c)) : [value(s.value)];
        const index = value(s.index) * parts.length;
        const kept = parts.map((x) => stored(self.kernel, s.buffer, x));
        access(self.memory, s.buffer, index + parts.length - 1).set(kept, index);
        break;
      }
      case 'store_shared': {
        const { type } = present(
          self.kernel.shared.find((a) => a.name === s.array),
          s.array,
        );
        const parts = s.value.type === 'vec4' ? FOUR.map((c) => part(self, s.value, locals, c)) : [value(s.value)];
        const index = value(s.index) * parts.length;
        const kept = parts.map((x) => (isNarrow(type) ? nearest(type, x) : x));
        access(self.shared, s.array, index + parts.length - 1).set(kept, index);
        break;
      }
      case 'copy_shared': {
        const first = value(s.to) * s.elements;
        const into = access(self.shared, s.array, first + s.elements - 1).subarray(first, first + s.elements);
        const from = value(s.from) * s.elements;
        const elements = Float64Array.from(into, (_, i) =>
          value(s.inside) === 1 ? loaded(self.memory, s.buffer, from + i) : 0,
        );
        into.fill(Number.NaN);
        self.copies.begun = [...self.copies.begun, { into, elements, group: self.copies.closed }];
        break;
      }
      case 'commit_copies':
        self.copies.closed++;
        break;
      case 'wait_copies': {
        const { begun, closed } = self.copies;
        const isDone = ({ group }: Copy): boolean => group < closed - s.open;
        for (const { into, elements } of begun.filter(isDone)) into.set(elements);
        self.copies.begun = begun.filter((copy) => !isDone(copy));
        break;
      }
      case 'load_fragment':
        yield;
        locals.set(s.name, fragment(self, s, value(s.index)));
        break;
      case 'round_fragment': {
        const from = elements(locals, s.from, value(s.first) + LANE_SUMS - 1);
        for (let n = 0; n < LANE_SUMS; n++) {
          const { row, column } = fragmentPlace(u32(self.lane % FRAGMENT_LANES), u32(n));
          const at = evaluate(self, row, locals) * FRAGMENT + evaluate(self, column, locals);
          teamOf(self)[at] = nearest(s.type, present(from[value(s.first) + n], 'sum'));
        }
        yield;
        locals.set(s.name, teamOf(self).slice());
        yield;
        break;
      }
      case 'multiply_fragments': {
        yield;
        const [row, column] = [elements(locals, s.row, 0), elements(locals, s.column, 0)];
        const first = value(s.first);
        const sums = elements(locals, s.into, first + LANE_SUMS - 1);
        for (let n = 0; n < LANE_SUMS; n++) {
          const place = fragmentPlace(u32(self.lane % FRAGMENT_LANES), u32(n));
          const [i, j] = [evaluate(self, place.row, locals), evaluate(self, place.column, locals)];
          for (let k = 0; k < FRAGMENT; k++) {
            const product = present(row[i * FRAGMENT + k], 'element') * present(column[j * FRAGMENT + k], 'element');
            sums[first + n] = Math.fround(present(sums[first + n], 'sum') + product);
          }
        }
        break;
      }
      case 'for':
        for (let i = value(s.from); i < value(s.to); i += value(s.step)) {
          locals.set(s.name, i);
          if (yield* runBody(self, s.body, locals)) return true;
        }
        break;
      case 'if':
        if (yield* runBody(self, value(s.condition) === 1 ? s.then : s.else, locals)) return true;
        break;
      case 'call': {
        const fn = present(
          self.kernel.functions.find((f) => f.name === s.fn),
          s.fn,
        );
        yield* runBody(self, fn.body, new Map(fn.params.map((p, i) => [p.name, value(present(s.args[i], p.name))])));
        break;
      }
      case 'shuffle':
        self.shuffled[self.lane] = value(s.value);
        yield;
        locals.set(
          s.name,
          present(self.shuffled.subarray(firstOf(self), firstOf(self) + lanesOf(self))[value(s.lane)], 'lane'),
        );
        yield;
        break;
      case 'barrier':
        yield;
        break;
      case 'return':
        return true;
    }
  }
  return false;
}

/** Lanes of a subgroup: a workgroup with shuffles is one, or several of 32. */
function lanesOf({ kernel }: Invocation): number {
  return Math.min(kernel.workgroup, FRAGMENT_LANES);
}

/** The first invocation of the subgroup. */
function firstOf(self: Invocation): number {
  return self.lane - (self.lane % lanesOf(self));
}

/** The square that a subgroup makes a fragment of. */
function teamOf(self: Invocation): Float64Array {
  const team = Math.floor(self.lane / FRAGMENT_LANES);
  return self.squares.subarray(team * FRAGMENT ** 2, (team + 1) * FRAGMENT ** 2);
}

/** The elements of a fragment, line by line. Every lane has all of them here. */
function fragment(self: Invocation, s: Extract<Statement, { kind: 'load_fragment' }>, first: number): Float64Array {
  return Float64Array.from({ length: FRAGMENT * FRAGMENT }, (_, n) => {
    const [line, place] = [Math.floor(n / FRAGMENT), n % FRAGMENT];
    const index = first + (s.along === 'sum' ? line * s.stride + place : place * s.stride + line);
    return loaded(self.shared, s.array, index);
  });
}

/** A function with a result has no barriers, so it runs to its end. */
function callFunction(self: Invocation, call: Expr & { readonly kind: 'call' }, outer: Locals): number {
  const fn = present(
    self.kernel.functions.find((f) => f.name === call.fn),
    call.fn,
  );
  const args = call.args.map((arg) => evaluate(self, arg, outer));
  const locals: Locals = new Map(fn.params.map((p, i) => [p.name, present(args[i], p.name)]));
  runBody(self, fn.body, locals).next();
  return evaluate(self, present(fn.result, `result of ${fn.name}`), locals);
}

/** What a buffer keeps of a value. */
function stored({ buffers }: Kernel, name: string, value: number): number {
  const type = present(
    buffers.find((b) => b.name === name),
    `buffer ${name}`,
  ).type;
  return isNarrow(type) ? nearest(type, value) : value;
}

function elements(locals: Locals, name: string, index: number): Float64Array {
  const array = locals.get(name);
  invariant(array instanceof Float64Array, `${name} is no array`);
  return access({ [name]: array }, name, index);
}

function access(memory: Memory, name: string, index: number): Float64Array {
  const array = present(memory[name], `memory ${name}`);
  invariant(Number.isInteger(index) && index >= 0 && index < array.length, `${name}[${index}] is out of bounds`);
  return array;
}

function loaded(memory: Memory, name: string, index: number): number {
  const element = present(access(memory, name, index)[index], 'element');
  invariant(!Number.isNaN(element), `${name}[${index}] is read and was not written`);
  return element;
}

const FOUR = [0, 1, 2, 3] as const;

/** A component of a vector. A vector `v` lies in the locals v.0 to v.3, an array of vectors one after the other. */
function part(self: Invocation, expr: Expr, locals: Locals, c: 0 | 1 | 2 | 3): number {
  if (expr.type !== 'vec4') return evaluate(self, expr, locals);
  const inner = (e: Expr): number => part(self, e, locals, c);
  switch (expr.kind) {
    case 'vector':
      return inner(present(expr.parts[expr.parts.length === 1 ? 0 : c], 'part of a vector'));
    case 'local': {
      const local = locals.get(`${expr.name}.${c}`);
      invariant(typeof local === 'number', `local ${expr.name} has no value`);
      return local;
    }
    case 'load':
    case 'load_shared': {
      const [memory, name] = expr.kind === 'load' ? [self.memory, expr.buffer] : [self.shared, expr.array];
      return loaded(memory, name, 4 * evaluate(self, expr.index, locals) + c);
    }
    case 'element': {
      const index = 4 * evaluate(self, expr.index, locals) + c;
      return present(elements(locals, expr.array, index)[index], 'element');
    }
    case 'unary':
      return Math.fround(unary(expr.op, inner(expr.operand)));
    case 'binary':
      return Math.fround(binary(expr, inner(expr.left), inner(expr.right)));
    case 'select':
      return evaluate(self, expr.condition, locals) === 1 ? inner(expr.then) : inner(expr.else);
    default:
      throw new InternalError(`a vector ${expr.kind} is not for this machine`);
  }
}

function evaluate(self: Invocation, expr: Expr, locals: Locals): number {
  switch (expr.kind) {
    case 'literal':
      return expr.type === 'f32' ? Math.fround(expr.value) : expr.value;
    case 'local': {
      const local = locals.get(expr.name);
      invariant(typeof local === 'number', `local ${expr.name} has no value`);
      return local;
    }
    case 'element':
      return present(
        elements(locals, expr.array, evaluate(self, expr.index, locals))[evaluate(self, expr.index, locals)],
        'element',
      );
    case 'call':
      return callFunction(self, expr, locals);
    case 'uniform':
      return present(self.uniforms[expr.name], `uniform ${expr.name}`);
    case 'builtin':
      if (expr.name === 'subgroup_lane') return self.lane % lanesOf(self);
      return expr.name === 'group' ? self.group : self.lane;
    case 'load':
    case 'load_shared': {
      const [memory, name] = expr.kind === 'load' ? [self.memory, expr.buffer] : [self.shared, expr.array];
      return loaded(memory, name, evaluate(self, expr.index, locals));
    }
    case 'unary':
      return rounded(expr, unary(expr.op, evaluate(self, expr.operand, locals)));
    case 'binary':
      return rounded(expr, binary(expr, evaluate(self, expr.left, locals), evaluate(self, expr.right, locals)));
    case 'select': {
      const [then, otherwise] = [evaluate(self, expr.then, locals), evaluate(self, expr.else, locals)];
      return evaluate(self, expr.condition, locals) === 1 ? then : otherwise;
    }
    case 'component':
      return part(self, expr.vector, locals, expr.index);
    case 'cast':
      return cast(expr.type, evaluate(self, expr.operand, locals));
    case 'random':
      return randomUniform(
        expr.key,
        expr.counters.map((counter) => evaluate(self, counter, locals)),
      );
    default:
      throw new InternalError(`${expr.kind} is not for this machine`);
  }
}

function rounded(expr: Expr, value: number): number {
  if (expr.type === 'f32') return Math.fround(value);
  if (expr.type === 'i32') return value | 0;
  return expr.type === 'u32' ? value >>> 0 : value;
}

function cast(type: string, value: number): number {
  if (type === 'f32') return Math.fround(value);
  return type === 'bool' ? Number(value !== 0) : Math.trunc(value);
}

const UNARY: Readonly<Record<string, (x: number) => number>> = {
  neg: (x) => -x,
  not: (x) => 1 - x,
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  abs: Math.abs,
  floor: Math.floor,
  acos: Math.acos,
  round_f16: (x) => nearest('f16', x),
  round_bf16: (x) => nearest('bf16', x),
};

function unary(op: string, x: number): number {
  return present(UNARY[op], op)(x);
}

function binary({ op, left }: Expr & { readonly kind: 'binary' }, a: number, b: number): number {
  switch (op) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return left.type === 'f32' || left.type === 'vec4' ? a * b : Math.imul(a, b);
    case 'div':
      return left.type === 'f32' || left.type === 'vec4' ? a / b : Math.trunc(a / b);
    case 'mod':
      return a - b * Math.floor(a / b);
    case 'pow':
      return a ** b;
    case 'max':
      return Math.max(a, b);
    case 'min':
      return Math.min(a, b);
    case 'eq':
      return Number(a === b);
    case 'ne':
      return Number(a !== b);
    case 'lt':
      return Number(a < b);
    case 'le':
      return Number(a <= b);
    case 'gt':
      return Number(a > b);
    case 'ge':
      return Number(a >= b);
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'dither_f16':
      return dithered('f16', a, b);
    case 'dither_bf16':
      return dithered('bf16', a, b);
  }
}
