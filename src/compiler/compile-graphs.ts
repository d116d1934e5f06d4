import type { CompileRequest } from './compile-request.ts';
import type { Graph, Weight } from './ir/graph.ts';
import type { Kernel, TargetLimits } from './ir/kernel.ts';
import type { LibraryUse, Matmul } from './ir/matmul.ts';
import { type FusedGraph, type Region, regionsIn } from './ir/region.ts';
import type { TileTable } from './ir/tiling.ts';
import type { TrainConfig } from './ir/train.ts';
import { lowerContext } from './lower/context.ts';
import { legalise } from './lower/legalise.ts';
import { lowerRegion } from './lower/lower-region.ts';
import { matmulsOf } from './lower/matmuls.ts';
import { type Pass, type PassTrace, runPass } from './pass.ts';
import { autodiffPass } from './passes/autodiff.ts';
import { fusePass } from './passes/fuse/fuse.ts';
import { hoist } from './passes/hoist.ts';
import { isWorthCopying } from './passes/library/copying-rule.ts';
import { isWorthLibrary } from './passes/library/library-rule.ts';
import { narrowOperands, type WantsNarrow, wideOperands } from './passes/library/narrow-operands.ts';
import { splitCopies } from './passes/library/split-copies.ts';
import { mergeContracts } from './passes/merge-contracts.ts';
import { piecesPass } from './passes/pieces/pieces.ts';
import { precisionPass } from './passes/precision/precision.ts';
import { simplify } from './passes/simplify/simplify.ts';
import { splitTotals } from './passes/totals.ts';
import { type BuiltPlan, buildPlan } from './plan/build-plan.ts';
import { checkStored, checkWeights } from './plan/check-room.ts';
import type { ProgramSource } from './plan/program-source.ts';
import { inStep } from './support/step.ts';

export interface GraphsRequest extends Pick<CompileRequest, 'limits' | 'target'> {
  readonly spec: string;
  readonly model: string;
  /** By program. `micro` has the output `loss`, and gains its gradients here. */
  readonly graphs: Readonly<Record<string, Graph>>;
  readonly weights: readonly Weight[];
  readonly train: TrainConfig | undefined;
  readonly accumulation: number;
  readonly tiles: TileTable;
  readonly fuse: boolean;
  /** How much the backward pass may compute again to keep less; see `passes/effort.ts`. */
  readonly effort: number;
  /** Whether what many tiles load has a copy in two bytes, where {@link canCopy}. */
  readonly copies: boolean;
  /** Which products go to a library; none without. */
  readonly library: LibraryUse | undefined;
}

export interface CompiledGraphs extends BuiltPlan {
  readonly fused: Readonly<Record<string, FusedGraph>>;
  /** What is done in pieces, in sentences. */
  readonly notes: readonly string[];
}

/** From what programs compute to a plan: every phase behind the language, in order. */
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

/** The program of a graph, behind one that it needs to have run before, if there is one. */
function compileProgram(
  name: string,
  graph: Graph,
  {
    fuse,
    limits,
    tiles,
    train,
    effort,
    copies: copied,
    library: use,
  }: Pick<GraphsRequest, 'fuse' | 'limits' | 'tiles' | 'train' | 'effort' | 'copies' | 'library'>,
  trace: PassTrace,
  tell: (note: string) => void,
): readonly ProgramSource[] {
  // What is done to weights is done in f32, as weights are.
  const precision = name === 'settle' || name === 'after' ? 'f32' : (train?.precision ?? 'f32');
  // Hoisting comes first too, so that what varies with no layer (rope's angles) is not saved for each.
  const passes: readonly Pass<Graph, Graph>[] = [
    simplify,
    ...(fuse ? [hoist] : []),
    ...(name === 'micro' ? [autodiffPass({ effort, scaled: train?.precision === 'f16' }), simplify] : []),
    ...(fuse ? [piecesPass({ limits, precision, tell }), mergeContracts, hoist] : []),
  ];
  const optimised = passes.reduce((g, pass) => runPass(pass, g, trace), graph);
  // Only steps are many enough for errors to cancel; what is evaluated should be the same each time.
  const rounding = name === 'micro' ? (train?.rounding ?? 'nearest') : 'nearest';
  const library = use && { use, precision };
  const fuseGraph = (g: Graph): FusedGraph => runPass(fusePass({ fuse, limits, precision, library }), g, trace);
  const typeGraph = (g: FusedGraph, how = rounding): FusedGraph => runPass(precisionPass(precision, how), g, trace);
  const lowered = (program: string, fused: FusedGraph): ProgramSource => {
    checkStored(fused, limits);
    return { name: program, fused, ...lowerAll(fused, limits, tiles, trace) };
  };
  const untyped = fuseGraph(optimised);
  const typed = typeGraph(untyped);
  const ofLibrary: WantsNarrow | undefined = use && ((terms) => isWorthLibrary(terms, precision, use));
  const wants = ofLibrary ?? (copied ? isWorthCopying : undefined);
  // What is not stored as it is multiplied is only known now.
  const wide = wideOperands(untyped, typed, use !== undefined);
  if (!wants || precision === 'f32' || wide.size === 0) return [lowered(name, typed)];
  const narrowed = runPass(narrowOperands({ wants, precision, wide }), optimised, trace);
  const { graph: rest, copies } = name === 'micro' ? splitCopies(narrowed) : { graph: narrowed, copies: undefined };
  // Kernels would round weights to the nearest as they load them.
  const before = copies ? [lowered('copies', typeGraph(fuseGraph(copies), 'nearest'))] : [];
  return [...before, lowered(name, typeGraph(fuseGraph(rest)))];
}

/** Whether products of ours can be faster from copies in two bytes. */
export function canCopy({ fuse, limits, train, library }: Omit<GraphsRequest, 'effort' | 'copies'>): boolean {
  const isNarrow = train !== undefined && train.precision !== 'f32';
  return fuse && isNarrow && library === undefined && limits.matrixUnits > 0 && limits.copyBytes > 0;
}

/** The kernel of every region, fitted to the target, or what a library is given for it. */
function lowerAll(
  fused: FusedGraph,
  limits: TargetLimits,
  tiles: TileTable,
  trace: PassTrace,
): Pick<ProgramSource, 'kernels' | 'matmuls'> {
  const start = performance.now();
  const context = lowerContext(fused, limits, tiles);
  const kernels = new Map<Region, Kernel>();
  const matmuls = new Map<Region, readonly Matmul[]>();
  for (const region of regionsIn(fused.steps)) {
    inStep(`lower ${region.name}`, () => {
      if (region.kind === 'product' && region.library) matmuls.set(region, matmulsOf(context, region));
      else kernels.set(region, legalise(lowerRegion(context, region), limits));
    });
  }
  trace.times.set('lower', performance.now() - start);
  return { kernels, matmuls };
}
