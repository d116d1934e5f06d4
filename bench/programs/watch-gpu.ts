/** Counts what a program asks of WebGPU, whatever library does the asking. */
export interface GpuCounts {
  readonly dispatches: number;
  readonly submits: number;
  /** Of buffers that are there now, and the most that there were. */
  readonly bytes: number;
  readonly peakBytes: number;
  /** When the last submit returned, in ms of `performance.now()`. */
  readonly submitted: number;
}

/** Wraps methods of WebGPU's classes, which must be global. Call it before any device is made. */
export function watchGpu(): () => GpuCounts {
  const counts = { dispatches: 0, submits: 0, bytes: 0, peakBytes: 0, submitted: 0 };
  const sizes = new WeakMap<GPUBuffer, number>();

  after(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', () => {
    counts.dispatches += 1;
  });
  after(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', () => {
    counts.dispatches += 1;
  });
  after(GPUQueue.prototype, 'submit', () => {
    counts.submits += 1;
    counts.submitted = performance.now();
  });
  after(GPUDevice.prototype, 'createBuffer', (_, buffer) => {
    sizes.set(buffer, buffer.size);
    counts.bytes += buffer.size;
    counts.peakBytes = Math.max(counts.peakBytes, counts.bytes);
  });
  after(GPUBuffer.prototype, 'destroy', (buffer) => {
    counts.bytes -= sizes.get(buffer) ?? 0;
    sizes.delete(buffer);
  });
  return () => ({ ...counts });
}

/** Calls `then` with the object and what the method gave, after each call of it. */
function after<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  then: (object: T, result: T[K] extends (...args: never[]) => infer R ? R : never) => void,
): void {
  const original: unknown = prototype[name];
  if (typeof original !== 'function') throw new Error(`there is no method ${String(name)} to watch`);
  Object.defineProperty(prototype, name, {
    configurable: true,
    value(this: T, ...args: readonly unknown[]): unknown {
      const result = Reflect.apply(original, this, args);
      then(this, result);
      return result;
    },
  });
}
