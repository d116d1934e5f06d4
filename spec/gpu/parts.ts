import { bench } from './bench.ts';
import { determinism } from './determinism.ts';
import { oracle } from './oracle.ts';
import type { Part } from './part.ts';
import { primitives } from './primitives.ts';
import { sanitizer } from './sanitizer.ts';
import { webgpu } from './webgpu.ts';

/** The parts of the check, by the names that they are asked for, in the order in which they run. */
export const PARTS: Readonly<Record<string, Part>> = {
  oracle,
  primitives,
  determinism,
  sanitizer,
  webgpu,
  bench,
};
