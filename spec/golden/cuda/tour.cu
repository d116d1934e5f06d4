// layer_norm_rows
//
// normed[row, c] = x[row, c] / root(mean(x^2)) * gain[c] / sqrt(layer), over c
// models/deep.tfm:12-14
// 12.3 MFLOP, 4.1 kB moved by one launch.

namespace tfm {

struct Launch {
  float depth_scale;
  unsigned layer;
};

struct Host {
  unsigned step;
  unsigned seed;
  unsigned micro;
  float lr;
  float bias1;
  float bias2;
};

__shared__ float sums[32];

__device__ inline float4 operator*(float4 a, float b) {
  return make_float4(a.x * b, a.y * b, a.z * b, a.w * b);
}

// 1 for NaN and infinities, whose exponent bits are all ones.
__device__ inline unsigned is_nonfinite(float x) {
  return (__float_as_uint(x) & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
}

// The root of a mean of squares, away from zero.
__device__ inline float root(float mean) {
  const float safe = mean + 1e-5f;
  return sqrtf(safe);
}

extern "C" __global__ void __launch_bounds__(32, 1) kernel(
  const float* __restrict__ x,    // [batch 10, width 96]
  const float* __restrict__ gain, // [width 96]
  float* __restrict__ normed,     // [batch 10, width 96], elements 480 to 959
  unsigned* __restrict__ kept,    // [batch 10]
  const __grid_constant__ Launch launch,
  const Host* __restrict__ host_scalars
) {
  const Host& host = *host_scalars;
  const unsigned group = blockIdx.x;
  const unsigned lane = threadIdx.x;
  const unsigned row = group;
  // each lane sums every 32nd square
  float sum = 0.0f;
  for (unsigned i = lane; i < 96; i += 32) {
    const float v = x[row * 96 + i];
    sum += v * v;
  }
  sums[lane] = sum;
  __syncthreads();
  sum = 0.0f;
  for (unsigned j = 0u; j < 32; j++) {
    sum += sums[j];
  }
  const float scale = root(sum / 96.0f);
  float tile[3] = {};
  #pragma unroll
  for (unsigned k = 0u; k < 3; k++) {
    const unsigned c = lane + k * 32;
    tile[k] = x[row * 96 + c] / scale * launch.depth_scale * gain[c];
  }
  const float4 four = make_float4(tile[0], tile[1], tile[2], 1.0f) * 2.0f;
  if (row >= 5 && (lane < 16 || launch.layer == 0)) {
    normed[row * 96 + lane - 480] = four.x > 0.0f ? four.x : -host.lr;
  } else if (lane == 0) {
    kept[row] = is_nonfinite(four.y);
  } else {
    return;
  }
}

}
