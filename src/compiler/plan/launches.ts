import type { Op, OpOf, ValueId } from '../ir/graph.ts';
import type { Kernel, KernelBuffer, KernelUniform, TargetLimits } from '../ir/kernel.ts';
import { matmulBytes, matmulFlops } from '../ir/matmul.ts';
import type { Address, Launch, MatmulCall, PlanLoop, UniformWord } from '../ir/plan.ts';
import type { FusedGraph } from '../ir/region.ts';
import { ELEMENT_BYTES } from '../ir/storage-type.ts';
import { InternalError, invariant, present } from '../support/invariant.ts';
import { flatLaunch, foldGroups } from './flat-launch.ts';
import type { KernelTable } from './kernel-table.ts';
import { alignUp } from './sizes.ts';
import {
  type Copy,
  type Location,
  type Place,
  type PlacedLoop,
  type PlacedMatmuls,
  type PlacedProgram,
  type PlacedRegion,
  type PlacedStep,
  seenAt,
} from './storage.ts';
import { copyRows } from './update-kernels.ts';

/** The launches of a placed program and what a library computes in it, with the address of every binding. */
export function launchesOf(
  fused: FusedGraph,
  placed: PlacedProgram,
  base: (location: Location) => Place,
  kernels: KernelTable,
  limits: TargetLimits,
): readonly (Launch | MatmulCall | PlanLoop)[] {
  const tables = tablesOf(fused);
  const names = namesOf(fused.graph.block.ops);

  const locate = (id: ValueId, inLoop: boolean): Location => {
    const alias = fused.aliases.get(id);
    return alias === undefined ? seenAt(placed, id, inLoop) : locate(alias, inLoop);
  };

  const regionLaunch = ({ region, kernel: lowered }: PlacedRegion, loop: OpOf<'loop'> | undefined): Launch => {
    const kernel = withAccess(lowered, (id) => locate(id, loop !== undefined));
    const members = region.members.map((id) => names.get(id) ?? `%${id}`);
    const addresses = kernel.buffers.map((b) => {
      invariant(typeof b.holds === 'number', `buffer ${b.name} of a region holds a value`);
      return windowOf(addressAt(locate(b.holds, loop !== undefined), base), b);
    });
    const rows = uniformRows(kernel, loop, tables);
    return {
      kind: 'launch',
      kernel: kernels.add(kernel, members),
      addresses,
      ...(rows ? { uniformRow: kernels.addRows(rows) } : {}),
      groups: foldGroups(kernel.groups, limits),
    };
  };

  const matmulCalls = ({ region, matmuls }: PlacedMatmuls, loop: OpOf<'loop'> | undefined): readonly MatmulCall[] => {
    const members = region.members.map((id) => names.get(id) ?? `%${id}`);
    const address = (id: ValueId): Address => addressAt(locate(id, loop !== undefined), base);
    return matmuls.map(({ shape, left, right, result }, k): MatmulCall => {
      const name = matmuls.length === 1 ? region.name : `${region.name}_term_${k + 1}`;
      const [flops, bytes] = [matmulFlops(shape), matmulBytes(shape)];
      return {
        kind: 'matmul',
        matmul: kernels.addMatmul({ name, ...shape, flops, bytes, members }),
        left: address(left),
        right: address(right),
        result: address(result),
      };
    });
  };

  const copyLaunch = (copy: Copy, loop: OpOf<'loop'> | undefined): Launch => {
    const words = copy.rowBytes / 4;
    const values = { rows: copy.rows, words, target_stride: copy.toStride / 4, origin_stride: copy.fromStride / 4 };
    const addresses = [addressAt(copy.to, base), addressAt(copy.from, base)];
    return flatLaunch(copyRows(), addresses, values, copy.rows * words, kernels, limits, loop?.attrs.axis.size ?? 1);
  };

  const callsOf = (
    step: Exclude<PlacedStep, PlacedLoop>,
    loop: OpOf<'loop'> | undefined,
  ): readonly (Launch | MatmulCall)[] => {
    switch (step.kind) {
      case 'region':
        return [regionLaunch(step, loop)];
      case 'matmuls':
        return matmulCalls(step, loop);
      case 'copy':
        return [copyLaunch(step, loop)];
    }
  };

  return placed.steps.flatMap((step): readonly (Launch | MatmulCall | PlanLoop)[] => {
    if (step.kind !== 'loop') return callsOf(step, undefined);
    const body = step.body.flatMap((inner) => callsOf(inner, step.op));
    return [{ kind: 'loop', count: step.op.attrs.axis.size, reverse: step.op.attrs.reverse, body }];
  });
}

/**
 * A buffer may not be bound for reading and for writing in one launch, and most values share the arena with what the
 * launch writes. So only what lies in segments that no such launch writes is bound for reading alone.
 */
function withAccess(kernel: Kernel, locate: (id: ValueId) => Location): Kernel {
  const buffers = kernel.buffers.map((b): KernelBuffer => {
    const segment = typeof b.holds === 'number' ? locate(b.holds).storage.fixed?.segment : undefined;
    const steady = segment !== undefined && /^(weights|inputs)/.test(segment);
    return { ...b, access: steady ? b.access : 'read_write' };
  });
  return { ...kernel, buffers };
}

function addressAt(location: Location, base: (location: Location) => Place): Address {
  const place = base(location);
  return {
    segment: place.segment,
    offset: place.offset + location.offset,
    bytes: location.bytes,
    ...(location.move ? { move: location.move } : {}),
  };
}

/** The part of an address that one binding of a split value sees. */
function windowOf(address: Address, buffer: KernelBuffer): Address {
  if (!buffer.window) return address;
  const each = ELEMENT_BYTES[buffer.type];
  return { ...address, offset: address.offset + buffer.window.start * each, bytes: alignUp(buffer.elements * each, 4) };
}

/** One row for each iteration, or one row outside a loop; none when the kernel has no uniforms of its own. */
function uniformRows(
  kernel: Kernel,
  loop: OpOf<'loop'> | undefined,
  tables: ReadonlyMap<ValueId, readonly number[]>,
): readonly (readonly UniformWord[])[] | undefined {
  const own = kernel.uniforms.filter((u) => u.source.kind !== 'runtime');
  if (own.length === 0) return undefined;
  const count = loop?.attrs.axis.size ?? 1;
  return Array.from({ length: count }, (_, i) => own.map((u) => ({ type: u.type, value: uniformValue(u, i, tables) })));
}

function uniformValue(u: KernelUniform, iteration: number, tables: ReadonlyMap<ValueId, readonly number[]>): number {
  switch (u.source.kind) {
    case 'iteration':
      return iteration;
    case 'table':
      return present(tables.get(u.source.value)?.[iteration], `value ${iteration} of table ${u.name}`);
    default:
      throw new InternalError(`uniform ${u.name} of a region has no value`);
  }
}

/** The numbers behind the sliced parameters of loops that stand for tables. */
function tablesOf(fused: FusedGraph): ReadonlyMap<ValueId, readonly number[]> {
  const constants = new Map<ValueId, readonly number[]>();
  const tables = new Map<ValueId, readonly number[]>();
  for (const op of fused.graph.block.ops) {
    if (op.kind === 'constant') for (const r of op.results) constants.set(r.id, op.attrs.values);
    if (op.kind !== 'loop') continue;
    op.attrs.body.params.forEach((param, k) => {
      const values = constants.get(present(op.operands[k], 'an operand'));
      if (k >= op.attrs.carried && values) tables.set(param.id, values);
    });
  }
  return tables;
}

function namesOf(ops: readonly Op[]): ReadonlyMap<ValueId, string> {
  const names = new Map<ValueId, string>();
  const visit = (list: readonly Op[]): void => {
    for (const op of list) {
      for (const r of op.results) names.set(r.id, `${r.name ?? `%${r.id}`} = ${labelOf(op)}`);
      if (op.kind === 'loop') visit(op.attrs.body.ops);
    }
  };
  visit(ops);
  return names;
}

function labelOf(op: Op): string {
  return op.kind === 'unary' || op.kind === 'binary' ? op.attrs.fn : op.kind;
}
