/** What `tfm compile` says of what it made, for machines and for people. */
import type { Compiled } from '../compiler/compile-request.ts';
import { readableBytes } from '../compiler/diagnostics/memory.ts';
import { programWork, stepWork, type Work, workspaceBytes } from '../compiler/ir/plan-totals.ts';

export function compileSummary({ plan, times, notes }: Compiled, out: string | undefined) {
  return {
    format_version: 1,
    model: plan.model,
    target: plan.target,
    out,
    step: workJson(stepWork(plan)),
    programs: Object.fromEntries(
      Object.entries(plan.programs).map(([name, program]) => [
        name,
        { ...workJson(programWork(plan, program)), live_bytes: program.liveBytes },
      ]),
    ),
    memory: {
      planned_bytes: plan.memory.plannedBytes,
      live_bytes: plan.memory.liveBytes,
      library_bytes: workspaceBytes(plan),
    },
    kernels: plan.kernels.map(({ name, hash, file, flops, bytes, members }) => ({
      name,
      hash,
      file,
      flops,
      bytes,
      members,
    })),
    matmuls: plan.matmuls,
    notes,
    milliseconds: { total: totalOf(times), phases: Object.fromEntries(times) },
  };
}

function workJson({ launches, matmuls, flops, libraryFlops, bytes }: Work) {
  return { launches, flops, bytes, matmuls, library_flops: libraryFlops };
}

export function summaryText({ plan, times, notes }: Compiled): string {
  const step = stepWork(plan);
  const workspace = workspaceBytes(plan);
  const { plannedBytes, liveBytes } = plan.memory;
  const rows: readonly (readonly [string, string])[] = [
    ['model', plan.model],
    ['kernels', String(plan.kernels.length)],
    ['launches', `${step.launches} a step`],
    ...(step.matmuls === 0
      ? []
      : [['products', `${step.matmuls} a step by cuBLASLt, of ${plan.matmuls.length} kinds`] as const]),
    ['operations', `${gigaflops(step.flops)} GFLOP a step${ofLibrary(step)}`],
    ['traffic', `${readableBytes(step.bytes)} a step`],
    ['memory', `${readableBytes(plannedBytes)} planned, at most ${readableBytes(liveBytes)} live at once`],
    ...(workspace === 0 ? [] : [['', `${readableBytes(workspace)} of both for cuBLASLt to work in`] as const]),
    ['compiled in', `${totalOf(times).toFixed(0)} ms`],
  ];
  return [...rows.map(([name, value]) => `${name.padEnd(12)} ${value}`), ...notes].join('\n');
}

function gigaflops(flops: number): string {
  return (flops / 1e9).toPrecision(4);
}

function ofLibrary({ matmuls, libraryFlops }: Work): string {
  return matmuls === 0 ? '' : `, ${gigaflops(libraryFlops)} of them by cuBLASLt`;
}

function totalOf(times: ReadonlyMap<string, number>): number {
  return [...times.values()].reduce((a, b) => a + b, 0);
}
