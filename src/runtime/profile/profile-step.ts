/** What each kernel of a training step costs: measured, beside what it must move and compute at least. */
import type { Device } from '../../backends/device.ts';
import type { Plan } from '../../compiler/ir/plan.ts';
import type { TrainConfig } from '../../compiler/ir/train.ts';
import { queueStep, readNumbers } from '../run-step.ts';
import { stepScalars } from '../step-scalars.ts';
import { beginTraining, someBatch } from './begin-step.ts';
import { withKernelPrograms } from './kernel-programs.ts';
import { timeOf } from './time-of.ts';
import { median, timed } from './timed.ts';

export interface KernelCost {
  readonly kernel: string;
  readonly members: readonly string[];
  /** Whether a library computes it. */
  readonly library: boolean;
  readonly launches: number;
  /** Of all its launches in a step: what it must do at least. */
  readonly bytes: number;
  readonly flops: number;
  readonly ms: number;
}

export interface StepProfile {
  /** Of a whole step, the reading of its loss included. */
  readonly stepMs: number;
  /** The dearest first. */
  readonly kernels: readonly KernelCost[];
}

export interface ProfileRequest {
  readonly device: Device;
  readonly plan: Plan;
  readonly texts: Readonly<Record<string, string>>;
  readonly config: TrainConfig;
  readonly rounds: number;
}

export async function profileStep(request: ProfileRequest): Promise<StepProfile> {
  const { device, texts, config, rounds } = request;
  const { plan, uses } = withKernelPrograms(request.plan);
  const loaded = await device.load(plan, texts);
  try {
    beginTraining(loaded, config);
    const scalars = stepScalars(config, 0);
    const batch = someBatch(plan);
    const step = async (): Promise<void> => {
      queueStep(loaded, batch, scalars);
      await readNumbers(loaded, 1, 1);
    };
    // The first compiles shaders; what is in memory after it is what kernels meet in practice.
    await step();
    const stepTimes: number[] = [];
    for (let round = 0; round < rounds; round += 1) stepTimes.push(await timed(1, step));
    const kernels: KernelCost[] = [];
    for (const { program, entry, library, launches, moved } of uses) {
      const ms = await timeOf(loaded, rounds, () => loaded.run(program, scalars));
      const { name, members, flops } = entry;
      kernels.push({
        kernel: name,
        members,
        library,
        launches,
        bytes: launches * entry.bytes || moved,
        flops: launches * flops,
        ms,
      });
    }
    return { stepMs: median(stepTimes), kernels: kernels.sort((a, b) => b.ms - a.ms) };
  } finally {
    loaded.release();
  }
}
