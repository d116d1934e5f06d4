import type { Kernel } from '../ir/kernel.ts';
import type { EmittedKernel, KernelEntry, MatmulEntry, UniformWord } from '../ir/plan.ts';
import type { Tiling } from '../ir/tiling.ts';

/** The kernels of a plan, each text once, what a library computes in their place, and the rows of uniform data of their launches. */
export interface KernelTable {
  /** The number of a kernel in the plan. */
  readonly add: (kernel: Kernel, members: readonly string[]) => number;
  /** The number of a product of a library in the plan. */
  readonly addMatmul: (entry: MatmulEntry) => number;
  /** Stores rows for successive iterations; the number of the first. */
  readonly addRows: (rows: readonly (readonly UniformWord[])[]) => number;
  readonly entries: () => readonly KernelEntry[];
  readonly matmuls: () => readonly MatmulEntry[];
  readonly texts: () => Readonly<Record<string, string>>;
  readonly uniformRows: () => readonly (readonly UniformWord[])[];
  /** Of all products, by key. */
  readonly tilings: () => ReadonlyMap<string, Tiling>;
}

export function makeKernelTable(emit: (kernel: Kernel) => EmittedKernel): KernelTable {
  const byText = new Map<string, number>();
  const entries: KernelEntry[] = [];
  const texts: Record<string, string> = {};
  const files = new Set<string>();
  const matmuls: MatmulEntry[] = [];
  const byEntry = new Map<string, number>();
  const rows: (readonly UniformWord[])[] = [];
  const firstRow = new Map<string, number>();
  const tilings = new Map<string, Tiling>();
  const tiles = new Map<number, Readonly<Record<string, string>>>();

  return {
    add(kernel, members) {
      const { tiling } = kernel;
      const { text, hash, entryPoint, extension, ...uniforms } = emit(kernel);
      const known = byText.get(text);
      const number = known ?? entries.length;
      if (tiling) {
        tilings.set(tiling.key, tiling);
        tiles.set(number, { ...tiles.get(number), [tiling.key]: tiling.tile });
      }
      if (known !== undefined) return known;
      const file = `kernels/${freshName(kernel.name, extension, files)}`;
      texts[file] = text;
      byText.set(text, number);
      entries.push({
        name: kernel.name,
        hash,
        file,
        entryPoint,
        workgroup: kernel.workgroup,
        bindings: kernel.buffers.map((b) => ({ name: b.name, access: b.access })),
        ...uniforms,
        flops: kernel.flops,
        bytes: kernel.bytes,
        members,
        features: kernel.features,
      });
      return number;
    },
    addMatmul(entry) {
      const key = JSON.stringify(entry);
      const number = byEntry.get(key) ?? matmuls.push(entry) - 1;
      byEntry.set(key, number);
      return number;
    },
    addRows(added) {
      const key = JSON.stringify(added);
      const known = firstRow.get(key);
      if (known !== undefined) return known;
      firstRow.set(key, rows.length);
      rows.push(...added);
      return rows.length - added.length;
    },
    entries: () =>
      entries.map((entry, i) => {
        const own = tiles.get(i);
        return own ? { ...entry, tiles: own } : entry;
      }),
    matmuls: () => matmuls,
    texts: () => texts,
    uniformRows: () => rows,
    tilings: () => tilings,
  };
}

/** File systems take names of 255 bytes. */
const LONGEST_NAME = 100;

function freshName(whole: string, extension: string, taken: Set<string>): string {
  const name = whole.slice(0, LONGEST_NAME);
  for (let n = 1; ; n++) {
    const file = `${name}${n === 1 ? '' : `_${n}`}.${extension}`;
    if (taken.has(file)) continue;
    taken.add(file);
    return file;
  }
}
