/** Tensors of files as numbers, and back. */
import { bfloatToNumber, halfToNumber } from '../compiler/support/narrow-floats.ts';
import { DTYPE_BYTES, type Dtype, type Tensor } from './safetensors.ts';

type Reader = (view: DataView, byte: number) => number;

const READERS: { readonly [K in Dtype]: Reader } = {
  F64: (v, at) => v.getFloat64(at, true),
  F32: (v, at) => v.getFloat32(at, true),
  F16: (v, at) => halfToNumber(v.getUint16(at, true)),
  BF16: (v, at) => bfloatToNumber(v.getUint16(at, true)),
  I64: (v, at) => Number(v.getBigInt64(at, true)),
  I32: (v, at) => v.getInt32(at, true),
  U8: (v, at) => v.getUint8(at),
};

/** All elements, rounded to float32. */
export function floatsOf(tensor: Tensor): Float32Array<ArrayBuffer> {
  return Float32Array.from(numbersOf(tensor));
}

/** All elements as they are; whole numbers beyond 2^53 lose digits. */
export function numbersOf(tensor: Tensor): Float64Array<ArrayBuffer> {
  const width = DTYPE_BYTES[tensor.dtype];
  const read = READERS[tensor.dtype];
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const values = new Float64Array(tensor.data.byteLength / width);
  for (let i = 0; i < values.length; i += 1) values[i] = read(view, i * width);
  return values;
}

/** A tensor over the memory of `values`, without a copy. */
export function floatTensor(values: Float32Array, shape: readonly number[]): Tensor {
  return { dtype: 'F32', shape, data: bytesOf(values) };
}

export function intTensor(values: Int32Array, shape: readonly number[]): Tensor {
  return { dtype: 'I32', shape, data: bytesOf(values) };
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
