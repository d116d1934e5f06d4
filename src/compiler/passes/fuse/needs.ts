import type { Op, OpOf, ValueId } from '../../ir/graph.ts';
import { operandOf, resultOf } from '../../ir/op-parts.ts';
import { BEFORE_CAPTURES } from '../../ops/attend-shapes.ts';
import { present } from '../../support/invariant.ts';
import { workOf } from './op-class.ts';
import type { Scope } from './scope.ts';
import { isAlike, isView, throughViews } from './views.ts';

/** What must lie in memory whatever is fused. */
export interface Needs {
  /** Values that a kernel must store. */
  readonly required: ReadonlySet<ValueId>;
  /** Values that must lie in memory and are another value seen with other axes. */
  readonly aliases: ReadonlyMap<ValueId, ValueId>;
  /** Where a kernel may stop computing and load: required values, reductions, contractions, recurrences, dear values. */
  readonly nodes: ReadonlySet<ValueId>;
  /** Contractions that a library is to compute; see `library.ts`. */
  readonly library: ReadonlySet<ValueId>;
}

/** Work for one element from which on a value that is used by many elements is stored; see `workOf`. */
const DEAR = 14;

/** Finds what must be stored. Without fusion that is the result of every op that computes. */
export function findNeeds(scope: Scope, fuse: boolean): Needs {
  const required = new Set<ValueId>();
  const aliases = new Map<ValueId, ValueId>();
  const nodes = new Set<ValueId>();

  const require = (id: ValueId): void => {
    const op = scope.op(id);
    if (!op || isMemory(scope, id)) return;
    const operand = op.operands[0];
    if (operand !== undefined && isAlike(scope, op)) {
      aliases.set(id, operand);
      require(operand);
      return;
    }
    required.add(id);
    nodes.add(id);
  };

  for (const { block, home } of scope.blocks) {
    if (home && !scope.isLive(home)) continue;
    for (const id of block.results) require(id);
  }
  for (const { block, home } of scope.blocks) {
    if (home && !scope.isLive(home)) continue;
    for (const op of block.ops) {
      if (!scope.isLive(op)) continue;
      for (const id of operandsInMemory(scope, op, required)) require(id);
      if (op.kind === 'loop') {
        for (const id of scope.captures(op)) if (isDearInside(scope, id)) require(id);
      }
      if (op.kind === 'put') {
        const { id } = resultOf(op, 0);
        aliases.set(id, operandOf(op, 0));
        required.add(id);
        nodes.add(id);
      }
      const c = scope.classOf(op);
      for (const { id } of op.results) {
        if (c === 'reduction' || c === 'product' || c === 'scan') nodes.add(id);
        if (!fuse && (nodes.has(id) || (c === 'pointwise' && !isView(op)))) require(id);
      }
    }
  }
  for (const { block } of scope.blocks) {
    for (const op of block.ops) {
      if (scope.isLive(op) && isDear(scope, op, nodes)) for (const { id } of op.results) nodes.add(id);
    }
  }
  return { required, aliases, nodes, library: new Set() };
}

/** Operands that a reader of memory needs stored, views of them put aside where the reader can index through them. */
function operandsInMemory(scope: Scope, op: Op, required: ReadonlySet<ValueId>): readonly ValueId[] {
  switch (op.kind) {
    case 'contract':
      return scope.classOf(op) === 'product' ? op.operands.map((id) => readerSees(scope, id, required)) : [];
    case 'scatter_add':
      return op.operands.filter((id) => scope.axes(id).length > 0).map((id) => readerSees(scope, id, required));
    case 'attend':
    case 'attend_backward_query':
    case 'attend_backward_key':
      return op.operands
        .filter((id, k) => scope.axes(id).length > 0 && (k < BEFORE_CAPTURES[op.kind] || readsMemory(scope, id)))
        .map((id) => readerSees(scope, id, required));
    case 'loop':
      return op.operands.filter((id, k) => k < op.attrs.carried || scope.op(id)?.kind !== 'constant');
    default:
      return [];
  }
}

/** Whether a value comes from memory at all; slopes that depend on the head alone, for example, do not. */
function readsMemory(scope: Scope, id: ValueId): boolean {
  const op = scope.op(id);
  return !op || !scope.isSoft(id) || isMemory(scope, id) || op.operands.some((operand) => readsMemory(scope, operand));
}

/** Operands are indexed through views, except of what a kernel moves about: that one can as well store the view. */
function readerSees(scope: Scope, id: ValueId, required: ReadonlySet<ValueId>): ValueId {
  const origin = throughViews(scope, id);
  return scope.classOfValue(origin) === 'movement' && !required.has(origin) ? id : origin;
}

/** Whether a loop's parameter stands for a table of constants: the number of this iteration, never in memory. */
export function isTable(scope: Scope, loop: OpOf<'loop'>, index: number): boolean {
  return index >= loop.attrs.carried && scope.op(present(loop.operands[index], 'an operand'))?.kind === 'constant';
}

/** A value from outside a loop that its body had better load: all but views of memory and cheap work on no memory. */
function isDearInside(scope: Scope, id: ValueId): boolean {
  let work = 0;
  let loads = false;
  let views = true;
  const stack = [id];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const op = scope.op(at);
    if (!op || isMemory(scope, at)) {
      loads = true;
      continue;
    }
    if (!scope.isSoft(at) || op.kind === 'random') return true;
    if (!isView(op)) views = false;
    work += workOf(op);
    stack.push(...op.operands);
  }
  return !views && (loads || work >= DEAR);
}

/** Whether a value lies in memory without being asked to. */
function isMemory(scope: Scope, id: ValueId): boolean {
  const c = scope.classOfValue(id);
  return c === 'memory' || c === 'loop' || c === 'own' || c === 'put';
}

/** Work that would be done again for every element of a larger consumer, as for the cosines of a rotation. */
function isDear(scope: Scope, op: Op, nodes: ReadonlySet<ValueId>): boolean {
  const result = op.results[0];
  if (!result || scope.classOf(op) !== 'pointwise' || result.type.axes.length === 0) return false;
  const spread = scope.users(result.id).some((user) => {
    const wider = user.results[0];
    const pulls = wider && (scope.isSoft(wider.id) || scope.classOf(user) === 'scan');
    return pulls && wider.type.axes.length > result.type.axes.length;
  });
  return spread && pulledWork(scope, result.id, nodes) >= DEAR;
}

/** The work of everything that is computed on the way to a value, each once. */
function pulledWork(scope: Scope, id: ValueId, nodes: ReadonlySet<ValueId>): number {
  let work = 0;
  const seen = new Set([id]);
  for (const at of seen) {
    const op = scope.op(at);
    if (!op || !scope.isSoft(at) || (at !== id && nodes.has(at))) continue;
    work += workOf(op);
    if (work >= DEAR) break;
    for (const operand of op.operands) seen.add(operand);
  }
  return work;
}
