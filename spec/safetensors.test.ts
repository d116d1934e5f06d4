import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { present } from '../src/compiler/support/invariant.ts';
import { bfloatToNumber, halfToNumber } from '../src/compiler/support/narrow-floats.ts';
import { parseSafetensors, safetensorsChunks } from '../src/runtime/safetensors.ts';
import { floatsOf, floatTensor, intTensor, numbersOf } from '../src/runtime/tensor-values.ts';

const encode = (header: string, data: Uint8Array = new Uint8Array()): Uint8Array => {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  return Buffer.concat([length, json, data]);
};

const refused = (bytes: Uint8Array, pattern: RegExp): void => {
  try {
    parseSafetensors(bytes, 'w.safetensors');
  } catch (error) {
    assert.instance(error, Failure);
    const { diagnostics, exitCode } = error as Failure;
    assert.is(diagnostics[0]?.code, 'tensor-file-malformed');
    assert.is(exitCode, 5);
    assert.match(diagnostics[0]?.message ?? '', pattern);
    return;
  }
  assert.unreachable(`accepted a file that should be refused for ${pattern}`);
};

test('what is written is read back, sorted and aligned', () => {
  const chunks = safetensorsChunks(
    new Map([
      ['z', floatTensor(Float32Array.of(1, -2.5), [2])],
      ['a', intTensor(Int32Array.of(7), [])],
      ['none', floatTensor(new Float32Array(0), [0, 3])],
    ]),
    { kernels: 'abc' },
  );
  const bytes = Buffer.concat(chunks);
  assert.is(Number(bytes.readBigUInt64LE()) % 8, 0);
  const { tensors, metadata } = parseSafetensors(bytes, 'w');
  assert.equal([...tensors.keys()], ['a', 'none', 'z']);
  assert.equal([...floatsOf(present(tensors.get('z'), 'z'))], [1, -2.5]);
  assert.equal(tensors.get('none')?.shape, [0, 3]);
  assert.equal({ ...metadata }, { kernels: 'abc' });
});

test('every element type becomes numbers', () => {
  const data = new Uint8Array([0, 0x3c, 0, 0xc0]);
  assert.equal([...numbersOf({ dtype: 'F16', shape: [2], data })], [1, -2]);
  assert.equal([...numbersOf({ dtype: 'U8', shape: [4], data })], [0, 0x3c, 0, 0xc0]);
  const wide = Buffer.alloc(8);
  wide.writeBigInt64LE(-5n);
  assert.equal([...numbersOf({ dtype: 'I64', shape: [1], data: wide })], [-5]);
  assert.is(halfToNumber(1), 2 ** -24);
  assert.is(halfToNumber(0x7c00), Number.POSITIVE_INFINITY);
  assert.is(bfloatToNumber(0xbf80), -1);
  assert.ok(Number.isNaN(halfToNumber(0x7e00)));
});

test('malformed files are refused with a reason', () => {
  const one = '"dtype":"F32","shape":[1],"data_offsets":[0,4]';
  const four = new Uint8Array(4);
  refused(new Uint8Array(3), /shorter than 8/);
  refused(Buffer.from([255, 255, 255, 255, 255, 255, 255, 255]), /claims/);
  refused(encode('{}').subarray(0, 9), /longer than the file/);
  refused(encode('[]'), /not an object/);
  refused(encode('{"a"'), /expected ':'/);
  refused(Buffer.concat([encode('{"a'), Buffer.from([0xff])]).fill(4, 0, 1), /UTF-8/);
  refused(encode(`{"a":{${one}},"a":{${one}}}`, four), /stands twice/);
  refused(encode(`{"__proto__":{${one}}}`, four), /not allowed/);
  refused(encode(`{"a":{${one.replace('F32', 'Q4')}}}`, four), /type "Q4"/);
  refused(encode(`{"a":{${one.replace('[1]', '[1.5]')}}}`, four), /shape/);
  refused(encode(`{"a":{${one.replace('[1]', '[9007199254740993]')}}}`, four), /too large/);
  refused(encode(`{"a":{${one.replace('[1]', '[2]')}}}`, four), /takes 8 bytes/);
  refused(encode(`{"a":{${one.replace('[1]', '[1,1,1,1,1,1,1,1,1]')}}}`, four), /shape/);
  refused(encode(`{"a":{${one}},"b":{${one}}}`, four), /'b' begins at 0/);
  refused(encode(`{"a":{${one}}}`, new Uint8Array(5)), /take 4 bytes, and it has 5/);
  refused(encode(`{"a":{${one.replace('0,4', '4,8')}}}`, new Uint8Array(8)), /begins at 4/);
  refused(encode(`{"a":${'['.repeat(100)}`), /nesting/);
  refused(encode('{"__metadata__":{"a":1}}'), /metadata 'a'/);
});

test('random damage never crashes the reader and never changes its kind of error', () => {
  const whole = Buffer.concat(safetensorsChunks(new Map([['a', floatTensor(Float32Array.of(1, 2, 3), [3])]])));
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
      const damaged = Buffer.from(whole);
      damaged[at] = byte;
      try {
        parseSafetensors(damaged.subarray(0, length), 'w');
      } catch (error) {
        assert.instance(error, Failure);
      }
    }),
    { numRuns: 2000 },
  );
});

test.run();
