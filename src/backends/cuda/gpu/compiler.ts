import type { CudaSource } from '../driver.ts';

/** Makes of a kernel's text what the driver loads: machine code of an architecture, or PTX. */
export interface KernelCompiler {
  /** With its version: `NVRTC 13.0`. */
  readonly name: string;
  /** @throws KernelRefusal with what it has against the text. */
  readonly compile: (source: CudaSource, architecture: number) => Promise<Uint8Array<ArrayBuffer>>;
  /** PTX for an architecture and all that come after it. */
  readonly ptx: (source: CudaSource, architecture: number) => Promise<string>;
}
