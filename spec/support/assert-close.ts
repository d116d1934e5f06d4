import * as assert from 'uvu/assert';

/** Every element within `tolerance`, relative to the largest one of the tensor. */
export function assertClose(actual: Float64Array, expected: Float64Array, tolerance: number, what: string): void {
  assert.is(actual.length, expected.length, what);
  const scale = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6);
  actual.forEach((x, i) => {
    const error = Math.abs(x - (expected[i] ?? Number.NaN)) / scale;
    assert.ok(error <= tolerance, `${what}[${i}] is ${x}, not ${expected[i]}`);
  });
}
