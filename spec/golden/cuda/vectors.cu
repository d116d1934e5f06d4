// vectors
//
// One element per invocation.

namespace tfm {

// One number four times.
__device__ inline float4 splat(float x) {
  return make_float4(x, x, x, x);
}

__device__ inline float4 operator+(float4 a, float4 b) {
  return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}
__device__ inline float4& operator+=(float4& a, float4 b) {
  return a = a + b;
}

__device__ inline float4 operator+(float4 a, float b) {
  return make_float4(a.x + b, a.y + b, a.z + b, a.w + b);
}
__device__ inline float4& operator+=(float4& a, float b) {
  return a = a + b;
}

__device__ inline float4 operator+(float a, float4 b) {
  return make_float4(a + b.x, a + b.y, a + b.z, a + b.w);
}

__device__ inline float4 operator-(float4 a, float4 b) {
  return make_float4(a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w);
}

__device__ inline float4 operator-(float4 a, float b) {
  return make_float4(a.x - b, a.y - b, a.z - b, a.w - b);
}

__device__ inline float4 operator-(float a, float4 b) {
  return make_float4(a - b.x, a - b.y, a - b.z, a - b.w);
}

__device__ inline float4 operator*(float4 a, float4 b) {
  return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}

__device__ inline float4 operator*(float4 a, float b) {
  return make_float4(a.x * b, a.y * b, a.z * b, a.w * b);
}

__device__ inline float4 operator*(float a, float4 b) {
  return make_float4(a * b.x, a * b.y, a * b.z, a * b.w);
}

__device__ inline float4 operator/(float4 a, float4 b) {
  return make_float4(a.x / b.x, a.y / b.y, a.z / b.z, a.w / b.w);
}

__device__ inline float4 operator/(float4 a, float b) {
  return make_float4(a.x / b, a.y / b, a.z / b, a.w / b);
}

__device__ inline float4 operator/(float a, float4 b) {
  return make_float4(a / b.x, a / b.y, a / b.z, a / b.w);
}

__device__ inline float4 expf_4(float4 a) {
  return make_float4(expf(a.x), expf(a.y), expf(a.z), expf(a.w));
}

__device__ inline float4 logf_4(float4 a) {
  return make_float4(logf(a.x), logf(a.y), logf(a.z), logf(a.w));
}

__device__ inline float4 sinf_4(float4 a) {
  return make_float4(sinf(a.x), sinf(a.y), sinf(a.z), sinf(a.w));
}

__device__ inline float4 cosf_4(float4 a) {
  return make_float4(cosf(a.x), cosf(a.y), cosf(a.z), cosf(a.w));
}

__device__ inline float4 tanhf_4(float4 a) {
  return make_float4(tanhf(a.x), tanhf(a.y), tanhf(a.z), tanhf(a.w));
}

__device__ inline float4 erff_4(float4 a) {
  return make_float4(erff(a.x), erff(a.y), erff(a.z), erff(a.w));
}

__device__ inline float4 sqrtf_4(float4 a) {
  return make_float4(sqrtf(a.x), sqrtf(a.y), sqrtf(a.z), sqrtf(a.w));
}

__device__ inline float4 rsqrtf_4(float4 a) {
  return make_float4(rsqrtf(a.x), rsqrtf(a.y), rsqrtf(a.z), rsqrtf(a.w));
}

__device__ inline float4 fabsf_4(float4 a) {
  return make_float4(fabsf(a.x), fabsf(a.y), fabsf(a.z), fabsf(a.w));
}

__device__ inline float4 floorf_4(float4 a) {
  return make_float4(floorf(a.x), floorf(a.y), floorf(a.z), floorf(a.w));
}

__device__ inline float4 acosf_4(float4 a) {
  return make_float4(acosf(a.x), acosf(a.y), acosf(a.z), acosf(a.w));
}

__device__ inline float4 operator-(float4 a) {
  return make_float4(-a.x, -a.y, -a.z, -a.w);
}

__device__ inline float4 powf_4(float4 a, float4 b) {
  return make_float4(powf(a.x, b.x), powf(a.y, b.y), powf(a.z, b.z), powf(a.w, b.w));
}

// a - b floor(a / b), with the sign of b; the quotient may have been rounded across a whole number.
__device__ inline float floor_mod(float a, float b) {
  float rest = a - b * floorf(a / b);
  if (rest != 0.0f && (rest < 0.0f) != (b < 0.0f)) {
    rest += b;
  }
  return fabsf(rest) >= fabsf(b) ? rest - b : rest;
}

__device__ inline float4 floor_mod_4(float4 a, float4 b) {
  return make_float4(floor_mod(a.x, b.x), floor_mod(a.y, b.y), floor_mod(a.z, b.z), floor_mod(a.w, b.w));
}

__device__ inline float4 fmaxf_4(float4 a, float4 b) {
  return make_float4(fmaxf(a.x, b.x), fmaxf(a.y, b.y), fmaxf(a.z, b.z), fmaxf(a.w, b.w));
}

__device__ inline float4 fminf_4(float4 a, float4 b) {
  return make_float4(fminf(a.x, b.x), fminf(a.y, b.y), fminf(a.z, b.z), fminf(a.w, b.w));
}

extern "C" __global__ void __launch_bounds__(64, 1) kernel(
  const float* __restrict__ x, // [width 9]
  const int* __restrict__ n,   // [width 9]
  float* __restrict__ y        // [width 9]
) {
  const unsigned group = blockIdx.x;
  const unsigned lane = threadIdx.x;
  const unsigned i = group * 64 + lane;
  if (i < 9) {
    float4 sum = splat(0.0f);
    sum += make_float4(x[i], 1.0f, x[i], 2.0f) + make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += make_float4(x[i], 1.0f, x[i], 2.0f) + x[i];
    sum += x[i] + make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += make_float4(x[i], 1.0f, x[i], 2.0f) - make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += make_float4(x[i], 1.0f, x[i], 2.0f) - x[i];
    sum += x[i] - make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += make_float4(x[i], 1.0f, x[i], 2.0f) * make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += make_float4(x[i], 1.0f, x[i], 2.0f) * x[i];
    sum += x[i] * make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += make_float4(x[i], 1.0f, x[i], 2.0f) / make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += make_float4(x[i], 1.0f, x[i], 2.0f) / x[i];
    sum += x[i] / make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += expf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += logf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += sinf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += cosf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += tanhf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += erff_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += sqrtf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += rsqrtf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += fabsf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += floorf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += acosf_4(make_float4(x[i], 1.0f, x[i], 2.0f));
    sum += -make_float4(x[i], 1.0f, x[i], 2.0f);
    sum += powf_4(make_float4(x[i], 1.0f, x[i], 2.0f), splat(x[i]));
    sum += floor_mod_4(make_float4(x[i], 1.0f, x[i], 2.0f), splat(x[i]));
    sum += fmaxf_4(make_float4(x[i], 1.0f, x[i], 2.0f), splat(x[i]));
    sum += fminf_4(make_float4(x[i], 1.0f, x[i], 2.0f), splat(x[i]));
    sum += i < 2 ? make_float4(x[i], 1.0f, x[i], 2.0f) : splat(0.0f);
    y[i] = sum.y;
  }
}

}
