// residual
//
// Computes sum [batch 3, time 17, hidden 40]
// from x, w_gate, w_up, residual.
// One tile per workgroup: 32 of batch x time by 32 of hidden; 16 by 16 in a subgroup, multiplied in bf16.
// 208 kFLOP, 28.9 kB moved by one launch.

namespace tfm {

alignas(16) __shared__ unsigned short row_tile[2560];
alignas(16) __shared__ unsigned short column_tile[2560];
alignas(16) __shared__ unsigned short column_tile_2[2560];
alignas(16) __shared__ float sum_tile[2304];

// One number four times.
__device__ inline float4 splat(float x) {
  return make_float4(x, x, x, x);
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

// Two numbers rounded to bf16, the first in the lower half of a word.
__device__ inline unsigned pair_bf16(float low, float high) {
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

// Four numbers rounded to bf16.
__device__ inline uint2 four_bf16(float4 x) {
  return make_uint2(pair_bf16(x.x, x.y), pair_bf16(x.z, x.w));
}

__device__ inline float4 operator-(float4 a) {
  return make_float4(-a.x, -a.y, -a.z, -a.w);
}

__device__ inline float4 expf_4(float4 a) {
  return make_float4(expf(a.x), expf(a.y), expf(a.z), expf(a.w));
}

__device__ inline float4 operator+(float a, float4 b) {
  return make_float4(a + b.x, a + b.y, a + b.z, a + b.w);
}

__device__ inline float4 operator/(float4 a, float4 b) {
  return make_float4(a.x / b.x, a.y / b.y, a.z / b.z, a.w / b.w);
}

__device__ inline float4 operator*(float4 a, float4 b) {
  return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}

__device__ inline float4 operator+(float4 a, float4 b) {
  return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}
__device__ inline float4& operator+=(float4& a, float4 b) {
  return a = a + b;
}

extern "C" __global__ void __launch_bounds__(128, 4) kernel(
  const float* __restrict__ x,        // [batch 3, time 17, width 24]
  const float* __restrict__ w_up,     // [width 24, hidden 40]
  const float* __restrict__ w_gate,   // [width 24, hidden 40]
  const float* __restrict__ residual, // [batch 3, time 17, hidden 40]
  float* __restrict__ sum             // [batch 3, time 17, hidden 40]
) {
  const unsigned group = blockIdx.x;
  const unsigned lane = threadIdx.x;
  const unsigned first_row = group / 2 * 32;
  const unsigned first_column = group % 2 * 32;
  const unsigned row_team = lane / 64;
  const unsigned column_team = lane / 32 % 2;
  float up_sums[8] = {};
  float gate_sums[8] = {};
  // Each step begins to bring operands, and multiplies those that were brought one step before.
  for (unsigned step = 0u; step < 2; step++) {
    float4 next_x[2] = {};
    float4 next_w_up[2] = {};
    float4 next_w_gate[2] = {};
    __syncthreads();
    if (step < 1) {
      const bool condition = step * 32 + lane % 8 * 4 < 24;
      const unsigned at = min(step * 8 + lane % 8, 5);
      #pragma unroll
      for (unsigned n = 0u; n < 2; n++) {
        const unsigned at_2 = min(first_row + n * 16 + lane / 8, 50);
        next_x[n] = condition ? reinterpret_cast<const float4*>(x)[at_2 * 6 + at] : splat(0.0f);
      }
      const unsigned at_2 = min(first_column / 4 + lane % 8, 9);
      #pragma unroll
      for (unsigned n = 0u; n < 2; n++) {
        const unsigned at_3 = step * 32 + n * 16 + lane / 8;
        next_w_up[n] = reinterpret_cast<const float4*>(w_up)[min(at_3, 23) * 10 + at_2];
      }
      #pragma unroll
      for (unsigned n = 0u; n < 2; n++) {
        const unsigned at_3 = step * 32 + n * 16 + lane / 8;
        next_w_gate[n] = reinterpret_cast<const float4*>(w_gate)[min(at_3, 23) * 10 + at_2];
      }
    }
    if (0 < step) {
      const unsigned at = (step + 1) % 2 * 1280 + row_team * 640;
      for (unsigned place = 0u; place < 32; place += 16) {
        const Fragment x_0 = load_rows(&row_tile[at + place], 40);
        const unsigned at_2 = (step + 1) % 2 * 1280 + place * 40;
        const unsigned at_3 = at_2 + column_team * 16;
        const Fragment w_up_0 = load_columns_of_lines(&column_tile[at_3], 40);
        multiply_bf16(&up_sums[0], x_0, w_up_0);
        const Fragment w_gate_0 = load_columns_of_lines(&column_tile_2[at_3], 40);
        multiply_bf16(&gate_sums[0], x_0, w_gate_0);
      }
    }
    if (step < 1) {
      #pragma unroll
      for (unsigned n = 0u; n < 2; n++) {
        const unsigned at = step * 320 + n * 160 + lane / 8 * 10;
        reinterpret_cast<uint2*>(row_tile)[at + lane % 8] = four_bf16(next_x[n]);
      }
      #pragma unroll
      for (unsigned n = 0u; n < 2; n++) {
        const unsigned at = step * 320 + n * 160 + lane / 8 * 10;
        reinterpret_cast<uint2*>(column_tile)[at + lane % 8] = four_bf16(next_w_up[n]);
      }
      #pragma unroll
      for (unsigned n = 0u; n < 2; n++) {
        const unsigned at = step * 320 + n * 160 + lane / 8 * 10;
        reinterpret_cast<uint2*>(column_tile_2)[at + lane % 8] = four_bf16(next_w_gate[n]);
      }
    }
  }
  const unsigned at = row_team * 576 + lane % 32 / 4 * 36;
  #pragma unroll
  for (unsigned n = 0u; n < 8; n++) {
    const unsigned at_2 = at + n / 2 % 2 * 288 + column_team * 16;
    const unsigned at_3 = at_2 + lane % 32 % 4 * 2 + n % 2;
    const unsigned at_4 = at_3 + n / 4 * 8;
    sum_tile[at_4] = up_sums[n];
    sum_tile[at_4 + 1152] = gate_sums[n];
  }
  __syncthreads();
  for (unsigned place = lane; place < 256; place += 128) {
    const unsigned row = first_row + place / 8;
    const unsigned column = first_column + place % 8 * 4;
    if (row < 51 && column < 40) {
      const unsigned at_2 = place / 8 * 36 + place % 8 * 4;
      const float4 up = reinterpret_cast<const float4*>(sum_tile)[at_2 / 4];
      const float4 gate = reinterpret_cast<const float4*>(sum_tile)[at_2 / 4 + 288];
      reinterpret_cast<float4*>(sum)[row * 10 + column / 4] = gate / (1.0f + expf_4(-gate)) * up + reinterpret_cast<const float4*>(residual)[row * 10 + column / 4];
    }
  }
}

}
