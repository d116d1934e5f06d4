/**
 * TensorBoard event files: records of a length, its checksum, a protocol buffer (`Event` of TensorFlow's event.proto)
 * and its checksum. Checksums are CRC-32C, rotated and shifted as TensorFlow does.
 */
const CASTAGNOLI = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? (c >>> 1) ^ CASTAGNOLI : c >>> 1;
  return c;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function maskedCrc(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes);
  const rotated = ((crc >>> 15) | (crc << 17)) >>> 0;
  const out = Buffer.alloc(4);
  out.writeUInt32LE((rotated + 0xa282ead8) % 2 ** 32);
  return out;
}

function record(event: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(event.byteLength));
  return Buffer.concat([length, maskedCrc(length), event, maskedCrc(event)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

const field = (number: number, wire: number, content: Uint8Array): Buffer =>
  Buffer.concat([varint(number * 8 + wire), content]);
const block = (number: number, content: Uint8Array): Buffer =>
  field(number, 2, Buffer.concat([varint(content.byteLength), content]));

function double(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(value);
  return out;
}

function float(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return out;
}

function event(seconds: number, step: number, content: Buffer): Uint8Array {
  return record(Buffer.concat([field(1, 1, double(seconds)), field(2, 0, varint(step)), content]));
}

/** The first record of a file, and one that tells TensorBoard to forget what older files say beyond `step`. */
export function openingRecords(seconds: number, step: number): Uint8Array {
  const version = event(seconds, 0, block(3, Buffer.from('brain.Event:2')));
  const start = event(seconds, step, block(7, field(1, 0, varint(1))));
  return Buffer.concat([version, start]);
}

/** Numbers of one step, by tag. */
export function scalarRecord(seconds: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    block(1, Buffer.concat([block(1, Buffer.from(tag)), field(2, 5, float(value))])),
  );
  return event(seconds, step, block(5, Buffer.concat(values)));
}
