/** What a kernel is given: buffers, uniforms and workgroup memory, each declared when it is first asked for. */
import type { ValueId } from '../ir/graph.ts';
import type { Expr, Kernel, KernelBuffer, KernelUniform, SharedArray, UniformSource } from '../ir/kernel.ts';
import { CELL } from '../ir/storage-type.ts';
import { elementsOf } from '../ir/tensor-type.ts';
import type { LowerContext } from './context.ts';
import { longName, sanitised } from './names.ts';

export interface Resources {
  /** The buffer of a stored value; values that share memory share it, and once written it stays writable. */
  buffer(value: ValueId, access: KernelBuffer['access']): KernelBuffer;
  /** The buffer that has a name. */
  named(name: string): KernelBuffer | undefined;
  /** A uniform as an expression; one for each source. */
  uniform(wish: string, type: KernelUniform['type'], source: UniformSource): Expr;
  /** The name of a new array of workgroup memory, which may lie over another one. */
  shared(wish: string, type: SharedArray['type'], elements: number, over?: string): string;
  /** All of them; what is read before what is written. */
  declared(): Pick<Kernel, 'buffers' | 'uniforms' | 'shared'>;
}

export function makeResources(context: LowerContext, unique: (wish: string) => string): Resources {
  const buffers = new Map<ValueId, KernelBuffer>();
  const uniforms = new Map<string, KernelUniform>();
  const shared: SharedArray[] = [];
  return {
    buffer(value, access) {
      const holds = context.bufferOf(value);
      const known = buffers.get(holds);
      if (known && (known.access === access || access === 'read')) return known;
      const { type } = context.value(holds);
      const buffer: KernelBuffer = {
        name: known?.name ?? unique(longName(context, holds)),
        holds,
        type: CELL[type.storage],
        elements: elementsOf(type.axes),
        access,
        shape: shapeText(context, holds),
      };
      buffers.set(holds, buffer);
      return buffer;
    },
    named: (name) => [...buffers.values()].find((buffer) => buffer.name === name),
    uniform(wish, type, source) {
      const key = JSON.stringify(source);
      const uniform = uniforms.get(key) ?? { name: unique(sanitised(wish)), type, source };
      uniforms.set(key, uniform);
      return { kind: 'uniform', type: uniform.type, name: uniform.name };
    },
    shared(wish, type, elements, over) {
      const name = unique(sanitised(wish));
      shared.push({ name, type, elements, ...(over === undefined ? {} : { over }) });
      return name;
    },
    declared() {
      const all = [...buffers.values()];
      const ordered = [...all.filter((b) => b.access === 'read'), ...all.filter((b) => b.access === 'read_write')];
      return { buffers: ordered, uniforms: [...uniforms.values()], shared };
    },
  };
}

/** `[batch 8, time 128, width 64]`, in the order in which the elements lie. */
export function shapeText(context: LowerContext, value: ValueId): string {
  const axes = context.layoutOf(value).map((axis) => `${axis.name} ${axis.size}`);
  return `[${axes.join(', ')}]`;
}
