// turned
//
// Pieces in another order.

namespace tfm {

alignas(16) __shared__ unsigned short tile[768];

// Waits until no group of the thread's copies is under way but the last OPEN.
template <int OPEN>
__device__ inline void wait_copies() {
  asm volatile("cp.async.wait_group %0;" :: "n"(OPEN) : "memory");
}

// Begins to copy 16 bytes to shared memory, or to fill them with zeros.
__device__ inline void copy_16_or_zeros(void* to, const void* from, bool inside) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :: "r"(unsigned(__cvta_generic_to_shared(to))), "l"(__cvta_generic_to_global(from)), "r"(inside ? 16 : 0)
               : "memory");
}

// Closes the group of the copies that the thread began since the last.
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

// A bf16 is the upper half of a float.
__device__ inline float from_bf16(unsigned short bits) {
  return __uint_as_float(unsigned(bits) << 16);
}

extern "C" __global__ void __launch_bounds__(32, 1) kernel(
  const unsigned short* __restrict__ x, // bf16 [1792]
  float* __restrict__ out               // [1792]
) {
  const unsigned lane = threadIdx.x;
  for (unsigned step = 0u; step < 9; step++) {
    wait_copies<1>();
    __syncthreads();
    if (step < 7) {
      copy_16_or_zeros(&tile[(step % 3 * 32 + lane) * 8], &x[(step * 32 + lane) * 8], (step + lane) % 3 < 2);
    }
    commit_copies();
    if (1 < step) {
      const unsigned done = step - 2;
      for (unsigned i = 0u; i < 8; i++) {
        out[(done * 32 + lane) * 8 + i] = from_bf16(tile[(done % 3 * 32 + (31 - lane)) * 8 + i]);
      }
    }
  }
}

}
