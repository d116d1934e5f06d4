/** What a model takes: numbers of weights, memory by use, and operations for each token. */
import type { Plan, Program, SegmentRole, WeightPlace } from '../compiler/ir/plan.ts';
import { programWork, stepWork } from '../compiler/ir/plan-totals.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';

export interface ModelSize {
  readonly parameters: number;
  readonly trained: number;
  readonly memory: MemoryUse;
  /** Floating point operations for each token; missing where the plan does not say how many tokens there are. */
  readonly flopsPerToken: { readonly forward: number | undefined; readonly training: number | undefined };
}

/** Bytes of device memory, as planned. */
export interface MemoryUse {
  readonly planned: number;
  readonly weights: number;
  readonly gradients: number;
  readonly moments: number;
  readonly activations: number;
  /** What a library of matrix products works in. */
  readonly library: number;
  /** Batches, results, and the numbers of launches. */
  readonly other: number;
}

export const countOf = ({ shape }: WeightPlace): number => shape.reduce((a, b) => a * b, 1);

export function modelSize(plan: Plan, train: TrainConfig | undefined): ModelSize {
  const sum = (weights: readonly WeightPlace[]): number => weights.reduce((n, w) => n + countOf(w), 0);
  const { micro, evaluate } = plan.programs;
  return {
    parameters: sum(plan.weights),
    trained: sum(plan.weights.filter((w) => !w.freeze)),
    memory: memoryUse(plan),
    flopsPerToken: {
      forward: evaluate && programWork(plan, evaluate).flops / tokensOf(evaluate),
      training: micro && train && stepWork(plan).flops / (tokensOf(micro) * plan.accumulation),
    },
  };
}

/** Tokens of one run of a program. */
function tokensOf({ inputs }: Program): number {
  const shape = inputs.find((i) => i.name === 'tokens')?.shape ?? [];
  return shape.reduce((n, size) => n * size, 1);
}

function memoryUse({ segments, memory }: Plan): MemoryUse {
  const of = (...roles: readonly SegmentRole[]): number =>
    segments.reduce((n, s) => (roles.includes(s.role) ? n + s.bytes : n), 0);
  const uses = {
    weights: of('weights'),
    gradients: of('gradients', 'totals'),
    moments: of('moment1', 'moment2'),
    activations: of('arena'),
    library: of('workspace'),
  };
  const planned = memory.plannedBytes;
  return { planned, ...uses, other: Object.values(uses).reduce((rest, bytes) => rest - bytes, planned) };
}
