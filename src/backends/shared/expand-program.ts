import type { MatrixName } from '../../compiler/ir/matmul.ts';
import type { Address, Launch, MatmulCall, Program } from '../../compiler/ir/plan.ts';

/** A fixed piece of a segment. */
export interface MemoryRange {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
}

/** One launch of one iteration, with its addresses where they are at that iteration. */
export interface FixedLaunch {
  readonly kind: 'launch';
  readonly kernel: number;
  readonly ranges: readonly MemoryRange[];
  readonly uniformRow: number | undefined;
  readonly groups: readonly [number, number, number];
}

/** One product of a library in one iteration. */
export interface FixedMatmul extends Readonly<Record<MatrixName, MemoryRange>> {
  readonly kind: 'matmul';
  readonly matmul: number;
}

export type FixedStep = FixedLaunch | FixedMatmul | { readonly kind: 'clear'; readonly range: MemoryRange };

/** What a program does, in order, with its loops written out. */
export function expandProgram(program: Program): readonly FixedStep[] {
  return program.steps.flatMap(expandStep);
}

function expandStep(step: Program['steps'][number]): readonly FixedStep[] {
  switch (step.kind) {
    case 'clear':
      return [{ kind: 'clear', range: rangeAt(step.address, 0) }];
    case 'launch':
    case 'matmul':
      return [callAt(step, 0)];
    case 'loop': {
      const iterations = Array.from({ length: step.count }, (_, i) => (step.reverse ? step.count - 1 - i : i));
      return iterations.flatMap((i) => step.body.map((call) => callAt(call, i)));
    }
  }
}

function callAt(call: Launch | MatmulCall, iteration: number): FixedLaunch | FixedMatmul {
  if (call.kind === 'launch') return launchAt(call, iteration);
  const { kind, matmul, left, right, result } = call;
  return {
    kind,
    matmul,
    left: rangeAt(left, iteration),
    right: rangeAt(right, iteration),
    result: rangeAt(result, iteration),
  };
}

function launchAt(launch: Launch, iteration: number): FixedLaunch {
  return {
    kind: 'launch',
    kernel: launch.kernel,
    ranges: launch.addresses.map((a) => rangeAt(a, iteration)),
    uniformRow: launch.uniformRow === undefined ? undefined : launch.uniformRow + iteration,
    groups: launch.groups,
  };
}

function rangeAt({ segment, offset, bytes, move }: Address, iteration: number): MemoryRange {
  if (!move) return { segment, offset, bytes };
  const { stride, shift, modulus } = move;
  const slot = (((iteration + shift) % modulus) + modulus) % modulus;
  return { segment, offset: offset + slot * stride, bytes };
}
