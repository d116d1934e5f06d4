// helpers
//
// One element per invocation.

namespace tfm {

// a - b floor(a / b), with the sign of b; the quotient may have been rounded across a whole number.
__device__ inline float floor_mod(float a, float b) {
  float rest = a - b * floorf(a / b);
  if (rest != 0.0f && (rest < 0.0f) != (b < 0.0f)) {
    rest += b;
  }
  return fabsf(rest) >= fabsf(b) ? rest - b : rest;
}

// A constant as a value of the run: compilers warn of constants whose result is not finite.
__device__ inline float constant(float x) {
  return x;
}

// One word into the state of MurmurHash3_x86_32 (A. Appleby).
__device__ inline unsigned absorb_word(unsigned state, unsigned word) {
  const unsigned k = word * 0xcc9e2d51u;
  const unsigned h = state ^ (((k << 15) | (k >> 17)) * 0x1b873593u);
  return ((h << 13) | (h >> 19)) * 5u + 0xe6546b64u;
}

// Uniform in [0, 1): the upper 24 bits of MurmurHash3_x86_32 of the five counters, with the key as its seed.
__device__ inline float random_uniform(unsigned key, unsigned seed, unsigned step, unsigned micro, unsigned iteration,
                                       unsigned element) {
  unsigned h = absorb_word(absorb_word(absorb_word(key, seed), step), micro);
  h = absorb_word(absorb_word(h, iteration), element) ^ 20u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return float((h ^ (h >> 16)) >> 8) / 16777216.0f;
}

// One number four times.
__device__ inline float4 splat(float x) {
  return make_float4(x, x, x, x);
}

__device__ inline float4 tanhf_4(float4 a) {
  return make_float4(tanhf(a.x), tanhf(a.y), tanhf(a.z), tanhf(a.w));
}

// The remainder with the sign of b.
__device__ inline int floor_mod_int(int a, int b) {
  const int rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

extern "C" __global__ void __launch_bounds__(64, 1) kernel(
  const float* __restrict__ x, // [width 9]
  float* __restrict__ y        // [width 9]
) {
  const unsigned group = blockIdx.x;
  const unsigned lane = threadIdx.x;
  const unsigned i = group * 64 + lane;
  if (i < 9) {
    y[i] = erff(x[i]) + tanhf(x[i]) + sinf(x[i]) + cosf(x[i]) + logf(x[i]) + acosf(x[i]) + powf(x[i], x[i]) + floor_mod(x[i], x[i]) + expf(constant(2.0f)) + random_uniform(17, 1, 2, 3, 4, i) + tanhf_4(splat(x[i])).w + float(floor_mod_int(int(x[i]), int(x[i])));
  }
}

}
