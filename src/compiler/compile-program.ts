import type { Graph } from './ir/graph.ts';
import type { Kernel, Precision, TargetLimits } from './ir/kernel.ts';
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
import { isWorthLibrary } from './passes/library/library-rule.ts';
import { mergeContracts } from './passes/merge-contracts.ts';
import { isWorthCopying } from './passes/narrow-copies/copying-rule.ts';
import { narrowOperands, type WantsNarrow, wideOperands } from './passes/narrow-copies/narrow-operands.ts';
import { type CopiesSplit, splitCopies } from './passes/narrow-copies/split-copies.ts';
import { piecesPass } from './passes/pieces/pieces.ts';
import { precisionPass } from './passes/precision/precision.ts';
import { simplify } from './passes/simplify/simplify.ts';
import { checkStored } from './plan/check-room.ts';
import type { ProgramSource } from './plan/program-source.ts';
import { inStep } from './support/step.ts';

export interface ProgramRequest {
  readonly limits: TargetLimits;
  readonly tiles: TileTable;
  readonly train: TrainConfig | undefined;
  readonly fuse: boolean;
  /** How much the backward pass may compute again to keep less; see `passes/effort.ts`. */
  readonly effort: number;
  /** Whether what many tiles load has a copy in two bytes, where {@link canCopy}. */
  readonly copies: boolean;
  /** Which products go to a library; none without. */
  readonly library: LibraryUse | undefined;
}

/**
 * The program of a graph, behind one that has to run before it, if there is one: every phase between the language and the plan, in order.
 *
 * @param tell Is told, in a sentence, what is done in pieces.
 */
export function compileProgram(
  name: string,
  graph: Graph,
  request: ProgramRequest,
  trace: PassTrace,
  tell: (note: string) => void,
): readonly ProgramSource[] {
  const { fuse, limits, library: use, train } = request;
  // What is done to weights is done in f32, as weights are.
  const precision = name === 'settle' || name === 'after' ? 'f32' : (train?.precision ?? 'f32');
  // Only steps are many enough for errors to cancel; what is evaluated should be the same each time.
  const rounding = name === 'micro' ? (train?.rounding ?? 'nearest') : 'nearest';
  const fusion = fusePass({ fuse, limits, precision, library: use && { use, precision } });
  const fused = (g: Graph): FusedGraph => runPass(fusion, g, trace);
  const typed = (g: FusedGraph, how = rounding): FusedGraph => runPass(precisionPass(precision, how), g, trace);
  const lowered = (program: string, g: FusedGraph): ProgramSource => lower(program, g, request, trace);

  const optimised = graphPasses(name, request, precision, tell).reduce((g, pass) => runPass(pass, g, trace), graph);
  const untyped = fused(optimised);
  const first = typed(untyped);
  const wants = wantsNarrow(request, precision);
  if (!wants || precision === 'f32') return [lowered(name, first)];
  // What is not stored as it is multiplied is only known now; with copies of it, fusion begins anew.
  const wide = wideOperands(untyped, first, use !== undefined);
  if (wide.size === 0) return [lowered(name, first)];
  const copied = runPass(narrowOperands({ wants, precision, wide }), optimised, trace);
  const { graph: rest, copies }: CopiesSplit =
    name === 'micro' ? splitCopies(copied) : { graph: copied, copies: undefined };
  // Copies are what kernels would make of weights as they load them, who round to the nearest.
  const before = copies ? [lowered('copies', typed(fused(copies), 'nearest'))] : [];
  return [...before, lowered(name, typed(fused(rest)))];
}

/** Hoisting comes first too, so that what varies with no layer (rope's angles) is not saved for each. */
function graphPasses(
  name: string,
  { fuse, limits, effort, train }: ProgramRequest,
  precision: Precision,
  tell: (note: string) => void,
): readonly Pass<Graph, Graph>[] {
  return [
    simplify,
    ...(fuse ? [hoist] : []),
    ...(name === 'micro' ? [autodiffPass({ effort, scaled: train?.precision === 'f16' }), simplify] : []),
    ...(fuse ? [piecesPass({ limits, precision, tell }), mergeContracts, hoist] : []),
  ];
}

/** Which products are to find their operands in two bytes; undefined for none. */
function wantsNarrow({ copies, library }: ProgramRequest, precision: Precision): WantsNarrow | undefined {
  if (library) return (terms) => isWorthLibrary(terms, precision, library);
  return copies ? isWorthCopying : undefined;
}

/** Whether products of ours can be faster from copies in two bytes. */
export function canCopy({ fuse, limits, train, library }: Omit<ProgramRequest, 'effort' | 'copies'>): boolean {
  const isNarrow = train !== undefined && train.precision !== 'f32';
  return fuse && isNarrow && library === undefined && limits.matrixUnits > 0 && limits.copyBytes > 0;
}

/** The kernel of every region, fitted to the target, or what a library is given for it. */
function lower(name: string, fused: FusedGraph, { limits, tiles }: ProgramRequest, trace: PassTrace): ProgramSource {
  checkStored(fused, limits);
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
  return { name, fused, kernels, matmuls };
}
