import { join } from 'node:path';
import type { Device } from '../../src/backends/device.ts';
import { compileTarget } from '../../src/backends/targets.ts';
import { compile } from '../../src/compiler/compile.ts';
import type { LibraryUse } from '../../src/compiler/ir/matmul.ts';
import { present } from '../../src/compiler/support/invariant.ts';
import { packageFolder } from '../../src/runtime/package-folder.ts';
import { type KernelCost, profileStep } from '../../src/runtime/profile/profile-step.ts';
import { readSpec } from '../../src/runtime/read-spec.ts';

const ROUNDS = 5;

/** A kernel of a step, with what it does in a second. */
export interface KernelRate extends KernelCost {
  readonly bytesPerSecond: number;
  readonly flopsPerSecond: number;
}

/** Every kernel of a step of a spec in this folder, by itself, the dearest first. */
export async function profileSpec(
  device: Device,
  spec: string,
  set: readonly string[],
  library?: LibraryUse,
): Promise<{ readonly stepMs: number; readonly kernels: readonly KernelRate[] }> {
  const { plan, texts, train } = compile({
    source: readSpec(join(packageFolder(), 'bench', spec)),
    set,
    purposes: ['train'],
    limits: device.limits,
    target: compileTarget(device.target),
    library,
  });
  const { stepMs, kernels } = await profileStep({
    device,
    plan,
    texts,
    config: present(train, 'a train block'),
    rounds: ROUNDS,
  });
  const rate = (amount: number, ms: number): number => (1000 * amount) / ms;
  return {
    stepMs,
    kernels: kernels.map((k) => ({
      ...k,
      bytesPerSecond: rate(k.bytes, k.ms),
      flopsPerSecond: rate(k.flops, k.ms),
    })),
  };
}

/** The kernels with a member of the graph whose op matches. */
export function withOp(kernels: readonly KernelRate[], op: RegExp): readonly KernelRate[] {
  return kernels.filter(({ members }) => members.some((member) => op.test(member.split(' = ').at(-1) ?? '')));
}
