import type { CudaSource } from './driver.ts';
import { ENTRY_POINT, NAMESPACE } from './module.ts';

/** The name of a kernel's entry point among several in one file. */
export function entryAmong(k: number): string {
  return `${ENTRY_POINT}_${k}`;
}

/** The name of its namespace there. */
export function namespaceAmong(k: number): string {
  return `${NAMESPACE}_${k}`;
}

/**
 * The text of a kernel for a file with several: unchanged, between macros that give it an entry point and a namespace of its
 * own. Messages of compilers name the kernel's file and its lines.
 */
export function keptApart({ file, text }: CudaSource, k: number, more: Readonly<Record<string, string>> = {}): string {
  const own = { [ENTRY_POINT]: entryAmong(k), [NAMESPACE]: namespaceAmong(k), ...more };
  return [
    ...Object.entries(own).map(([name, meaning]) => `#define ${name} ${meaning}`),
    `#line 1 ${JSON.stringify(file)}`,
    text,
    ...Object.keys(own).map((name) => `#undef ${name}`),
  ].join('\n');
}
