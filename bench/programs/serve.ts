/**
 * One program of the benchmark, in a process of its own: it does steps when it is told to, and says how long they took.
 * Lines of JSON go both ways; what libraries print by themselves is no JSON and is passed over.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { GpuCounts } from './watch-gpu.ts';

/** Said by the parent: how many steps to do, or `undefined` steps to end. */
export interface Order {
  readonly steps: number;
}

/** Said by a program after the steps of an order. */
export interface Answer {
  /** Of each step, from the upload of its batch to its loss on the host, in ms. */
  readonly ms: readonly number[];
  /** Of each step, from its beginning to the return of its last submit. */
  readonly encodeMs: readonly number[];
  readonly losses: readonly number[];
  /** Since the process began. */
  readonly sinceStartMs: number;
  readonly peakRssBytes: number;
  /** Of the last step; undefined where no GPU is used. */
  readonly dispatches: number | undefined;
  readonly submits: number | undefined;
  readonly gpuPeakBytes: number | undefined;
}

/** Does one step and gives the loss before it. */
export type Step = () => Promise<number>;

/** `counts` is called around each step. Does not return before the parent closes the stream. */
export async function serve(step: Step, counts: (() => GpuCounts) | undefined): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { steps } = JSON.parse(line) as Order;
    const ms: number[] = [];
    const encodeMs: number[] = [];
    const losses: number[] = [];
    let before = counts?.();
    for (let i = 0; i < steps; i += 1) {
      before = counts?.();
      const began = performance.now();
      losses.push(await step());
      ms.push(performance.now() - began);
      encodeMs.push(Math.max(0, (counts?.().submitted ?? began) - began));
    }
    const now = counts?.();
    const answer: Answer = {
      ms,
      encodeMs,
      losses,
      sinceStartMs: performance.now(),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      dispatches: now && before && now.dispatches - before.dispatches,
      submits: now && before && now.submits - before.submits,
      gpuPeakBytes: now?.peakBytes,
    };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}

/** Steps that are not waited for one by one. */
export interface DoneTogether {
  readonly losses: readonly number[];
  /** Of each step, how long JavaScript took to queue it. */
  readonly encodeMs: readonly number[];
  readonly gpuPeakBytes: number;
}

/** As {@link serve}, for programs that let a GPU do steps one behind the other: each is said to take an equal part of the time. */
export async function serveTogether(steps: (count: number) => Promise<DoneTogether>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { steps: count } = JSON.parse(line) as Order;
    const began = performance.now();
    const { losses, encodeMs, gpuPeakBytes } = await steps(count);
    const each = (performance.now() - began) / count;
    const answer: Answer = {
      ms: losses.map(() => each),
      encodeMs,
      losses,
      sinceStartMs: performance.now(),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      dispatches: undefined,
      submits: undefined,
      gpuPeakBytes,
    };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}

/** What a program starts from: the path of the file with weights and batch, and the size of the model. */
export function startArguments(): { readonly path: string; readonly size: unknown } {
  const [, , path = '', size = '{}'] = process.argv;
  return { path, size: JSON.parse(size) };
}

/** The tensors of a safetensors file, as rivals take them: shape and numbers. */
export function readStart(path: string): ReadonlyMap<string, { shape: number[]; values: Float32Array | Int32Array }> {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [start, end],
          },
        ]) => {
          const part = bytes.buffer.slice(bytes.byteOffset + 8 + length + start, bytes.byteOffset + 8 + length + end);
          return [name, { shape, values: dtype === 'I32' ? new Int32Array(part) : new Float32Array(part) }];
        },
      ),
  );
}
