import type { UniformWord } from '../../compiler/ir/plan.ts';

/** A scalar as it lies in uniform data: little-endian. */
export function writeWord(view: DataView, at: number, { type, value }: UniformWord): void {
  if (type === 'f32') view.setFloat32(at, value, true);
  else if (type === 'i32') view.setInt32(at, value, true);
  else view.setUint32(at, value, true);
}
