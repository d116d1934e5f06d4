/**
 * Kernel IR as text: the one way from a kernel to a file of any target.
 *
 * `print-kernel.ts`, `print-statement.ts` and `print-expr.ts` walk the IR; `namer.ts` spells names; a dialect
 * (`wgsl/dialect.ts`) has the target's words.
 */
import type { Kernel } from '../../compiler/ir/kernel.ts';
import type { EmittedKernel } from '../../compiler/ir/plan.ts';
import { sharedBytes } from '../../compiler/ir/storage-type.ts';
import type { Dialect } from './dialect.ts';
import { hashOf } from './hash.ts';
import { spellReadably } from './namer.ts';
import { printKernel } from './print-kernel.ts';

/** The file of a legalised kernel. Storage bindings are 0, 1, … in the order of its buffers; uniform blocks follow. */
export function emit(kernel: Kernel, dialect: Dialect): EmittedKernel {
  const reads = (host: boolean): boolean => kernel.uniforms.some((u) => (u.source.kind === 'runtime') === host);
  const launchUniform = kernel.buffers.length;
  const runtimeUniform = launchUniform + (reads(false) ? 1 : 0);
  const bytes = sharedBytes(kernel.shared);
  return {
    text: printKernel(kernel, dialect, { speller: () => spellReadably, comments: true }),
    hash: hashOf(kernel, dialect),
    entryPoint: dialect.entryPoint,
    extension: dialect.extension,
    ...(bytes > dialect.declaredBytes ? { sharedBytes: bytes } : {}),
    ...(reads(false) ? { launchUniform } : {}),
    ...(reads(true) ? { runtimeUniform } : {}),
  };
}
