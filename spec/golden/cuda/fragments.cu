// product_bf16
//
// The product of two matrices of 32 by 32.

namespace tfm {

__shared__ union {
  alignas(16) unsigned short x_tile[1280];
  float result[640];
} memory;
alignas(16) __shared__ unsigned short y_tile[1280];

// The bits of the nearest bf16, of two the even one.
__device__ inline unsigned short to_bf16(float x) {
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

// 16 lines of an operand by 16 places along the sum; each lane of a warp has four pairs of elements.
struct Fragment {
  unsigned pairs[4];
};

// Loads four matrices of 8 by 8, each lane with the address of a row.
__device__ inline void ldmatrix_x4(unsigned* pairs, const unsigned short* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(pairs[0]), "=r"(pairs[1]), "=r"(pairs[2]), "=r"(pairs[3])
               : "r"(unsigned(__cvta_generic_to_shared(row)))
               : "memory");
}

// Rows whose elements lie side by side along the sum.
__device__ inline Fragment load_rows(const unsigned short* first, unsigned stride) {
  const unsigned lane = threadIdx.x % 32;
  Fragment f;
  ldmatrix_x4(f.pairs, first + lane % 16 * stride + lane / 16 * 8);
  return f;
}

// Loads four matrices of 8 by 8, each lane with the address of a row, and transposes them.
__device__ inline void ldmatrix_x4_trans(unsigned* pairs, const unsigned short* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(pairs[0]), "=r"(pairs[1]), "=r"(pairs[2]), "=r"(pairs[3])
               : "r"(unsigned(__cvta_generic_to_shared(row)))
               : "memory");
}

// Columns whose lines lie side by side.
__device__ inline Fragment load_columns_of_lines(const unsigned short* first, unsigned stride) {
  const unsigned lane = threadIdx.x % 32;
  Fragment f;
  ldmatrix_x4_trans(f.pairs, first + lane % 16 * stride + lane / 16 * 8);
  return f;
}

// Adds the product of 16 rows and 8 columns, whose elements are pairs in words, to the 4 of their sums that a lane has.
__device__ inline void mma_16x8x16_bf16(float* sums, const unsigned* rows, unsigned first, unsigned second) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(rows[0]), "r"(rows[1]), "r"(rows[2]), "r"(rows[3]), "r"(first), "r"(second));
}

// Adds the product of two fragments to the 8 of its sums that a lane has.
__device__ inline void multiply_bf16(float* sums, const Fragment& row, const Fragment& column) {
  mma_16x8x16_bf16(sums, row.pairs, column.pairs[0], column.pairs[1]);
  mma_16x8x16_bf16(sums + 4, row.pairs, column.pairs[2], column.pairs[3]);
}

extern "C" __global__ void __launch_bounds__(64, 1) kernel(
  const float* __restrict__ x, // [32, 32]
  const float* __restrict__ y, // [32, 32]
  float* __restrict__ out      // [32, 32]
) {
  const unsigned lane = threadIdx.x;
  for (unsigned place = lane; place < 1024; place += 64) {
    memory.x_tile[place / 32 * 40 + place % 32] = to_bf16(x[place]);
  }
  for (unsigned place = lane; place < 1024; place += 64) {
    y_tile[place / 32 * 40 + place % 32] = to_bf16(y[place]);
  }
  __syncthreads();
  float sum[16] = {};
  for (unsigned step = 0u; step < 32; step += 16) {
    const Fragment x_0 = load_rows(&memory.x_tile[lane / 32 * 16 * 40 + step], 40);
    const Fragment y_0 = load_columns_of_lines(&y_tile[step * 40], 40);
    multiply_bf16(&sum[0], x_0, y_0);
    const Fragment y_1 = load_columns_of_lines(&y_tile[step * 40 + 16], 40);
    multiply_bf16(&sum[8], x_0, y_1);
  }
  __syncthreads();
  for (unsigned part = 0u; part < 2; part++) {
    #pragma unroll
    for (unsigned n = 0u; n < 16; n++) {
      if (lane / 32 == part) {
        memory.result[((lane / 32 * 16 + lane % 32 / 4 + n % 8 / 2 % 2 * 8) * 32 + n / 8 * 16 + lane % 32 % 4 * 2 + n % 8 % 2 + n % 8 / 4 * 8) % 512] = sum[n];
      }
    }
    __syncthreads();
    for (unsigned i = lane; i < 512; i += 64) {
      out[part * 512 + i] = memory.result[i];
    }
    __syncthreads();
  }
}

}
