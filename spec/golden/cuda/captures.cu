// captures
//
// One element per invocation.

namespace tfm {

struct Launch {
  float scale;
};

struct Host {
  unsigned step;
  unsigned seed;
  unsigned micro;
  float lr;
  float bias1;
  float bias2;
};

// The value that a lane of the warp has; all of its lanes take part.
__device__ inline float shuffle(float value, unsigned lane) {
  return __shfl_sync(0xffffffffu, value, int(lane));
}

// One number four times.
__device__ inline float4 splat(float x) {
  return make_float4(x, x, x, x);
}

// One element, scaled.
__device__ inline float inner(unsigned at, const float* __restrict__ x, const Launch& launch, const Host& host) {
  return x[at] * launch.scale * host.lr;
}

__device__ inline void outer(
    unsigned at,
    const float* __restrict__ x,
    float* __restrict__ y,
    const Launch& launch,
    const Host& host
) {
  y[at] = inner(at, x, launch, host);
}

extern "C" __global__ void __launch_bounds__(32, 1) kernel(
  const float* __restrict__ x, // [width 32]
  const int* __restrict__ n,   // [width 32]
  float* __restrict__ y,       // [width 32]
  const __grid_constant__ Launch launch,
  const Host* __restrict__ host_scalars
) {
  const Host& host = *host_scalars;
  const unsigned lane = threadIdx.x;
  const int whole = n[lane];
  const float passed = shuffle(float(whole), 3);
  float4 kept[3] = {};
  #pragma unroll
  for (unsigned k = 0u; k < 3; k++) {
    kept[k] = splat(passed);
  }
  outer(lane, x, y, launch, host);
  #pragma unroll
  for (unsigned k = 0u; k < 3; k++) {
    y[k] = kept[k].x;
  }
}

}
