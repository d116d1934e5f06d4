import { createHash } from 'node:crypto';
import type { Kernel } from '../../compiler/ir/kernel.ts';
import type { Dialect } from './dialect.ts';
import { countingSpeller } from './namer.ts';
import { printKernel } from './print-kernel.ts';

/** SHA-256 of a kernel's text with counted names and without comments: equal for kernels that compute alike. */
export function hashOf(kernel: Kernel, dialect: Dialect): string {
  const text = printKernel(kernel, dialect, { speller: countingSpeller, comments: false });
  return createHash('sha256').update(text).digest('hex');
}
