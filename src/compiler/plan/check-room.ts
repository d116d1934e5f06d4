import { EXIT, Failure } from '../diagnostics/diagnostic.ts';
import { memoryDiagnostic } from '../diagnostics/memory.ts';
import type { Graph } from '../ir/graph.ts';
import type { TargetLimits } from '../ir/kernel.ts';
import type { FusedGraph } from '../ir/region.ts';
import { elementBytes } from '../ir/storage-type.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import type { TrainConfig } from '../ir/train.ts';
import { allOps } from '../ir/walk-graph.ts';

type Room = Pick<TargetLimits, 'bufferBytes' | 'memoryBytes' | 'narrow'>;

/**
 * Refuses weights that a device cannot hold, before any work is done for them. Trained weights come with a gradient and
 * two moments.
 */
export function checkWeights({ weights }: Pick<Graph, 'weights'>, limits: Room, train: TrainConfig | undefined): void {
  let needs = 0;
  for (const { axes, members } of weights) {
    const bytes = 4 * elementsOf(axes) * members.length;
    const first = `'${members[0]?.name}'`;
    const name = members.length > 1 ? `${first} with those of the other layers` : first;
    if (bytes > limits.bufferBytes) throw tooLarge(name, bytes, limits);
    needs += members.every((m) => m.freeze) || !train ? bytes : 4 * bytes;
  }
  requireMemory(needs, limits, train);
}

/** Refuses what takes more memory than the device has, or than its training may take. */
export function requireMemory(
  needs: number,
  { memoryBytes }: Pick<TargetLimits, 'memoryBytes'>,
  train?: Pick<TrainConfig, 'memory'>,
): void {
  const has = Math.min(memoryBytes, train?.memory ?? memoryBytes);
  if (needs <= has) return;
  throw new Failure([memoryDiagnostic('memory-exceeded', { needs, has, allowed: has < memoryBytes })], EXIT.memory);
}

/** Indices are u32: no kernel can address more elements, not even of what it never stores. */
const MOST_ELEMENTS = 2 ** 32 - 1;

/** Refuses tensors that no buffer holds, before kernels are made for them. */
export function checkStored({ graph, stored }: Pick<FusedGraph, 'graph' | 'stored'>, limits: Room): void {
  for (const op of allOps(graph.block)) {
    for (const { id, name, type } of op.results) {
      const elements = elementsOf(type.axes);
      const bytes = elements * elementBytes(type.storage, limits);
      if (elements <= MOST_ELEMENTS && !(stored.has(id) && bytes > limits.bufferBytes)) continue;
      throw tooLarge(name ? `'${name}'` : 'a tensor of the program', bytes, limits);
    }
  }
}

function tooLarge(name: string, needs: number, { bufferBytes }: Room): Failure {
  return new Failure([memoryDiagnostic('tensor-too-large', { name, needs, has: bufferBytes })], EXIT.memory);
}
