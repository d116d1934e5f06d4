import { createHash } from 'node:crypto';
import type { LibraryUse } from '../compiler/ir/matmul.ts';
import type { Plan } from '../compiler/ir/plan.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';

/** Settings that a resumed run may change: they do not decide what a step computes. */
const FREE: ReadonlySet<string> = new Set<keyof TrainConfig>([
  'steps',
  // What is computed again to save memory comes out the same.
  'memory',
  'causal',
  'logEvery',
  'evalEvery',
  'probeEvery',
  'saveEvery',
  'evalTokens',
  'keep',
]);

/** JSON with sorted keys, so that equal settings have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

/** Names of the settings that differ and must not. */
export function changedSettings(
  old: unknown,
  config: TrainConfig & { readonly library?: LibraryUse },
): readonly string[] {
  const before = new Map<string, unknown>(typeof old === 'object' && old !== null ? Object.entries(old) : []);
  const after = new Map<string, unknown>(Object.entries(config));
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((k) => !FREE.has(k) && canonical(before.get(k)) !== canonical(after.get(k)));
}

/** Hash of the settings that decide the weights. */
export function configHash(config: TrainConfig): string {
  return hash(canonical(Object.fromEntries(Object.entries(config).filter(([k]) => !FREE.has(k)))));
}

/** Hash of all kernels of a plan, of what a library computes, and of the order in which they run. */
export function kernelsHash({ kernels, matmuls, programs, uniformRows }: Plan): string {
  const products = matmuls.length === 0 ? [] : [matmuls];
  return hash(canonical([kernels.map((k) => k.hash), programs, uniformRows, ...products]));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
