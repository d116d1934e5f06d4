/**
 * Reader and writer of safetensors files: 8 bytes of header length, a JSON header, then the tensors' data, little-endian
 * and row-major. The reader trusts nothing: it allocates nothing before sizes were checked and gives views of the file.
 */
import { dataFailure } from '../compiler/diagnostics/data.ts';
import { isObject, type Json, type JsonObject, parseStrictJson } from './strict-json.ts';

export const DTYPE_BYTES = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1 } as const;
export type Dtype = keyof typeof DTYPE_BYTES;

export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian, row-major. */
  readonly data: Uint8Array;
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const MAX_HEADER = 100_000_000;
const MAX_TENSORS = 100_000;
const MAX_NAME = 1024;
const MAX_RANK = 8;

interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Checks and opens a file that was read. Fails with `tensor-file-malformed`; `path` is for the message. */
export function parseSafetensors(bytes: Uint8Array, path: string): TensorFile {
  const fail = (reason: string): never => {
    throw dataFailure('tensor-file-malformed', { path, reason });
  };
  if (bytes.byteLength < 8) return fail('it is shorter than 8 bytes');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER)) return fail(`its header claims ${length} bytes`);
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.byteLength) return fail('its header is longer than the file');
  const header = parseHeader(bytes.subarray(8, dataStart), fail);
  const { __metadata__: metadata, ...rest } = header;
  const names = Object.keys(rest);
  if (names.length > MAX_TENSORS) return fail(`it has ${names.length} tensors`);
  const entries = names
    .map((name) => checkEntry(name, rest[name], fail))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const entry of entries) {
    if (entry.begin !== at) fail(`tensor '${entry.name}' begins at ${entry.begin}, and ${at} is expected`);
    at = entry.end;
  }
  const dataBytes = bytes.byteLength - dataStart;
  if (at !== dataBytes) fail(`its tensors take ${at} bytes, and it has ${dataBytes}`);
  return {
    tensors: new Map(
      entries.map((e) => [
        e.name,
        { dtype: e.dtype, shape: e.shape, data: bytes.subarray(dataStart + e.begin, dataStart + e.end) },
      ]),
    ),
    metadata: checkMetadata(metadata, fail),
  };
}

type Fail = (reason: string) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): JsonObject {
  try {
    const header = parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return isObject(header) ? header : fail('its header is not an object');
  } catch (error) {
    if (error instanceof SyntaxError) return fail(error.message);
    if (error instanceof TypeError) return fail('its header is not UTF-8');
    throw error;
  }
}

function checkMetadata(metadata: Json | undefined, fail: Fail): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  if (metadata === undefined) return result;
  if (!isObject(metadata)) return fail('its metadata is not an object');
  for (const [key, value] of Object.entries(metadata)) {
    result[key] = typeof value === 'string' ? value : fail(`its metadata '${key}' is not a string`);
  }
  return result;
}

function checkEntry(name: string, entry: Json | undefined, fail: Fail): Entry {
  if (Buffer.byteLength(name) > MAX_NAME) return fail('the name of a tensor is longer than 1,024 bytes');
  const about = `tensor '${name}'`;
  if (!isObject(entry)) return fail(`${about} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype)) return fail(`${about} has the type ${JSON.stringify(dtype)}, which is not supported`);
  if (!isSizes(shape) || shape.length > MAX_RANK) return fail(`${about} has no valid shape`);
  if (!isSizes(offsets) || offsets.length !== 2) return fail(`${about} has no valid offsets`);
  const [begin = 0, end = 0] = offsets;
  const needs = shape.reduce((n, size) => n * size, DTYPE_BYTES[dtype]);
  if (!Number.isSafeInteger(needs)) return fail(`${about} is too large`);
  if (end - begin !== needs)
    return fail(`${about} takes ${needs} bytes by its shape, and ${end - begin} by its offsets`);
  return { name, dtype, shape, begin, end };
}

function isDtype(value: Json | undefined): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(DTYPE_BYTES, value);
}

function isSizes(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0);
}

/** The parts of a file, in order, so that large tensors need not be copied to be written. Sorted by width, then name. */
export function safetensorsChunks(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  const sorted = [...tensors].sort(
    ([a, s], [b, t]) => DTYPE_BYTES[t.dtype] - DTYPE_BYTES[s.dtype] || (a < b ? -1 : a > b ? 1 : 0),
  );
  const header: Record<string, unknown> = Object.keys(metadata).length ? { __metadata__: metadata } : {};
  let at = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(8 + Math.ceil(json.byteLength / 8) * 8).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.byteLength - 8), true);
  padded.set(json, 8);
  return [padded, ...sorted.map(([, { data }]) => data)];
}
