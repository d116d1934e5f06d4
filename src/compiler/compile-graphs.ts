import { compileProgram, type ProgramRequest } from './compile-program.ts';
import type { CompileRequest } from './compile-request.ts';
import type { Graph, Weight } from './ir/graph.ts';
import type { FusedGraph } from './ir/region.ts';
import type { PassTrace } from './pass.ts';
import { splitTotals } from './passes/totals.ts';
import { type BuiltPlan, buildPlan } from './plan/build-plan.ts';
import { checkWeights } from './plan/check-room.ts';
import type { ProgramSource } from './plan/program-source.ts';
import { inStep } from './support/step.ts';

export interface GraphsRequest extends ProgramRequest, Pick<CompileRequest, 'target'> {
  readonly spec: string;
  readonly model: string;
  /** By program. `micro` has the output `loss`, and gains its gradients here. */
  readonly graphs: Readonly<Record<string, Graph>>;
  readonly weights: readonly Weight[];
  readonly accumulation: number;
}

export interface CompiledGraphs extends BuiltPlan {
  readonly fused: Readonly<Record<string, FusedGraph>>;
  /** What is done in pieces, in sentences. */
  readonly notes: readonly string[];
}

/** From what programs compute to a plan, program by program; `compileProgram` lists the phases of one. */
export function compileGraphs(request: GraphsRequest, traceOf: (program: string) => PassTrace): CompiledGraphs {
  const fused: Record<string, FusedGraph> = {};
  const sources: ProgramSource[] = [];
  const notes = new Set<string>();
  checkWeights(request, request.limits, request.train);
  const add = (source: ProgramSource): void => {
    fused[source.name] = source.fused;
    sources.push(source);
  };
  const finish = (name: string, graph: Graph): void => {
    inStep(name, () => compileProgram(name, graph, request, traceOf(name), (note) => notes.add(note))).forEach(add);
  };
  const done = new Map<Graph, string>();
  for (const [name, graph] of Object.entries(request.graphs)) {
    // What is done to weights at first and after each update is one graph when all of them train.
    const alike = sources.find((source) => source.name === done.get(graph));
    if (alike) {
      add({ ...alike, name });
      continue;
    }
    done.set(graph, name);
    const { graph: totalled, prepare } = splitTotals(graph, name === 'micro' ? request.accumulation : 1);
    if (prepare) finish('prepare', prepare);
    finish(name, totalled);
  }
  const trace = traceOf('plan');
  const start = performance.now();
  const target = { emit: request.target.emit, target: request.target.name };
  const built = inStep('plan', () => buildPlan({ ...request, ...target, sources }));
  trace.times.set('plan', performance.now() - start);
  return { ...built, fused, notes: [...notes] };
}
