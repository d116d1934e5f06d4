import { EXIT, Failure } from '../diagnostics/diagnostic.ts';
import { memoryDiagnostic } from '../diagnostics/memory.ts';
import type { OpOf, TensorType, ValueId, Weight } from '../ir/graph.ts';
import type { Kernel, TargetLimits } from '../ir/kernel.ts';
import { type LibraryUse, WORKSPACE_BYTES } from '../ir/matmul.ts';
import {
  type EmittedKernel,
  type IoPlace,
  PLAN_VERSION,
  type Plan,
  type PlanStep,
  type Program,
  type Segment,
  type SegmentRole,
  uniformBytes,
} from '../ir/plan.ts';
import type { FusedGraph } from '../ir/region.ts';
import { isState } from '../ir/state-name.ts';
import type { Tiling } from '../ir/tiling.ts';
import type { TrainConfig } from '../ir/train.ts';
import { present } from '../support/invariant.ts';
import { accumulateLaunches } from './accumulate.ts';
import { afterLaunches, afterPlace, weightOfAfter } from './after.ts';
import { requireMemory } from './check-room.ts';
import { type IoTable, makeIoTable } from './io-table.ts';
import { makeKernelTable } from './kernel-table.ts';
import { launchesOf } from './launches.ts';
import { findLifetimes } from './lifetimes.ts';
import { packArena } from './pack-arena.ts';
import { placeValues } from './place-values.ts';
import type { FixedPlaces } from './placement.ts';
import type { ProgramSource } from './program-source.ts';
import { bytesOf } from './sizes.ts';
import type { Location, Place, PlacedProgram } from './storage.ts';
import { updateLaunches } from './update.ts';
import { verifyPlan } from './verify-plan.ts';
import { layOutWeights, type WeightLayout, weightPlace } from './weight-layout.ts';

export interface PlanRequest {
  readonly target: Plan['target'];
  readonly model: string;
  readonly spec: string;
  readonly limits: TargetLimits;
  /** Micro-batches of a step. */
  readonly accumulation: number;
  /** The weights of the graph that is trained; those of other programs are found by name. */
  readonly weights: readonly Weight[];
  /** Missing when the plan is not for training. */
  readonly train: TrainConfig | undefined;
  readonly sources: readonly ProgramSource[];
  readonly emit: (kernel: Kernel) => EmittedKernel;
  /** Which products were given to a library. */
  readonly library?: LibraryUse | undefined;
}

export interface BuiltPlan {
  readonly plan: Plan;
  /** Texts by file. */
  readonly texts: Readonly<Record<string, string>>;
  /** Of all products, by key. */
  readonly tilings: ReadonlyMap<string, Tiling>;
}

/** Lays out memory, addresses every launch and puts the programs together. */
export function buildPlan(request: PlanRequest): BuiltPlan {
  const { limits, accumulation, train } = request;
  const layout = layOutWeights(request.weights, limits);
  const kernels = makeKernelTable(request.emit);
  const io = makeIoTable(limits);
  const gradients = accumulation > 1 ? 'totals' : 'gradients';
  const programs: Record<string, Program> = {};
  const arenaBytes: number[] = [];
  let liveBytes = 0;

  for (const source of request.sources) {
    const placed = placeValues(source.fused, source, fixedPlaces(source, layout, io, gradients), limits);
    const arena = placeArena(source.fused, placed, limits);
    arena.segmentBytes.forEach((bytes, k) => {
      arenaBytes[k] = Math.max(arenaBytes[k] ?? 0, bytes);
    });
    liveBytes = Math.max(liveBytes, arena.liveBytes);
    const steps: PlanStep[] = [...launchesOf(source.fused, placed, arena.base, kernels, limits)];
    if (accumulation > 1) steps.push(...accumulateLaunches(source, layout, io, kernels, limits));
    if (source.name === 'settle' || source.name === 'after')
      steps.push(...afterLaunches(source, source.name === 'after', layout, io, kernels, limits));
    programs[source.name] = {
      steps,
      inputs: inputsOf(source.fused, io.input),
      outputs: outputsOf(source, io, accumulation),
      liveBytes: arena.liveBytes,
    };
  }
  if (train && programs.micro)
    Object.assign(programs, updateLaunches(train, layout, io, kernels, limits, accumulation));
  append(programs, 'update', 'after');
  append(programs, 'begin', 'copies');

  const roles = weightRoles(programs.micro !== undefined, train !== undefined, accumulation);
  const matmuls = kernels.matmuls();
  const workspace = matmuls.length === 0 ? 0 : WORKSPACE_BYTES;
  const segments = segmentsOf(layout, roles, arenaBytes, io.sizes(), workspace);
  const uniforms = uniformBytes(kernels.uniformRows().length, limits.offsetAlignment);
  const plannedBytes = segments.reduce((sum, s) => sum + s.bytes, uniforms);
  const arenaTotal = arenaBytes.reduce((a, b) => a + b, 0);
  requireMemory(plannedBytes, limits, train);
  const plan: Plan = {
    format_version: PLAN_VERSION,
    target: request.target,
    model: request.model,
    spec: request.spec,
    deviceClass: limits.deviceClass,
    segments,
    kernels: kernels.entries(),
    ...(request.library === undefined ? {} : { library: request.library }),
    matmuls,
    programs,
    weights: layout.places,
    uniformRows: kernels.uniformRows(),
    gradients,
    accumulation,
    memory: { plannedBytes, liveBytes: plannedBytes - arenaTotal + liveBytes },
  };
  verifyPlan(plan, limits.offsetAlignment);
  return { plan, texts: kernels.texts(), tilings: kernels.tilings() };
}

/** Makes one program the end of another, where there are both. */
function append(programs: Record<string, Program>, name: string, end: string): void {
  const [first, last] = [programs[name], programs[end]];
  if (!first || !last) return;
  delete programs[end];
  programs[name] = {
    ...first,
    steps: [...first.steps, ...last.steps],
    liveBytes: Math.max(first.liveBytes, last.liveBytes),
  };
}

/**
 * Where each value lies that a program's world sees, by the op or output that names it.
 *
 * @param gradients The segment of those of a whole step.
 */
function fixedPlaces(source: ProgramSource, layout: WeightLayout, io: IoTable, gradients: string): FixedPlaces {
  const { graph } = source.fused;
  const inputTypes = new Map(graph.inputs.map((i) => [i.name, i.type]));
  const types = outputTypes(source.fused);
  const weights = new Map(graph.weights.map((w) => [w.id as string, w]));
  return {
    input: (name) => {
      const type = present(inputTypes.get(name), `input ${name}`);
      return isState(name) ? io.state(name, type) : io.input(name, type);
    },
    weight: (op: OpOf<'weight'>) => {
      const weight = present(weights.get(op.attrs.weight), 'a weight');
      return weightPlace(weight.isGradient ? gradients : 'weights', weight, layout);
    },
    output: (name) => {
      const weight = name.startsWith('grad.') ? weights.get(name.slice('grad.'.length)) : undefined;
      if (weight) return weightPlace('gradients', weight, layout);
      const changed = weightOfAfter(name, graph.weights);
      if (changed) return afterPlace(changed, layout, io);
      const type = present(types.get(name), `output ${name}`);
      return isState(name) ? io.state(name, type) : io.output(source.name, name, type);
    },
  };
}

interface Arena {
  readonly base: (location: Location) => Place;
  readonly segmentBytes: readonly number[];
  readonly liveBytes: number;
}

function placeArena(fused: FusedGraph, placed: PlacedProgram, limits: TargetLimits): Arena {
  const resolve = (id: ValueId): ValueId => {
    const alias = fused.aliases.get(id);
    return alias === undefined ? id : resolve(alias);
  };
  const { storages, blocks } = findLifetimes(placed, resolve, limits.offsetAlignment);
  for (const block of blocks) {
    if (block.bytes <= limits.bufferBytes) continue;
    const name = nameOfLargest(fused, block.bytes, limits);
    throw new Failure(
      [memoryDiagnostic('tensor-too-large', { name, needs: block.bytes, has: limits.bufferBytes })],
      EXIT.memory,
    );
  }
  const packing = packArena(blocks, limits.bufferBytes);
  const places = new Map(storages.map((s, k) => [s, present(packing.places[k], 'a place')]));
  return {
    base: (location) => {
      if (location.storage.fixed) return location.storage.fixed;
      const place = present(places.get(location.storage), 'a place in the arena');
      return { segment: `arena${place.segment}`, offset: place.offset };
    },
    segmentBytes: packing.segmentBytes,
    liveBytes: packing.liveBytes,
  };
}

function nameOfLargest(fused: FusedGraph, bytes: number, limits: TargetLimits): string {
  const named = fused.graph.block.ops
    .flatMap((op) => op.results)
    .find((r) => r.name && bytesOf(r.type, limits) >= bytes / 2);
  return named?.name ? `'${named.name}'` : 'a tensor of the program';
}

function outputTypes(fused: FusedGraph): ReadonlyMap<string, TensorType> {
  const types = new Map(fused.graph.block.ops.flatMap((op) => op.results.map((r) => [r.id, r.type] as const)));
  return new Map(fused.graph.outputs.map((o) => [o.name, present(types.get(o.value), `output ${o.name}`)]));
}

function inputsOf(fused: FusedGraph, input: (name: string, type: TensorType) => Place): readonly IoPlace[] {
  return fused.graph.inputs
    .filter(({ name }) => !isState(name))
    .map(({ name, type }) => ioPlace(name, type, input(name, type)));
}

function outputsOf(source: ProgramSource, io: IoTable, accumulation: number): readonly IoPlace[] {
  const summed = accumulation > 1 && source.name === 'micro';
  return [...outputTypes(source.fused)]
    .filter(([name]) => !/^(grad|after)\./.test(name) && !isState(name))
    .map(([name, type]) => ioPlace(name, type, io.output(summed ? 'total' : source.name, name, type)));
}

export function ioPlace(name: string, type: TensorType, place: Place): IoPlace {
  const bytes = type.axes.reduce((n, a) => n * a.size, 4);
  return {
    name,
    kind: type.kind,
    shape: type.axes.map((a) => a.size),
    axes: type.axes.map((a) => a.name),
    address: { ...place, bytes },
  };
}

/** What has the layout of weights besides the weights themselves. */
function weightRoles(differentiates: boolean, trains: boolean, accumulation: number): readonly SegmentRole[] {
  if (!differentiates) return [];
  return [
    'gradients',
    ...(trains ? (['moment1', 'moment2'] as const) : []),
    ...(accumulation > 1 ? (['totals'] as const) : []),
  ];
}

function segmentsOf(
  layout: WeightLayout,
  roles: readonly SegmentRole[],
  arenaBytes: readonly number[],
  io: ReturnType<IoTable['sizes']>,
  workspace: number,
): readonly Segment[] {
  return [
    ...layout.parts.map((p, k): Segment => ({ name: `weights${k}`, role: 'weights', bytes: p.bytes })),
    ...roles.flatMap((role) =>
      layout.parts.map((p, k): Segment => ({ name: `${role}${k}`, role, bytes: p.trainedBytes })),
    ),
    ...arenaBytes.map((bytes, k): Segment => ({ name: `arena${k}`, role: 'arena', bytes })),
    ...io.states.map((bytes, k): Segment => ({ name: `states${k}`, role: 'states', bytes })),
    { name: 'workspace', role: 'workspace' as const, bytes: workspace },
    { name: 'inputs', role: 'inputs' as const, bytes: io.inputs },
    { name: 'outputs', role: 'outputs' as const, bytes: io.outputs },
  ].filter((s) => s.bytes > 0);
}
