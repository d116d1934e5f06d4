import { deviceFailure } from '../../compiler/diagnostics/device.ts';
import { MATRICES, matrixSpan } from '../../compiler/ir/matmul.ts';
import type { Plan } from '../../compiler/ir/plan.ts';
import { invariant, present } from '../../compiler/support/invariant.ts';
import type { ProgramRun } from '../device.ts';
import { expandProgram, type FixedMatmul } from '../shared/expand-program.ts';
import { layOutRuns, packRuns, type RunLayout } from '../shared/lay-out-runs.ts';
import type { CudaDriver, CudaFunction, CudaGraph, CudaProgram, CudaStep, DevicePointer } from './driver.ts';
import { OFFSET_ALIGNMENT } from './limits.ts';
import { packArguments } from './pack-arguments.ts';
import type { Segments } from './segments.ts';

/** Launches runs of programs. */
export interface RunQueue {
  readonly launch: (runs: readonly ProgramRun[]) => void;
  /** Of the blocks through which what the host gives to runs goes. */
  readonly allocatedBytes: () => number;
  readonly destroy: () => void;
}

/** What runs of the same programs have in common. */
interface Sequence {
  readonly graph: CudaGraph;
  readonly block: DevicePointer;
  readonly bytes: number;
}

interface Loaded {
  readonly plan: Plan;
  readonly functions: readonly CudaFunction[];
  readonly segments: Segments;
}

/**
 * Several runs are one upload and one launch of a graph, which is made when such runs are first asked for: a step of training,
 * however many micro-batches it has. All that the host gives to them is one block; kernels read the scalars in it where
 * they lie, and copies in the graph bring inputs to their places.
 *
 * @throws Failure `device-memory`.
 */
export function makeRunQueue(driver: CudaDriver, loaded: Loaded): RunQueue {
  const sequences = new Map<string, Sequence>();
  const make = (layout: RunLayout): Sequence => {
    const { bytes } = layout;
    const block = driver.allocate(bytes);
    if (block === undefined) throw deviceFailure('device-memory', { what: 'the inputs of a step', needs: bytes });
    try {
      return { graph: driver.record(programsOf(layout, block, loaded)), block, bytes };
    } catch (error) {
      driver.free(block);
      throw error;
    }
  };
  return {
    launch(runs) {
      const layout = layOutRuns(runs, OFFSET_ALIGNMENT);
      const sequence = sequences.get(layout.key) ?? make(layout);
      sequences.set(layout.key, sequence);
      driver.upload(sequence.block, packRuns(layout, runs));
      sequence.graph.run();
    },
    allocatedBytes: () => [...sequences.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    destroy() {
      for (const { graph, block } of sequences.values()) {
        graph.destroy();
        driver.free(block);
      }
    },
  };
}

function programsOf({ runs }: RunLayout, block: DevicePointer, loaded: Loaded): readonly CudaProgram[] {
  return runs.map(({ program, scalarsAt, inputs }, r): CudaProgram => {
    const number = runs.slice(0, r + 1).filter((run) => run.program === program).length;
    const of = runs.filter((run) => run.program === program).length;
    const copies = inputs.map(
      ({ at, to }): CudaStep => ({
        kind: 'copy',
        from: block + BigInt(at),
        to: loaded.segments.pointerTo(to),
        bytes: to.bytes,
      }),
    );
    return {
      name: of === 1 ? `'${program}'` : `'${program}' of micro-batch ${number} of ${of}`,
      steps: [...copies, ...stepsOf(program, block + BigInt(scalarsAt), loaded)],
    };
  });
}

/** `host`: where the scalars of the run lie. */
function stepsOf(name: string, host: DevicePointer, { plan, functions, segments }: Loaded): readonly CudaStep[] {
  return expandProgram(present(plan.programs[name], `program ${name}`)).map((step): CudaStep => {
    if (step.kind === 'clear')
      return { kind: 'clear', pointer: segments.pointerTo(step.range), bytes: step.range.bytes };
    if (step.kind === 'matmul') return matmulStep(step, plan, segments);
    const entry = present(plan.kernels[step.kernel], `kernel ${step.kernel}`);
    const row =
      entry.launchUniform === undefined ? undefined : present(step.uniformRow, `uniform row of ${entry.name}`);
    const uniforms = row === undefined ? [] : present(plan.uniformRows[row], `uniform row ${row}`);
    const [x, y, z] = step.groups;
    return {
      kind: 'launch',
      fn: present(functions[step.kernel], `function of ${entry.name}`),
      blocks: x * y * z,
      threads: entry.workgroup,
      ...packArguments(
        step.ranges.map(segments.pointerTo),
        uniforms,
        entry.runtimeUniform === undefined ? undefined : host,
      ),
    };
  });
}

/** A library believes what it is told of matrices, so they are held to what the plan binds. */
function matmulStep(call: FixedMatmul, plan: Plan, segments: Segments): CudaStep {
  const shape = present(plan.matmuls[call.matmul], `product ${call.matmul}`);
  for (const matrix of MATRICES)
    invariant(
      matrixSpan(shape, matrix) <= call[matrix].bytes,
      `the matrix '${matrix}' of ${shape.name} lies in its memory`,
    );
  const { name, bytes } = present(
    plan.segments.find(({ role }) => role === 'workspace'),
    'memory for a library to work in',
  );
  return {
    kind: 'matmul',
    name: shape.name,
    shape,
    workspace: { pointer: segments.pointerTo({ segment: name, offset: 0, bytes }), bytes },
    left: segments.pointerTo(call.left),
    right: segments.pointerTo(call.right),
    result: segments.pointerTo(call.result),
  };
}
