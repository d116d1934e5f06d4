/** The counter-based random numbers that kernels repeat bit for bit. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hashWords, randomKey, randomUniform } from '../src/compiler/support/random.ts';

test('the hash is MurmurHash3_x86_32', () => {
  // Published test vectors: the empty input, and the words of 21 43 65 87, read as little-endian.
  assert.is(hashWords(0, []), 0);
  assert.is(hashWords(1, []), 0x514e28b7);
  assert.is(hashWords(0xffffffff, []), 0x81f16f39);
  assert.is(hashWords(0, [0x87654321]), 0xf55b516b);
  assert.is(hashWords(0x5082edee, [0x87654321]), 0x2362f9de);
});

test('draws are uniform, 24 bits, and differ by every counter', () => {
  const key = randomKey('layer.attn.dropout');
  const draws = Array.from({ length: 20_000 }, (_, i) => randomUniform(key, [1, 2, 3, 4, i]));
  assert.ok(draws.every((x) => x >= 0 && x < 1 && Number.isInteger(x * 2 ** 24)));
  const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
  const square = draws.reduce((sum, x) => sum + x * x, 0) / draws.length;
  assert.ok(Math.abs(mean - 1 / 2) < 0.01 && Math.abs(square - 1 / 3) < 0.01);
  const counters = [1, 2, 3, 4, 5];
  for (const i of counters.keys()) {
    assert.is.not(randomUniform(key, counters.with(i, 9)), randomUniform(key, counters));
  }
  assert.is.not(randomUniform(randomKey('layer.ffn.dropout'), counters), randomUniform(key, counters));
});

test.run();
