/** What `tfm compile` says of what it made, for machines and for people. */
import type { Compiled } from '../compiler/compile-request.ts';
import { readableBytes } from '../compiler/diagnostics/memory.ts';
import { programWork, stepWork } from '../compiler/ir/plan-totals.ts';

export function compileSummary({ plan, times, notes }: Compiled, out: string | undefined) {
  return {
    format_version: 1,
    model: plan.model,
    target: plan.target,
    out,
    step: stepWork(plan),
    programs: Object.fromEntries(
      Object.entries(plan.programs).map(([name, program]) => [
        name,
        { ...programWork(plan, program), live_bytes: program.liveBytes },
      ]),
    ),
    memory: { planned_bytes: plan.memory.plannedBytes, live_bytes: plan.memory.liveBytes },
    kernels: plan.kernels.map(({ name, hash, file, flops, bytes, members }) => ({
      name,
      hash,
      file,
      flops,
      bytes,
      members,
    })),
    notes,
    milliseconds: { total: totalOf(times), phases: Object.fromEntries(times) },
  };
}

export function summaryText({ plan, times, notes }: Compiled): string {
  const step = stepWork(plan);
  const { plannedBytes, liveBytes } = plan.memory;
  const rows: readonly (readonly [string, string])[] = [
    ['model', plan.model],
    ['kernels', String(plan.kernels.length)],
    ['launches', `${step.launches} a step`],
    ['operations', `${(step.flops / 1e9).toPrecision(4)} GFLOP a step`],
    ['traffic', `${readableBytes(step.bytes)} a step`],
    ['memory', `${readableBytes(plannedBytes)} planned, at most ${readableBytes(liveBytes)} live at once`],
    ['compiled in', `${totalOf(times).toFixed(0)} ms`],
  ];
  return [...rows.map(([name, value]) => `${name.padEnd(12)} ${value}`), ...notes].join('\n');
}

function totalOf(times: ReadonlyMap<string, number>): number {
  return [...times.values()].reduce((a, b) => a + b, 0);
}
