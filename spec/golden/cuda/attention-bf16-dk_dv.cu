// dk_dv
//
// Computes dk [batch 2, time 300, kv 1, head 64]
// and dv [batch 2, time 300, kv 1, head 64]
// from q, k, v, lse, do, delta.
// 64 keys per workgroup, 16 per subgroup, by 64 of the others at a time; multiplied in bf16.
// 92.5 MFLOP, 1.24 MB moved by one launch.

namespace tfm {

alignas(16) __shared__ unsigned short k_tile[4608];
alignas(16) __shared__ unsigned short v_tile[4608];
alignas(16) __shared__ unsigned short q_tile[4608];
alignas(16) __shared__ unsigned short do_tile[4608];
__shared__ float log_sum[64];
__shared__ float delta[64];

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

// Columns whose elements lie side by side along the sum.
__device__ inline Fragment load_columns(const unsigned short* first, unsigned stride) {
  const unsigned lane = threadIdx.x % 32;
  Fragment f;
  ldmatrix_x4(f.pairs, first + (lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8);
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

// Two to the power of x, as one instruction; 0 where that is not normal.
__device__ inline float raise_2(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

// The 8 sums of a lane as its elements of a fragment of rows.
__device__ inline Fragment fragment_bf16(const float* sums) {
  return {{pair_bf16(sums[0], sums[1]), pair_bf16(sums[2], sums[3]), pair_bf16(sums[4], sums[5]), pair_bf16(sums[6], sums[7])}};
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

// The score of a key for a query; very low where it is masked.
__device__ inline float score(unsigned i, unsigned j, float s) {
  return i < 300 && int(j) <= int(i) ? s : -1e+30f;
}

extern "C" __global__ void __launch_bounds__(128, 1) kernel(
  const float* __restrict__ k,       // [batch 2, time 300, kv 1, head 64]
  const float* __restrict__ v,       // [batch 2, time 300, kv 1, head 64]
  const float* __restrict__ q,       // [batch 2, time 300, kv 1, group 2, head 64]
  const float* __restrict__ do_2,    // [batch 2, time 300, kv 1, group 2, head 64]
  const float* __restrict__ lse,     // [batch 2, time 300, kv 1, group 2]
  const float* __restrict__ delta_2, // [batch 2, time 300, kv 1, group 2]
  float* __restrict__ dk,            // [batch 2, time 300, kv 1, head 64]
  float* __restrict__ dv             // [batch 2, time 300, kv 1, head 64]
) {
  const unsigned group = blockIdx.x;
  const unsigned lane = threadIdx.x;
  const unsigned subgroup_lane = threadIdx.x % 32;
  const unsigned outer = group / 5;
  const unsigned first_key = group % 5 * 64;
  const unsigned row_team = lane / 32;
  float key_gradient[32] = {};
  float value_gradient[32] = {};
  const unsigned at = first_key + row_team * 16 + subgroup_lane / 4;
  #pragma unroll
  for (unsigned group_2 = 0u; group_2 < 2; group_2++) {
    for (unsigned place = lane; place < 1024; place += 128) {
      const unsigned at_2 = outer * 4800 + min(first_key + place / 16, 299) * 16;
      reinterpret_cast<uint2*>(k_tile)[place / 16 * 18 + place % 16] = four_bf16(reinterpret_cast<const float4*>(k)[at_2 + place % 16]);
    }
    for (unsigned place = lane; place < 1024; place += 128) {
      const unsigned at_2 = outer * 4800 + min(first_key + place / 16, 299) * 16;
      reinterpret_cast<uint2*>(v_tile)[place / 16 * 18 + place % 16] = four_bf16(reinterpret_cast<const float4*>(v)[at_2 + place % 16]);
    }
    for (unsigned first_query = first_key; first_query < 300; first_query += 64) {
      for (unsigned place = lane; place < 1024; place += 128) {
        const unsigned at_2 = outer * 9600 + min(first_query + place / 16, 299) * 32;
        reinterpret_cast<uint2*>(q_tile)[place / 16 * 18 + place % 16] = four_bf16(reinterpret_cast<const float4*>(q)[at_2 + group_2 * 16 + place % 16]);
      }
      for (unsigned place = lane; place < 1024; place += 128) {
        const unsigned at_2 = outer * 9600 + min(first_query + place / 16, 299) * 32;
        reinterpret_cast<uint2*>(do_tile)[place / 16 * 18 + place % 16] = four_bf16(reinterpret_cast<const float4*>(do_2)[at_2 + group_2 * 16 + place % 16]);
      }
      for (unsigned query = lane; query < 64; query += 128) {
        const unsigned at_2 = outer * 600 + min(first_query + query, 299) * 2;
        const unsigned at_3 = at_2 + group_2;
        log_sum[query] = lse[at_3];
        delta[query] = delta_2[at_3];
      }
      __syncthreads();
      float weight[32] = {};
      for (unsigned place = 0u; place < 64; place += 16) {
        const Fragment k_0 = load_rows(&k_tile[row_team * 1152 + place], 72);
        #pragma unroll
        for (unsigned square = 0u; square < 4; square++) {
          const Fragment q_2 = load_columns(&q_tile[square * 1152 + place], 72);
          multiply_bf16(&weight[square * 8], k_0, q_2);
        }
      }
      float of_weight[32] = {};
      for (unsigned place = 0u; place < 64; place += 16) {
        const Fragment v_0 = load_rows(&v_tile[row_team * 1152 + place], 72);
        #pragma unroll
        for (unsigned square = 0u; square < 4; square++) {
          const Fragment do_2_2 = load_columns(&do_tile[square * 1152 + place], 72);
          multiply_bf16(&of_weight[square * 8], v_0, do_2_2);
        }
      }
      #pragma unroll
      for (unsigned row = 0u; row < 2; row++) {
        const unsigned at_2 = at + row * 8;
        #pragma unroll
        for (unsigned n = 0u; n < 16; n++) {
          const unsigned at_3 = n / 2 * 4 + n % 2 + row * 2;
          const unsigned at_4 = n / 4 * 16 + subgroup_lane % 4 * 2;
          const unsigned at_5 = n / 2 % 2 * 4 + n % 2;
          const unsigned at_6 = at_5 % 2;
          const unsigned at_7 = at_5 / 4 * 8;
          const unsigned at_8 = at_4 + at_6 + at_7;
          const float scaled = weight[at_3] * 0.18033688f - log_sum[at_8] * 1.442695f;
          const unsigned at_9 = first_query + n / 4 * 16 + subgroup_lane % 4 * 2;
          const float weight_2 = raise_2(score(at_9 + at_6 + at_7, at_2, scaled));
          weight[at_3] = weight_2;
          of_weight[at_3] = weight_2 * (of_weight[at_3] - delta[at_8]);
        }
      }
      #pragma unroll
      for (unsigned square = 0u; square < 4; square++) {
        const Fragment weights_0 = fragment_bf16(&weight[square * 8]);
        #pragma unroll
        for (unsigned column = 0u; column < 4; column++) {
          const Fragment do_2_2 = load_columns_of_lines(&do_tile[square * 1152 + column * 16], 72);
          multiply_bf16(&value_gradient[column * 8], weights_0, do_2_2);
        }
      }
      #pragma unroll
      for (unsigned square = 0u; square < 4; square++) {
        const Fragment of_scores_0 = fragment_bf16(&of_weight[square * 8]);
        #pragma unroll
        for (unsigned column = 0u; column < 4; column++) {
          const Fragment q_2 = load_columns_of_lines(&q_tile[square * 1152 + column * 16], 72);
          multiply_bf16(&key_gradient[column * 8], of_scores_0, q_2);
        }
      }
      __syncthreads();
    }
  }
  #pragma unroll
  for (unsigned row = 0u; row < 2; row++) {
    const unsigned at_2 = at + row * 8;
    if (at_2 < 300) {
      const unsigned at_3 = outer * 19200 + min(at_2, 299) * 64;
      #pragma unroll
      for (unsigned n = 0u; n < 16; n++) {
        const unsigned at_4 = at_3 + n / 4 * 16 + subgroup_lane % 4 * 2;
        const unsigned at_5 = n / 2 % 2 * 4 + n % 2;
        const unsigned at_6 = at_4 + at_5 % 2 + at_5 / 4 * 8;
        const unsigned at_7 = n / 2 * 4 + n % 2 + row * 2;
        dk[at_6] = key_gradient[at_7] * 0.125f;
      }
    }
  }
  #pragma unroll
  for (unsigned row = 0u; row < 2; row++) {
    const unsigned at_2 = at + row * 8;
    if (at_2 < 300) {
      const unsigned at_3 = outer * 19200 + min(at_2, 299) * 64;
      #pragma unroll
      for (unsigned n = 0u; n < 16; n++) {
        const unsigned at_4 = at_3 + n / 4 * 16 + subgroup_lane % 4 * 2;
        const unsigned at_5 = n / 2 % 2 * 4 + n % 2;
        const unsigned at_6 = at_4 + at_5 % 2 + at_5 / 4 * 8;
        const unsigned at_7 = n / 2 * 4 + n % 2 + row * 2;
        dv[at_6] = value_gradient[at_7];
      }
    }
  }
}

}
