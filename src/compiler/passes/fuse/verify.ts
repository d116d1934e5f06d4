import type { Axis, Block, Op, ValueId } from '../../ir/graph.ts';
import type { FusedGraph, Region, RegionStep } from '../../ir/region.ts';
import { hasAxis, isSubset } from '../../ir/tensor-type.ts';
import { matrixForms } from '../../ops/matrix-form.ts';
import { invariant, present } from '../../support/invariant.ts';
import { sameAxisSet } from './axes.ts';
import { computedFrom } from './pull.ts';
import { makeScope, type Scope } from './scope.ts';

/** Throws an `InternalError` unless every region can be computed, in order, from what lies in memory by then. */
export function verifyFused(fused: FusedGraph): void {
  const scope = makeScope(fused.graph);
  const made = new Set<ValueId>();
  const resolve = (id: ValueId): ValueId => {
    const of = fused.aliases.get(id);
    return of === undefined ? id : resolve(of);
  };
  const give = (id: ValueId): void => {
    invariant(!made.has(id), `value ${id} is made twice`);
    made.add(id);
  };

  const visit = (block: Block, steps: readonly RegionStep[]): void => {
    for (const op of block.ops) if (scope.classOf(op) === 'memory') for (const r of op.results) give(r.id);
    for (const step of steps) {
      if (step.kind === 'loop') visitLoop(step.op, step.body);
      else verifyRegion(step.region);
    }
    for (const id of block.results) requireStored(id, 'the result of a block');
  };

  const visitLoop = (op: Extract<Op, { kind: 'loop' }>, body: readonly RegionStep[]): void => {
    op.attrs.body.params.forEach((param, k) => {
      const operand = present(op.operands[k], 'an operand');
      if (k >= op.attrs.carried && scope.op(operand)?.kind === 'constant') return;
      requireStored(operand, 'the operand of a loop');
      give(param.id);
    });
    visit(op.attrs.body, body);
    for (const r of op.results) give(r.id);
  };

  const requireStored = (id: ValueId, what: string): void => {
    invariant(fused.stored.has(id), `${what}, value ${id}, is not stored`);
    invariant(made.has(resolve(id)), `${what}, value ${id}, is not made before it is read`);
  };

  const verifyRegion = (region: Region): void => {
    for (const id of region.reads) requireStored(id, `a read of ${region.name}`);
    verifyMembers(scope, region);
    if (region.kind === 'rows') verifyRows(scope, region.shared, region);
    if (region.kind === 'product') verifyProduct(scope, region);
    if (region.kind === 'product' && region.library) verifyLibrary(scope, region, fused.inPlace);
    if (region.kind === 'scan') verifyScan(scope, region);
    invariant(region.roots.length > 0, `${region.name} stores nothing`);
    for (const id of region.roots) {
      give(id);
      requireStored(id, `a root of ${region.name}`);
    }
  };

  visit(fused.graph.block, fused.steps);
}

/** Members need members, reads and tables only. */
function verifyMembers(scope: Scope, region: Region): void {
  const members = new Set(region.members);
  const reads = new Set(region.reads);
  for (const id of region.roots) invariant(members.has(id), `root ${id} of ${region.name} is no member`);
  for (const id of region.members) {
    invariant(!reads.has(id), `${region.name} both reads and computes value ${id}`);
    const op = scope.op(id);
    for (const operand of op ? computedFrom(op) : []) {
      const known = members.has(operand) || reads.has(operand) || scope.definition(operand).kind === 'param';
      invariant(known, `${region.name} needs value ${operand}, which is no member and no read`);
    }
  }
}

function verifyRows(scope: Scope, shared: readonly Axis[], region: Region): void {
  for (const id of region.roots)
    invariant(isSubset(shared, scope.writtenAxes(id)), `root ${id} of ${region.name} lacks rows`);
  for (const id of region.members) {
    invariant(scope.classOfValue(id) !== 'scan', `${region.name} computes a recurrence in rows`);
    if (scope.classOfValue(id) !== 'reduction') continue;
    invariant(sameAxisSet(scope.axes(id), shared), `reduction ${id} of ${region.name} has other rows`);
  }
}

function verifyProduct(scope: Scope, region: Extract<Region, { kind: 'product' }>): void {
  const roots = region.parts.flatMap((part) => part.roots);
  invariant(roots.length === region.roots.length, `parts of ${region.name} store its roots, each once`);
  for (const part of region.parts) {
    const axes = [...part.batch, ...part.rows, ...part.columns];
    for (const id of [...part.accumulators, ...part.roots]) {
      invariant(
        sameAxisSet(scope.writtenAxes(id), axes),
        `value ${id} of ${region.name} has other axes than its tiles`,
      );
    }
    for (const id of part.accumulators) invariant(region.members.includes(id), `accumulator ${id} is no member`);
  }
  for (const id of region.members) {
    const c = scope.classOfValue(id);
    invariant(c !== 'reduction' && c !== 'scan' && c !== 'own', `${region.name} computes a ${c}`);
  }
}

function verifyLibrary(
  scope: Scope,
  { name, parts, reads, roots }: Extract<Region, { kind: 'product' }>,
  inPlace: FusedGraph['inPlace'],
): void {
  const [accumulator, ...more] = parts.flatMap((part) => part.accumulators);
  const [root, ...others] = roots;
  invariant(accumulator !== undefined && root !== undefined, `${name} stores a product`);
  const op = scope.op(accumulator);
  invariant(more.length === 0 && others.length === 0, `${name} gives a library one product`);
  const before = inPlace.get(root);
  const isAdded = before !== undefined && [before, accumulator].every((id) => scope.op(root)?.operands.includes(id));
  invariant(root === accumulator || isAdded, `${name} gives a library a product, or one that is added in place`);
  const layoutOf = (id: ValueId) => (id === accumulator || reads.includes(id) ? scope.axes(id) : undefined);
  const forms = op?.kind === 'contract' && matrixForms(op, { axesOf: scope.axes, opOf: scope.op, layoutOf });
  invariant(forms, `${name} gives a library what is no product of matrices`);
}

function verifyScan(scope: Scope, region: Extract<Region, { kind: 'scan' }>): void {
  const [first] = region.roots;
  const axes = first === undefined ? [] : scope.axes(first);
  invariant(hasAxis(axes, region.over.id), `${region.name} lacks the axis that it runs along`);
  for (const id of region.roots)
    invariant(sameAxisSet(scope.axes(id), axes), `root ${id} of ${region.name} has other axes`);
  for (const id of region.members) {
    const c = scope.classOfValue(id);
    invariant(c !== 'reduction' && c !== 'product' && c !== 'own', `${region.name} computes a ${c}`);
    const op = scope.op(id);
    if (op?.kind !== 'recur') continue;
    const runs = op.attrs.over === region.over.id && op.attrs.reverse === region.reverse;
    invariant(runs && sameAxisSet(scope.axes(id), axes), `recurrence ${id} of ${region.name} runs otherwise`);
  }
}
