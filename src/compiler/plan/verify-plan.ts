import { MATRICES, matrixSpan } from '../ir/matmul.ts';
import type { Address, Launch, MatmulCall, Plan } from '../ir/plan.ts';
import { invariant, present } from '../support/invariant.ts';

/**
 * Throws an `InternalError` unless every binding lies in its segment, aligned, and no launch binds overlapping bytes for
 * writing, in any iteration: WebGPU refuses it, and other devices would give wrong numbers without a word. The matrices of a product
 * that a library computes lie in what it is bound to.
 */
export function verifyPlan(plan: Plan, alignment: number): void {
  const sizes = new Map(plan.segments.map((s) => [s.name, s.bytes]));
  const check = (call: Launch | MatmulCall, iteration: number): void => {
    const ranges = bindingsOf(plan, call).map(({ name, access, address }) => {
      const offset = offsetAt(address, iteration);
      const size = present(sizes.get(address.segment), `segment ${address.segment} of ${name}`);
      invariant(offset >= 0 && offset + address.bytes <= size, `${name} lies outside of ${address.segment}`);
      invariant(offset % alignment === 0, `${name} is not aligned`);
      return {
        name,
        segment: address.segment,
        start: offset,
        end: offset + address.bytes,
        access,
      };
    });
    ranges.forEach((a, i) => {
      for (const b of ranges.slice(0, i)) {
        const writes = a.access === 'read_write' || b.access === 'read_write';
        const apart = a.segment !== b.segment || a.end <= b.start || b.end <= a.start;
        invariant(apart || !writes, `${a.name} and ${b.name} overlap in iteration ${iteration}`);
      }
    });
  };
  for (const { steps } of Object.values(plan.programs)) {
    for (const step of steps) {
      if (step.kind === 'launch' || step.kind === 'matmul') check(step, 0);
      if (step.kind !== 'loop') continue;
      // What moves returns after at most as many iterations as the loop has, so the ends and the turns show all.
      for (const i of new Set([0, 1, step.count - 2, step.count - 1])) {
        if (i >= 0 && i < step.count) for (const call of step.body) check(call, i);
      }
    }
  }
}

interface Binding {
  readonly name: string;
  readonly access: 'read' | 'read_write' | undefined;
  readonly address: Address;
}

/** What a step is bound to, by names for messages. */
function bindingsOf(plan: Plan, call: Launch | MatmulCall): readonly Binding[] {
  if (call.kind === 'launch') {
    const { name, bindings } = present(plan.kernels[call.kernel], 'a kernel');
    return call.addresses.map((address, k) => ({
      name: `${name}.${bindings[k]?.name}`,
      access: bindings[k]?.access,
      address,
    }));
  }
  const entry = present(plan.matmuls[call.matmul], 'a product');
  return MATRICES.map((which) => {
    const name = `${entry.name}.${which}`;
    const address = call[which];
    const bytes = matrixSpan(entry, which);
    invariant(bytes <= address.bytes, `${name} takes ${bytes} bytes, and is bound to ${address.bytes}`);
    return { name, access: which === 'result' ? 'read_write' : 'read', address };
  });
}

/** The byte offset of an address in an iteration. */
function offsetAt({ offset, move }: Address, iteration: number): number {
  return move ? offset + ((iteration + move.shift) % move.modulus) * move.stride : offset;
}
