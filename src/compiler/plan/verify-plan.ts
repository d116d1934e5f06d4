import type { Address, Launch, Plan } from '../ir/plan.ts';
import { invariant, present } from '../support/invariant.ts';

/**
 * Throws an `InternalError` unless every binding lies in its segment, aligned, and no launch binds overlapping bytes for
 * writing, in any iteration: WebGPU refuses it, and other devices would give wrong numbers without a word.
 */
export function verifyPlan(plan: Plan, alignment: number): void {
  const sizes = new Map(plan.segments.map((s) => [s.name, s.bytes]));
  const check = (launch: Launch, iteration: number): void => {
    const kernel = present(plan.kernels[launch.kernel], 'a kernel');
    const ranges = launch.addresses.map((address, k) => {
      const offset = offsetAt(address, iteration);
      const name = `${kernel.name}.${kernel.bindings[k]?.name}`;
      const size = present(sizes.get(address.segment), `segment ${address.segment} of ${name}`);
      invariant(offset >= 0 && offset + address.bytes <= size, `${name} lies outside of ${address.segment}`);
      invariant(offset % alignment === 0, `${name} is not aligned`);
      return {
        name,
        segment: address.segment,
        start: offset,
        end: offset + address.bytes,
        access: kernel.bindings[k]?.access,
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
      if (step.kind === 'launch') check(step, 0);
      if (step.kind !== 'loop') continue;
      // What moves returns after at most as many iterations as the loop has, so the ends and the turns show all.
      for (const i of new Set([0, 1, step.count - 2, step.count - 1])) {
        if (i >= 0 && i < step.count) for (const launch of step.body) check(launch, i);
      }
    }
  }
}

/** The byte offset of an address in an iteration. */
function offsetAt({ offset, move }: Address, iteration: number): number {
  return move ? offset + ((iteration + move.shift) % move.modulus) * move.stride : offset;
}
