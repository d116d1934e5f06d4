// helpers
//
// One element per invocation.

@group(0) @binding(0) var<storage, read> x: array<f32>;       // [width 9]
@group(0) @binding(1) var<storage, read_write> y: array<f32>; // [width 9]

// The error function: x P(x^2) up to 1, then 1 - exp(-x^2) Q(1 / (1 + x / 2)), which is 1 from 4 on.
// P and Q are polynomials through erf(x) / x and exp(x^2) erfc(x) at Chebyshev nodes.
fn erf(x: f32) -> f32 {
  let square = x * x;
  let near = x * (
    1.1283791 + square * (
    -0.37612626 + square * (
    0.11283594 + square * (
    -0.026854211 + square * (
    0.0051890872 + square * (
    -8.0168643e-4 + square * (
    7.875875e-5)))))));
  let size = min(abs(x), 4.0);
  let t = 1.0 / (1.0 + 0.5 * size);
  let far = 1.0 - exp(-size * size) * (
    -1.2128133e-4 + t * (
    0.28434056 + t * (
    0.26399976 + t * (
    0.32939222 + t * (
    -0.05493527 + t * (
    0.4816715 + t * (
    -0.38651484 + t * (
    0.06959768 + t * (
    0.012668302)))))))));
  return select(near, far * sign(x), abs(x) >= 1.0);
}

// tanh: Lambert's continued fraction (DLMF 4.39.1) near 0, then 1 - 2 / (exp(2 x) + 1), which is 1 from 10 on.
fn safe_tanh(x: f32) -> f32 {
  let square = x * x;
  let near = x / (1.0 + square / (3.0 + square / (5.0 + square / (7.0 + square / 9.0))));
  let size = min(abs(x), 10.0);
  let far = 1.0 - 2.0 / (exp(2.0 * size) + 1.0);
  return select(near, far * sign(x), abs(x) >= 0.6);
}

// sin(x - turns pi), with pi in three parts, of which the first two multiply exactly (Cody and Waite), so that large
// angles are as good as small ones; the sine is a polynomial through sin(r) / r at Chebyshev nodes.
fn sine_past(x: f32, turns: f32) -> f32 {
  let r = ((x - turns * 3.140625) - turns * 0.0009670257568359375) - turns * 6.278329465203569e-7;
  let square = r * r;
  return r * (
    1.0 + square * (
    -0.16666667 + square * (
    0.008333331 + square * (
    -1.9840861e-4 + square * (
    2.752527e-6 + square * (
    -2.3889218e-8))))));
}

// The sine of any angle; WGSL bounds the error from -pi to pi only.
fn accurate_sin(x: f32) -> f32 {
  let turns = round(x * 0.31830987);
  let odd = turns - 2.0 * floor(0.5 * turns);
  return sine_past(x, turns) * (1.0 - 2.0 * odd);
}

// The cosine of any angle; WGSL bounds the error from -pi to pi only.
fn accurate_cos(x: f32) -> f32 {
  let turns = floor(x * 0.31830987);
  let odd = turns - 2.0 * floor(0.5 * turns);
  return sine_past(x, turns + 0.5) * (2.0 * odd - 1.0);
}

// The logarithm, NaN of NaN: some drivers give a number.
fn checked_log(x: f32) -> f32 {
  return select(log(x), x, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}

// acos: sqrt(1 - |x|) P(|x|), from pi when x is negative; P goes through acos(x) / sqrt(1 - x) at Chebyshev nodes.
fn accurate_acos(x: f32) -> f32 {
  let size = abs(x);
  let angle = sqrt(1.0 - size) * (
    1.5707964 + size * (
    -0.21460116 + size * (
    0.08903014 + size * (
    -0.050593574 + size * (
    0.03257117 + size * (
    -0.020727666 + size * (
    0.011028381 + size * (
    -0.003974578 + size * (
    6.845318e-4)))))))));
  return select(angle, 3.1415927 - angle, x < 0.0);
}

// x to the power y. WGSL leaves pow undefined for x below 0, where a whole y gives |x|^y with its sign; a y that is not
// whole gives NaN, which is made from bits because a constant may not be NaN, and likewise 1 / 0.
fn power(x: f32, y: f32) -> f32 {
  if (y == 0.0) {
    return 1.0;
  }
  if (x == 0.0) {
    return select(0.0, bitcast<f32>(bitcast<u32>(abs(x)) | 0x7f800000u), y < 0.0);
  }
  let size = pow(abs(x), y);
  if (x > 0.0) {
    return size;
  }
  if (floor(y) != y) {
    return bitcast<f32>(bitcast<u32>(x) | 0x7fc00000u);
  }
  return select(size, -size, abs(y) % 2.0 == 1.0);
}

// a - b floor(a / b), with the sign of b; the quotient may have been rounded across a whole number.
fn floor_mod(a: f32, b: f32) -> f32 {
  let rest = a - b * floor(a / b);
  let other_side = (rest != 0.0) & ((rest < 0.0) != (b < 0.0));
  let within = select(rest, rest + b, other_side);
  return select(within, within - b, abs(within) >= abs(b));
}

// A constant as a value of the run: WGSL refuses to fold constants whose result is not finite.
fn constant(x: f32) -> f32 {
  return x;
}

// One word into the state of MurmurHash3_x86_32 (A. Appleby).
fn absorb_word(state: u32, word: u32) -> u32 {
  let k = word * 0xcc9e2d51u;
  let h = state ^ (((k << 15u) | (k >> 17u)) * 0x1b873593u);
  return ((h << 13u) | (h >> 19u)) * 5u + 0xe6546b64u;
}

// Uniform in [0, 1): the upper 24 bits of MurmurHash3_x86_32 of the five counters, with the key as its seed.
fn random_uniform(key: u32, seed: u32, step: u32, micro: u32, iteration: u32, element: u32) -> f32 {
  var h = absorb_word(absorb_word(absorb_word(key, seed), step), micro);
  h = absorb_word(absorb_word(h, iteration), element) ^ 20u;
  h = (h ^ (h >> 16u)) * 0x85ebca6bu;
  h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
  return f32((h ^ (h >> 16u)) >> 8u) / 16777216.0;
}

fn safe_tanh_4(a: vec4f) -> vec4f {
  return vec4f(safe_tanh(a.x), safe_tanh(a.y), safe_tanh(a.z), safe_tanh(a.w));
}

// The remainder with the sign of b.
fn floor_mod_int(a: i32, b: i32) -> i32 {
  let rest = a % b;
  return select(rest, rest + b, (rest != 0) & ((rest < 0) != (b < 0)));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3u,
  @builtin(num_workgroups) num_workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup_id.y * num_workgroups.x + workgroup_id.x;
  let i = group * 64 + lane;
  if (i < 9) {
    y[i] = erf(x[i]) + safe_tanh(x[i]) + accurate_sin(x[i]) + accurate_cos(x[i]) + checked_log(x[i]) + accurate_acos(x[i]) + power(x[i], x[i]) + floor_mod(x[i], x[i]) + exp(constant(2.0)) + random_uniform(17, 1, 2, 3, 4, i) + safe_tanh_4(vec4f(x[i])).w + f32(floor_mod_int(i32(x[i]), i32(x[i])));
  }
}
